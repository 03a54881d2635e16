/* SPDX-License-Identifier: MIT */
/* allocate.h: the allocator on which a workload runs, chosen when it is compiled.
 *
 * The default is malloc. On Linux LD_PRELOAD replaces it, on Windows it is msvcrt's. Windows has no preloading, so
 * there the same workloads are also built on BrainMM (BENCH_BRAINMM) and on HeapAlloc (BENCH_PROCESS_HEAP).
 */
#ifndef BENCH_ALLOCATE_H
#define BENCH_ALLOCATE_H

#include <stddef.h>

#if defined(BENCH_BRAINMM)

#include "brainmm.h"
static inline void *piece_alloc(size_t size) { return brainmm_alloc(size); }
static inline void *piece_alloc_zeroed(size_t size) { return brainmm_alloc_zeroed(size); }
static inline void *piece_realloc(void *piece, size_t size) { return brainmm_realloc(piece, size); }
static inline void piece_free(void *piece) { (void)brainmm_free(piece); }

#elif defined(BENCH_PROCESS_HEAP)

#include <windows.h>
static inline void *piece_alloc(size_t size) { return HeapAlloc(GetProcessHeap(), 0, size); }
static inline void *piece_alloc_zeroed(size_t size) { return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size); }
static inline void *piece_realloc(void *piece, size_t size) {
    return piece ? HeapReAlloc(GetProcessHeap(), 0, piece, size) : HeapAlloc(GetProcessHeap(), 0, size);
}
static inline void piece_free(void *piece) { HeapFree(GetProcessHeap(), 0, piece); }

#else

#include <stdlib.h>
static inline void *piece_alloc(size_t size) { return malloc(size); }
static inline void *piece_alloc_zeroed(size_t size) { return calloc(1, size); }
static inline void *piece_realloc(void *piece, size_t size) { return realloc(piece, size); }
static inline void piece_free(void *piece) { free(piece); }

#endif
#endif
