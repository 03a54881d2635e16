/* SPDX-License-Identifier: MIT */
/* watch.h: allocations that a tool watches (struct os_tool): memcheck, a sanitizer, heaptrack. docs/tools.md.
 *
 * The tool sees each access. So there are no canaries and fills, and no guard pages: the bytes around an allocation,
 * and those of a freed one, are forbidden. Records and quarantine are as without a tool.
 *
 *   up to 32 KiB   | header | front zone | the allocation | rear zone |
 *   above          | front zone | the allocation | rear zone |
 *
 * The core works with the header of an object, 16 bytes, when the object is free. So those are always allowed.
 */
#ifndef BRAINMM_CHECKED_WATCH_H
#define BRAINMM_CHECKED_WATCH_H

#include "base/compiler.h"
#include "checked/objects.h"
#include "checked/settings.h"

/* Before the heap starts. */
void watch_start(void);

static inline bool watch_is_on(void) { return UNLIKELY(checked_settings.tool != NULL); }

/* An allocation of SIZE bytes begins in the object at RAW, of TABLE's slab. WORD: record_word_of(). */
void *watch_object(struct thread_heap *heap, struct record_table *table, char *raw, size_t size, bool zeroed,
                   uint32_t word);

/* It ends: its record says so already. */
void watch_object_ends(struct thread_heap *heap, const struct object_view *object);

/* The same of any allocation, as far as the tool is concerned. */
void watch_run_begins(const struct place *place, bool zeroed);
void watch_ends(const void *piece, size_t size);

#endif
