/* SPDX-License-Identifier: MIT */
/* remote.c: see remote.h. */
#include "slab/remote.h"
#include "slab/abandoned.h"
#include "slab/lifetime.h"
#include "slab/queues.h"
#include "slab/slab_inside.h"

/* ---- Counting --------------------------------------------------------------------------------------------------- */

static atomic_u64 frees_without_heap;

uint64_t remote_frees_without_heap(void) { return load_relaxed(&frees_without_heap); }

static void count_frees(struct thread_heap *heap, unsigned count) {
    if (heap->number) /* only its own thread writes there */
        store_relaxed(&heap->remote_frees, load_relaxed(&heap->remote_frees) + count);
    else
        add_relaxed(&frees_without_heap, count);
}

/* ---- The last owner frees --------------------------------------------------------------------------------------- */

/* Whether HEAP was the last to own a slab that is abandoned and not listed. From here on its frees are local again. */
static bool may_adopt(const struct thread_heap *heap, struct unit *slab, uint32_t word) {
    return (word & (REMOTE_ABANDONED | REMOTE_LISTED)) == REMOTE_ABANDONED && heap->number &&
           link_get(&slab->prev) == heap->number;
}

/* Takes such a slab back, and frees OBJECT into it. False if the word `remote` is no longer WORD. */
static bool adopt(struct thread_heap *heap, struct unit *slab, uint32_t word, struct object *object) {
    if (!exchange_if_acquire(&slab->slab.remote, &word, 0)) /* with slab_abandon() and remote_push() */
        return false;
    const struct geometry *geometry = slab_geometry(slab);
    struct bin *bin = &heap->bins[slab_bin(slab)];
    heap_note_bin(heap, slab_bin(slab));
    slab_reclaim(heap, slab, word);
    object->next = slab->slab.local;
    slab->slab.local = object;
    unsigned length = slab_local_length(slab) + 1;
    slab_arm_for_all(slab, length);
    if (length == slab_carved(slab))
        slab_retire(slab);
    else if (length >= wake_length(geometry))
        slab_make_available(bin, slab, length);
    else
        slab_rest(heap, bin, slab, length, wake_length(geometry));
    return true;
}

/* ---- Arrival ---------------------------------------------------------------------------------------------------- */

/* Adds LENGTH linked objects to what other threads freed of a slab. */
static void remote_push(struct thread_heap *heap, struct unit *slab, struct object *first, struct object *last,
                        unsigned length) {
    count_frees(heap, length);
    unsigned wake = wake_length(slab_geometry(slab));
    uint32_t slot = remote_slot(slab, first), word = load_relaxed(&slab->slab.remote), changed;
    bool listing, all_free;
    do {
        unsigned arrived = remote_count(word) + length;
        listing = (word & (REMOTE_ABANDONED | REMOTE_LISTED)) == REMOTE_ABANDONED && arrived >= wake;
        all_free = (word & REMOTE_ABANDONED) && arrived == slab_objects_out(slab);
        changed = (word & (REMOTE_ABANDONED | REMOTE_LISTED)) | (listing ? REMOTE_LISTED : 0) |
                  arrived * REMOTE_COUNT_ONE | slot;
        last->next = remote_first(slab, word);
    } while (!exchange_weak_acq_rel(&slab->slab.remote, &word, changed)); /* with whoever takes the list, or the slab */
    if (listing)
        slab_list(slab);
    if (all_free)
        slab_note_all_free();
}

void remote_send(struct thread_heap *heap, struct batch *batch) {
    if (batch->slab)
        remote_push(heap, batch->slab, batch->first, batch->last, batch->length);
    batch->slab = NULL;
}

void remote_send_all(struct thread_heap *heap) {
    if (!heap->has_batches)
        return;
    heap->has_batches = false;
    for (unsigned i = 0; i < BATCHES; i++)
        remote_send(heap, &heap->batches[i]);
}

/* ---- The free --------------------------------------------------------------------------------------------------- */

void remote_free(struct thread_heap *heap, struct unit *slab, struct object *object) {
    object_mark(object, slab);
    uint32_t word = load_relaxed(&slab->slab.remote);
    if (may_adopt(heap, slab, word) && adopt(heap, slab, word, object))
        return;
    unsigned most = slab_geometry(slab)->batch;
    if (heap->number == 0 || most == 1) { /* no heap to keep a batch in, or objects too large to hold back */
        remote_push(heap, slab, object, object, 1);
        return;
    }
    struct batch *batch = remote_batch(heap, slab);
    remote_send(heap, batch);
    *batch = (struct batch){slab, object, object, 1, most - 1};
    heap->has_batches = true;
}
