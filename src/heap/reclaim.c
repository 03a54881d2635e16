/* SPDX-License-Identifier: MIT */
/* reclaim.c: see reclaim.h. */
#include "heap/reclaim.h"
#include "memory/unit_cache.h"
#include "memory/units.h"
#include "slab/abandoned.h"
#include "slab/collect.h"
#include "slab/thread_heap.h"
#include <stddef.h>

#define SWEEP_LEAST 16 /* slabs, 1 MiB: fewer are not worth a look before more memory is asked for */

bool reclaim_all(void) {
    struct thread_heap *heap = thread_heap_existing();
    bool any = false;
    if (heap) {
        any = slab_collect(heap);
        any = slab_disband_orphans() || any;
        slab_sweep(heap, 0);
    }
    unit_cache_empty();
    return units_purge() || any;
}

bool reclaim_for(size_t size) { return units_could_be(size) && reclaim_all(); }

void *reclaim_failed(void) {
    units_open_reserve();
    return NULL;
}

void reclaim_slabs(void) {
    struct thread_heap *heap = thread_heap_existing();
    if (heap)
        slab_sweep(heap, SWEEP_LEAST);
}
