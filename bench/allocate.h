/* SPDX-License-Identifier: MIT */
/* allocate.h: the allocator on which a workload runs, chosen when it is compiled.
 *
 * The default is malloc. On Linux LD_PRELOAD replaces it, on Windows it is msvcrt's. Windows has no preloading, so
 * there the same workloads are also built on BrainMM (BENCH_BRAINMM), on HeapAlloc (BENCH_PROCESS_HEAP), and on
 * mimalloc (BENCH_MIMALLOC) and rpmalloc (BENCH_RPMALLOC), if somebody has built those (bench.mk).
 *
 * What piece_alloc_aligned returns is freed by piece_free_aligned: Windows tells the two kinds of pieces apart.
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
static inline void *piece_alloc_aligned(size_t alignment, size_t size) {
    return brainmm_alloc_aligned(alignment, size);
}
static inline void piece_free_aligned(void *piece) { (void)brainmm_free(piece); }

#elif defined(BENCH_PROCESS_HEAP)

#include <stdint.h>
#include <windows.h>
static inline void *piece_alloc(size_t size) { return HeapAlloc(GetProcessHeap(), 0, size); }
static inline void *piece_alloc_zeroed(size_t size) { return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size); }
static inline void *piece_realloc(void *piece, size_t size) {
    return piece ? HeapReAlloc(GetProcessHeap(), 0, piece, size) : HeapAlloc(GetProcessHeap(), 0, size);
}
static inline void piece_free(void *piece) { HeapFree(GetProcessHeap(), 0, piece); }
/* HeapAlloc knows no alignment. So the word before the piece says where its memory begins. */
static inline void *piece_alloc_aligned(size_t alignment, size_t size) {
    char *memory = HeapAlloc(GetProcessHeap(), 0, size + alignment + sizeof(void *));
    if (!memory) {
        return NULL;
    }
    void **piece = (void **)(((uintptr_t)memory + sizeof(void *) + alignment - 1) & ~(uintptr_t)(alignment - 1));
    piece[-1] = memory;
    return piece;
}
static inline void piece_free_aligned(void *piece) { HeapFree(GetProcessHeap(), 0, ((void **)piece)[-1]); }

#elif defined(BENCH_MIMALLOC)

void *mi_malloc(size_t size);
void *mi_zalloc(size_t size);
void *mi_realloc(void *piece, size_t size);
void mi_free(void *piece);
void *mi_malloc_aligned(size_t size, size_t alignment);
static inline void *piece_alloc(size_t size) { return mi_malloc(size); }
static inline void *piece_alloc_zeroed(size_t size) { return mi_zalloc(size); }
static inline void *piece_realloc(void *piece, size_t size) { return mi_realloc(piece, size); }
static inline void piece_free(void *piece) { mi_free(piece); }
static inline void *piece_alloc_aligned(size_t alignment, size_t size) { return mi_malloc_aligned(size, alignment); }
static inline void piece_free_aligned(void *piece) { mi_free(piece); }

#elif defined(BENCH_RPMALLOC)

void *rpmalloc(size_t size);
void *rpzalloc(size_t size);
void *rprealloc(void *piece, size_t size);
void rpfree(void *piece);
void *rpaligned_alloc(size_t alignment, size_t size);
static inline void *piece_alloc(size_t size) { return rpmalloc(size); }
static inline void *piece_alloc_zeroed(size_t size) { return rpzalloc(size); }
static inline void *piece_realloc(void *piece, size_t size) { return rprealloc(piece, size); }
static inline void piece_free(void *piece) { rpfree(piece); }
static inline void *piece_alloc_aligned(size_t alignment, size_t size) { return rpaligned_alloc(alignment, size); }
static inline void piece_free_aligned(void *piece) { rpfree(piece); }

#else

#include <stdlib.h>
static inline void *piece_alloc(size_t size) { return malloc(size); }
static inline void *piece_alloc_zeroed(size_t size) { return calloc(1, size); }
static inline void *piece_realloc(void *piece, size_t size) { return realloc(piece, size); }
static inline void piece_free(void *piece) { free(piece); }
#if defined(_WIN32)
#include <malloc.h>
static inline void *piece_alloc_aligned(size_t alignment, size_t size) { return _aligned_malloc(size, alignment); }
static inline void piece_free_aligned(void *piece) { _aligned_free(piece); }
#else
static inline void *piece_alloc_aligned(size_t alignment, size_t size) {
    void *piece;
    return posix_memalign(&piece, alignment, size) == 0 ? piece : NULL;
}
static inline void piece_free_aligned(void *piece) { free(piece); }
#endif

#endif
#endif
