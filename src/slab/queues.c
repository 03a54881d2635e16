/* SPDX-License-Identifier: MIT */
/* queues.c: see queues.h. */
#include "slab/queues.h"
#include "brainmm.h"
#include "slab/abandoned.h"
#include "slab/lifetime.h"
#include "slab/kept.h"
#include "slab/slab_inside.h"

#define RESTING_MAX 8u /* slabs a bin may keep that have nothing to give, before it lets go of the oldest */

static void queue_append(struct queue *queue, struct unit *slab) {
    uint32_t number = unit_number(slab);
    link_set(&slab->next, 0);
    link_set(&slab->prev, queue->last);
    if (queue->last)
        link_set(&unit_from_number(queue->last)->next, number);
    else
        queue->first = number;
    queue->last = number;
}

static void queue_remove(struct queue *queue, struct unit *slab) {
    uint32_t next = link_get(&slab->next), prev = link_get(&slab->prev);
    if (prev)
        link_set(&unit_from_number(prev)->next, next);
    else
        queue->first = next;
    if (next)
        link_set(&unit_from_number(next)->prev, prev);
    else
        queue->last = prev;
}

void slab_make_available(struct bin *bin, struct unit *slab, unsigned length) {
    ASSERT(!(slab->slab.state & (SLAB_RESTING | SLAB_AVAILABLE)));
    slab->slab.state |= SLAB_AVAILABLE;
    queue_append(&bin->available, slab);
    slab_arm_for_all(slab, length);
}

void slab_unqueue(struct bin *bin, struct unit *slab) {
    if (slab->slab.state & SLAB_AVAILABLE) {
        queue_remove(&bin->available, slab);
    } else if (slab->slab.state & SLAB_RESTING) {
        queue_remove(&bin->resting, slab);
        bin->resting_count--;
    }
    slab->slab.state &= SLAB_LARGE;
}

void slab_rest(struct thread_heap *heap, struct bin *bin, struct unit *slab, unsigned length, unsigned wake) {
    ASSERT(!(slab->slab.state & (SLAB_RESTING | SLAB_AVAILABLE)));
    slab->slab.state |= SLAB_RESTING;
    queue_append(&bin->resting, slab);
    slab_arm(slab, length, wake);
    if (++bin->resting_count <= RESTING_MAX)
        return;
    struct unit *oldest = unit_from_number(bin->resting.first);
    slab_unqueue(bin, oldest);
    if (!slab_abandon(heap, oldest, SLAB_UNLISTED))
        slab_make_available(bin, oldest, slab_local_length(oldest));
}

int slab_event(struct thread_heap *heap, struct unit *slab) {
    struct bin *bin = &heap->bins[slab_bin(slab)];
    if (!(slab->slab.state & (SLAB_RESTING | SLAB_AVAILABLE))) {
        kept_event(heap, slab);
    } else if (slab_all_free(slab)) {
        slab_unqueue(bin, slab);
        slab_retire(slab);
    } else if (slab->slab.state & SLAB_RESTING) {
        unsigned length = slab_local_length(slab);
        slab_unqueue(bin, slab);
        slab_make_available(bin, slab, length);
    }
    return BRAINMM_OK;
}
