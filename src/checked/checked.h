/* SPDX-License-Identifier: MIT */
/* checked.h: checked mode: the functions of the manager table over a heap that finds a program's errors. What each
 * function does is as in brainmm.h; docs/checked.md tells what is found, and when.
 *
 * The mode is chosen before the heap starts. All memory comes from the same heap as without it. Each allocation has a
 * record (record.h), zones before and behind it (zone.h), and stays in quarantine for a while when it is freed
 * (quarantine.h).
 */
#ifndef BRAINMM_CHECKED_H
#define BRAINMM_CHECKED_H

#include "brainmm.h"
#include "checked/frames.h"
#include "checked/pieces.h"
#include "checked/record.h"
#include "checked/settings.h"
#include "heap/functions.h"

/* Chooses it. After os_facts_start(), before the heap starts. */
void checked_start(const struct checked_settings *settings);

/* Notes the calling thread's stack, for what the call allocates or frees. Stands first in each function that the
 * program calls. */
#define CHECKED_ENTRY()                                                                                                \
    do {                                                                                                               \
        if (UNLIKELY(checked_settings.frames != 0))                                                                    \
            checked_note_stack(STACK_ORIGIN);                                                                          \
    } while (0)
void checked_note_stack(struct stack_origin origin);

/* brainmm_realloc, or brainmm_reget, for callers whose FUNCTION is named in reports. */
void *checked_resize_as(void *piece, size_t size, bool keeps_contents, const char *function);

/* These are as without the mode. */
#define checked_pages_get_rights heap_pages_get_rights
#define checked_thread_heap_minimize heap_thread_heap_minimize
#define checked_jit_heap_create heap_jit_heap_create
#define checked_jit_alloc heap_jit_alloc
#define checked_get_stats heap_get_stats
#define checked_walk heap_walk
#define checked_set_error_handler heap_set_error_handler
#define checked_stack_frames heap_stack_frames
#define checked_report_leaks heap_report_leaks
#define checked_snapshot_take heap_snapshot_take
#define checked_snapshot_free heap_snapshot_free
#define checked_snapshot_difference heap_snapshot_difference
#define checked_register_expected_leak heap_register_expected_leak
#define checked_unregister_expected_leak heap_unregister_expected_leak
#define checked_add_describer heap_add_describer
#define checked_remove_describer heap_remove_describer
#define checked_leak_wishes heap_leak_wishes
#define checked_dump heap_dump
#define checked_hold_reports heap_hold_reports
#define checked_release_reports heap_release_reports
#define checked_contains heap_contains
#define checked_publish_fastmm heap_publish_fastmm

#define CHECKED_FUNCTION(result, name, parameters, arguments, missing) result BRAINMM_CALL checked_##name parameters;
ALL_FUNCTIONS(CHECKED_FUNCTION)

#endif
