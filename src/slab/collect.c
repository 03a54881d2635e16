/* SPDX-License-Identifier: MIT */
/* collect.c: see collect.h. */
#include "slab/collect.h"
#include "base/bits.h"
#include "slab/abandoned.h"
#include "slab/lifetime.h"
#include "slab/queues.h"
#include "slab/kept.h"
#include "slab/remote.h"
#include "slab/slab_inside.h"
#include "slab/thread_heap.h"
#include <string.h>

/* Returns the bin's cached objects to the slab that they came from, and takes what other threads freed to it. */
static void return_cached(struct thread_heap *heap, size_t bin, struct unit *slab) {
    uint32_t object_size = bin_geometry[bin].object_size;
    unsigned cached = 0;
    for (struct object *o = heap->cached[bin]; o && slab_holds(slab, o, object_size) && cached < slab_carved(slab);
         o = o->next)
        cached++;
    unsigned length = slab_local_length(slab);
    length += slab_join_local(slab, heap->cached[bin], cached);
    heap->cached[bin] = NULL;
    slab_arm_for_all(slab, length);
}

static size_t next_used(const struct thread_heap *heap, size_t from) {
    return bits_find_set(heap->used, from, HEAP_BINS);
}

/* Takes all slabs of a bin out of their queues. Then retires those of which all is free, and calls DONE_WITH for the
 * others. */
static void clear_bin(struct thread_heap *heap, size_t index, void (*done_with)(struct thread_heap *, struct unit *)) {
    struct bin *bin = &heap->bins[index];
    struct unit *slab = unit_or_null(bin->current);
    bin->was_kept = false;
    bin->vain = 0;
    if (slab) {
        return_cached(heap, index, slab);
        bin->current = 0;
        slab_make_available(bin, slab, slab_local_length(slab));
    }
    uint32_t chain = 0;
    while ((slab = unit_or_null(bin->available.first ? bin->available.first : bin->resting.first)) != NULL) {
        unsigned length = slab_local_length(slab);
        slab_unqueue(bin, slab);
        slab_arm_for_all(slab, length);
        link_set(&slab->prev, chain);
        chain = unit_number(slab);
    }
    while (chain) {
        slab = unit_from_number(chain);
        chain = link_get(&slab->prev);
        slab_take_remote(slab);
        if (slab_all_free(slab))
            slab_retire(slab);
        else
            done_with(heap, slab);
    }
}

/* ---- An orphan -------------------------------------------------------------------------------------------------- */

static void offer(struct thread_heap *heap, struct unit *slab) {
    bool worth = slab->slab.local || slab_carved(slab) < slab_geometry(slab)->capacity;
    if (!slab_abandon(heap, slab, worth ? SLAB_LISTED : SLAB_UNLISTED))
        slab_abandon(heap, slab, SLAB_LISTED);
}

void slab_disband(struct thread_heap *heap) {
    kept_forget_all(heap);
    for (size_t bin = next_used(heap, 0); bin < HEAP_BINS; bin = next_used(heap, bin + 1))
        clear_bin(heap, bin, offer);
    memset(heap->used, 0, sizeof heap->used);
}

bool slab_disband_orphans(void) {
    bool any = false;
    for (struct thread_heap *orphan; (orphan = thread_heap_take_orphan()) != NULL; any = true) {
        slab_disband(orphan);
        thread_heap_put_empty(orphan);
    }
    return any;
}

/* The memory of the last one serves the sweep of a thread without a heap. */
void slab_disband_old_orphans(void) {
    struct thread_heap *heap = thread_heap_existing(), *empty = NULL;
    for (struct thread_heap *orphan; (orphan = thread_heap_take_old_orphan()) != NULL; empty = orphan) {
        slab_disband(orphan);
        if (empty)
            thread_heap_put_empty(empty);
    }
    thread_heap_orphans_grow_old();
    if (heap || empty)
        slab_sweep(heap ? heap : empty, 1);
    if (empty)
        thread_heap_put_empty(empty);
}

/* ---- A thread's own heap ---------------------------------------------------------------------------------------- */

static void keep(struct thread_heap *heap, struct unit *slab) {
    const struct geometry *geometry = slab_geometry(slab);
    struct bin *bin = &heap->bins[slab_bin(slab)];
    unsigned length = slab_local_length(slab);
    if (length >= wake_length(geometry) || slab_carved(slab) < geometry->capacity)
        slab_make_available(bin, slab, length);
    else
        slab_rest(heap, bin, slab, length, wake_length(geometry));
}

static bool queue_has_remote(const struct queue *queue) {
    for (struct unit *slab = unit_or_null(queue->first); slab; slab = unit_or_null(link_get(&slab->next)))
        if (load_relaxed(&slab->slab.remote) != 0)
            return true;
    return false;
}

bool slab_collect(struct thread_heap *heap) {
    bool any = false;
    remote_send_all(heap);
    kept_forget_all(heap);
    for (size_t index = next_used(heap, 0); index < HEAP_BINS; index = next_used(heap, index + 1)) {
        const struct bin *bin = &heap->bins[index];
        if (!bin->current && !bin->available.first && !bin->resting.first)
            continue;
        any = any || queue_has_remote(&bin->resting) || queue_has_remote(&bin->available);
        clear_bin(heap, index, keep);
    }
    slab_sweep(heap, 0);
    return any;
}
