/* SPDX-License-Identifier: MIT */
/* functions.h: the one list of the functions in struct brainmm_manager.
 *
 * F(result, name, parameters, arguments, missing): MISSING is the answer where there is no such function. The first
 * list is in every version-2 table; the functions of the second can be missing in that of an older owner. Not in the
 * lists: thread_done, which returns nothing, and move_b16, jit_flush and peek, which need no heap and are always the
 * module's own.
 */
#ifndef BRAINMM_FUNCTIONS_H
#define BRAINMM_FUNCTIONS_H

#include "brainmm.h"

#define FIRST_FUNCTIONS(F)                                                                                             \
    F(void *, alloc, (size_t size), (size), NULL)                                                                      \
    F(void *, alloc_zeroed, (size_t size), (size), NULL)                                                               \
    F(void *, alloc_aligned, (size_t alignment, size_t size), (alignment, size), NULL)                                 \
    F(int, free, (void *piece), (piece), BRAINMM_E_POINTER)                                                            \
    F(void *, realloc, (void *piece, size_t size), (piece, size), NULL)                                                \
    F(void *, reget, (void *piece, size_t size), (piece, size), NULL)                                                  \
    F(size_t, usable_size, (const void *piece), (piece), 0)
#define LATER_FUNCTIONS(F)                                                                                             \
    F(void *, block_get, (size_t size, unsigned mode), (size, mode), NULL)                                             \
    F(int, block_free, (void *block, unsigned mode), (block, mode), BRAINMM_E_UNSUPPORTED)                             \
    F(void *, pages_get, (size_t count, unsigned mode), (count, mode), NULL)                                           \
    F(void *, pages_reget, (void *pages, size_t count, unsigned mode), (pages, count, mode), NULL)                     \
    F(void *, pages_realloc, (void *pages, size_t count, unsigned mode), (pages, count, mode), NULL)                   \
    F(int, pages_free, (void *pages, unsigned mode), (pages, mode), BRAINMM_E_UNSUPPORTED)                             \
    F(int, get_options, (const void *address, brainmm_options *options), (address, options), 0)                        \
    F(int, thread_heap_minimize, (void), (), 0)                                                                        \
    F(int, get_stats, (brainmm_stats * stats, brainmm_class_stats * classes, size_t capacity),                         \
      (stats, classes, capacity), BRAINMM_E_UNSUPPORTED)                                                               \
    F(int, walk, (brainmm_visit visit, void *context), (visit, context), BRAINMM_E_UNSUPPORTED)                        \
    F(int, pages_set_rights, (void *pages, size_t count, unsigned rights), (pages, count, rights),                     \
      BRAINMM_E_UNSUPPORTED)                                                                                           \
    F(int, pages_get_rights, (const void *page, unsigned *rights), (page, rights), BRAINMM_E_UNSUPPORTED)              \
    F(int, jit_heap_create, (unsigned kind, brainmm_jit_heap **heap), (kind, heap), BRAINMM_E_UNSUPPORTED)             \
    F(int, jit_heap_clear, (brainmm_jit_heap * heap), (heap), BRAINMM_E_UNSUPPORTED)                                   \
    F(int, jit_heap_destroy, (brainmm_jit_heap * heap), (heap), BRAINMM_E_UNSUPPORTED)                                 \
    F(void *, jit_alloc, (brainmm_jit_heap * heap, size_t size, void **writable), (heap, size, writable), NULL)        \
    F(int, jit_free, (brainmm_jit_heap * heap, void *code), (heap, code), BRAINMM_E_UNSUPPORTED)                       \
    F(int, set_error_handler, (brainmm_error_handler handler, void *context), (handler, context),                      \
      BRAINMM_E_UNSUPPORTED)                                                                                           \
    F(unsigned, stack_frames, (uint32_t stack, brainmm_frame * frames, unsigned capacity), (stack, frames, capacity),  \
      0)                                                                                                               \
    F(int, check, (void), (), BRAINMM_E_UNSUPPORTED)                                                                   \
    F(int, report_leaks, (brainmm_write write, void *context), (write, context), BRAINMM_E_UNSUPPORTED)                \
    F(int, snapshot_take, (brainmm_snapshot * *snapshot), (snapshot), BRAINMM_E_UNSUPPORTED)                           \
    F(int, snapshot_free, (brainmm_snapshot * snapshot), (snapshot), BRAINMM_E_UNSUPPORTED)                            \
    F(int, snapshot_difference,                                                                                        \
      (const brainmm_snapshot *before, const brainmm_snapshot *after, brainmm_write write, void *context),             \
      (before, after, write, context), BRAINMM_E_UNSUPPORTED)                                                          \
    F(int, register_expected_leak, (const brainmm_expected_leak *leak), (leak), BRAINMM_E_UNSUPPORTED)                 \
    F(int, unregister_expected_leak, (const brainmm_expected_leak *leak), (leak), BRAINMM_E_UNSUPPORTED)               \
    F(int, add_describer, (brainmm_describe describe, void *context), (describe, context), BRAINMM_E_UNSUPPORTED)      \
    F(int, remove_describer, (brainmm_describe describe, void *context), (describe, context), BRAINMM_E_UNSUPPORTED)   \
    F(unsigned, leak_wishes, (void), (), 0)                                                                            \
    F(int, dump, (brainmm_write write, void *context, unsigned parts), (write, context, parts), BRAINMM_E_UNSUPPORTED) \
    F(int, hold_reports, (void), (), BRAINMM_E_UNSUPPORTED)                                                            \
    F(int, release_reports, (void), (), BRAINMM_E_UNSUPPORTED)                                                         \
    F(int, contains, (const void *address), (address), 0)                                                              \
    F(int, publish_fastmm, (void), (), BRAINMM_E_UNSUPPORTED)
#define ALL_FUNCTIONS(F) FIRST_FUNCTIONS(F) LATER_FUNCTIONS(F)

#endif
