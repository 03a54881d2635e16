/* SPDX-License-Identifier: MIT */
/* crt_functions.h (Windows): the one list of the functions of a C run-time that allocate and free.
 *
 * F(result, name, parameters, arguments). The functions of the first list are in every run-time, those of the second
 * may be missing in an old one. crt_NAME (crt_malloc.h) does over the process's heap what NAME does.
 */
#ifndef BRAINMM_CRT_FUNCTIONS_H
#define BRAINMM_CRT_FUNCTIONS_H

#include <stddef.h>

#define CRT_FUNCTIONS_ALWAYS(F)                                                                                        \
    F(void *, malloc, (size_t size), (size))                                                                           \
    F(void *, calloc, (size_t count, size_t size), (count, size))                                                      \
    F(void *, realloc, (void *piece, size_t size), (piece, size))                                                      \
    F(void, free, (void *piece), (piece))                                                                              \
    F(size_t, _msize, (void *piece), (piece))                                                                          \
    F(void *, _expand, (void *piece, size_t size), (piece, size))
#define CRT_FUNCTIONS_LATER(F)                                                                                         \
    F(void *, _recalloc, (void *piece, size_t count, size_t size), (piece, count, size))                               \
    F(void *, _aligned_malloc, (size_t size, size_t alignment), (size, alignment))                                     \
    F(void *, _aligned_realloc, (void *piece, size_t size, size_t alignment), (piece, size, alignment))                \
    F(void *, _aligned_recalloc, (void *piece, size_t count, size_t size, size_t alignment),                           \
      (piece, count, size, alignment))                                                                                 \
    F(void *, _aligned_offset_malloc, (size_t size, size_t alignment, size_t offset), (size, alignment, offset))       \
    F(void *, _aligned_offset_realloc, (void *piece, size_t size, size_t alignment, size_t offset),                    \
      (piece, size, alignment, offset))                                                                                \
    F(void *, _aligned_offset_recalloc, (void *piece, size_t count, size_t size, size_t alignment, size_t offset),     \
      (piece, count, size, alignment, offset))                                                                         \
    F(size_t, _aligned_msize, (void *piece, size_t alignment, size_t offset), (piece, alignment, offset))              \
    F(void, _aligned_free, (void *piece), (piece))
#define CRT_FUNCTIONS(F) CRT_FUNCTIONS_ALWAYS(F) CRT_FUNCTIONS_LATER(F)

#endif
