/* SPDX-License-Identifier: MIT */
/* walk_support.h: stores what brainmm_walk reports outside the heap and looks it up by address. */
#ifndef TESTS_WALK_SUPPORT_H
#define TESTS_WALK_SUPPORT_H

#include "heap_support.h"

#include "brainmm.h"

struct seen {
    brainmm_allocation *all; /* by ascending address */
    size_t count, room;
};

SUPPORT_INLINE void seen_start(struct seen *seen, size_t room) {
    seen->all = system_pages(room * sizeof *seen->all);
    seen->room = room;
    seen->count = 0;
}

SUPPORT_INLINE void seen_end(struct seen *seen) { system_pages_free(seen->all, seen->room * sizeof *seen->all); }

/* A visitor; CONTEXT is a struct seen. Checks that addresses ascend, that nothing overlaps and that each description is
 * possible. */
SUPPORT_INLINE int BRAINMM_CALL seen_visit(void *context, const brainmm_allocation *allocation) {
    struct seen *seen = context;
    CHECK(allocation->struct_size == sizeof *allocation);
    CHECK(seen->count < seen->room);
    if (seen->count) {
        const brainmm_allocation *last = &seen->all[seen->count - 1];
        CHECK_MSG((uintptr_t)allocation->address >= (uintptr_t)last->address + last->size,
                  "%p comes after %p of %zu bytes", allocation->address, last->address, last->size);
    }
    CHECK((allocation->size > 0 || allocation->kind == BRAINMM_SMALL) && allocation->kind <= BRAINMM_JIT_MEMORY &&
          allocation->mode <= BRAINMM_JIT);
    CHECK(allocation->certainty <= BRAINMM_PRESUMED && allocation->reserved == 0);
    CHECK(allocation->alignment >= 16 && is_aligned(allocation->address, allocation->alignment));
    CHECK((allocation->kind == BRAINMM_JIT_MEMORY) == (allocation->mode == BRAINMM_JIT));
    seen->all[seen->count++] = *allocation;
    return 0;
}

SUPPORT_INLINE void seen_walk(struct seen *seen) {
    seen->count = 0;
    int result = brainmm_walk(seen_visit, seen);
    CHECK_MSG(result == BRAINMM_OK, "the walk ended with %d", result);
}

/* What was seen at ADDRESS, or NULL. */
SUPPORT_INLINE const brainmm_allocation *seen_at(const struct seen *seen, const void *address) {
    size_t low = 0, high = seen->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)seen->all[middle].address < (uintptr_t)address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < seen->count && seen->all[low].address == address ? &seen->all[low] : NULL;
}

#endif
