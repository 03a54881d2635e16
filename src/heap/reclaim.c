/* SPDX-License-Identifier: MIT */
/* reclaim.c: see reclaim.h. */
#include "heap/reclaim.h"
#include "memory/unit_cache.h"
#include "memory/units.h"
#include "slab/abandoned.h"
#include "slab/collect.h"
#include "slab/thread_heap.h"
#include <stddef.h>

#define TICK_MS 125u
#define SWEEP_LEAST 16 /* slabs, 1 MiB: fewer are not worth a look before more memory is asked for */

bool reclaim_all(void) {
    struct thread_heap *heap = thread_heap_existing();
    bool any = false;
    if (heap) {
        any = slab_collect(heap);
        any = slab_disband_orphans() || any;
        slab_sweep(heap, 0);
    }
    any = thread_heaps_empty_stocks() || any;
    any = unit_cache_empty() || any; /* whole regions may go back at once */
    return units_purge() || any;
}

bool reclaim_for(size_t size) { return units_could_be(size) && reclaim_all(); }

void *reclaim_failed(void) {
    units_open_reserve();
    return NULL;
}

/* A thread in the midst of a tick keeps no other from the next one. */
void reclaim_tick(void) {
    static atomic_u32 last_ms;
    uint32_t now = (uint32_t)os_clock_ms(), last = load_relaxed(&last_ms);
    if (now - last < TICK_MS || !exchange_if_acquire(&last_ms, &last, now)) /* alone: it orders nothing */
        return;
    slab_disband_old_orphans();
    unit_cache_tick();
    thread_heaps_tick();
    units_tick();
}

void reclaim_slabs(void) {
    struct thread_heap *heap = thread_heap_existing();
    if (heap)
        slab_sweep(heap, SWEEP_LEAST);
}
