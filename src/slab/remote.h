/* SPDX-License-Identifier: MIT */
/* remote.h: frees of objects whose slab another thread owns, or nobody: from the batch to its arrival.
 *
 * A thread collects such objects in batches, one a slab, for a few slabs at a time. A batch is sent with one atomic
 * operation, when it is full, when another slab needs its place, and whenever the thread takes a slow path. The slab's
 * owner finds the objects in the word `remote`. If nobody owns the slab, and enough of it has become free, the sender
 * offers it to every thread.
 */
#ifndef BRAINMM_REMOTE_H
#define BRAINMM_REMOTE_H

#include "slab/slab.h"

static inline struct batch *remote_batch(struct thread_heap *heap, const struct unit *slab) {
    return &heap->batches[((uintptr_t)slab >> DESCRIPTOR_SHIFT) % BATCHES];
}

/* Frees an object of a slab that HEAP does not own. HEAP may be one of those with number 0. */
void remote_free(struct thread_heap *heap, struct unit *slab, struct object *object);

/* Sends a batch, or all of a heap's. */
void remote_send(struct thread_heap *heap, struct batch *batch);
void remote_send_all(struct thread_heap *heap);

/* Objects that were freed by threads without a heap to count them. */
uint64_t remote_frees_without_heap(void);

/* The most frequent case of remote_free(): the object joins a batch of its slab that is already there. False if there
 * is none. */
static inline bool remote_join(struct thread_heap *heap, struct unit *slab, struct object *object) {
    struct batch *batch = remote_batch(heap, slab);
    if (batch->slab != slab)
        return false;
    object_mark(object, slab);
    object->next = batch->first;
    batch->first = object;
    batch->length++;
    if (--batch->left == 0)
        remote_send(heap, batch);
    return true;
}

#endif
