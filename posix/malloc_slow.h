/* SPDX-License-Identifier: MIT */
/* malloc_slow.h (POSIX): what the malloc family does when the fast paths of slab/fast_path.h do not apply. */
#ifndef BRAINMM_MALLOC_SLOW_H
#define BRAINMM_MALLOC_SLOW_H

#include "brainmm.h"
#include "checked/checked.h"
#include "heap/heap.h"
#include "heap/piece.h"
#include "share/manager.h"

/* The module may have no heap yet, or use another module's. FUNCTION is named in reports. */
static inline void *slow_alloc(size_t size, enum family family, const char *function) {
    bool owns = checked_serves || manager_start();
    if (checked_serves)
        return checked_alloc_as(size, family, function);
    return owns ? piece_alloc_slow(size, function) : brainmm_alloc(size);
}

static inline void *slow_alloc_aligned(size_t alignment, size_t size, enum family family, const char *function) {
    bool owns = checked_serves || manager_start();
    if (UNLIKELY(checked_serves))
        return checked_alloc_with(size, alignment, false, family, function);
    return owns ? heap_alloc_aligned_as(alignment, size, function) : brainmm_alloc_aligned(alignment, size);
}

/* In malloc.c: what a function that frees does when fast_free() does not apply. A piece that cannot be freed is
 * reported in the name of FUNCTION. Leaves errno as it is. Returns BRAINMM_OK. */
int free_slow_as(void *piece, enum family family, const char *function) __attribute__((visibility("hidden")));

/* Before the module has its heap, and if it uses another's, its own heap has no pieces and refuses all but NULL. */
static inline int slow_free(void *piece) {
    int result = piece_free_slow(piece);
    if (LIKELY(result == BRAINMM_OK))
        return BRAINMM_OK;
    return result == BRAINMM_E_POINTER && !manager_start() ? brainmm_free(piece) : result;
}

#endif
