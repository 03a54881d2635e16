/* SPDX-License-Identifier: MIT */
/* abandoned.c: see abandoned.h, and slab.h for the states. */
#include "slab/abandoned.h"
#include "base/stack.h"
#include "slab/broken.h"
#include "slab/lifetime.h"
#include "slab/slab_inside.h"

static struct stack abandoned[HEAP_BINS];

/* Listed slabs all of whose objects are free; a hint that sweeping the stacks is worth it. */
static atomic_i32 all_free;

void slab_note_all_free(void) { add_relaxed(&all_free, 1); }

int32_t slab_abandoned_all_free(void) { return load_relaxed(&all_free); }

uint32_t slab_abandoned_top(size_t bin) { return stack_top(&abandoned[bin]); }

/* Whoever has listed a slab is alone with its links until it is on the stack. */
void slab_list(struct unit *slab) { stack_push(&abandoned[slab_bin(slab)], unit_number(slab), &slab->next); }

/* ---- Lists of free objects -------------------------------------------------------------------------------------- */

unsigned slab_join_local(struct unit *slab, struct object *first, unsigned length) {
    uint32_t object_size = slab_geometry(slab)->object_size;
    if (!first || length == 0)
        return 0;
    if (!slab->slab.local) {
        slab->slab.local = first;
        return length;
    }
    struct object *last = first;
    unsigned joined = 1;
    while (joined < length && last->next && slab_holds(slab, last->next, object_size)) {
        last = last->next;
        joined++;
    }
    if (joined < length)
        broken_note(last);
    last->next = slab->slab.local;
    slab->slab.local = first;
    return joined;
}

bool slab_take_remote(struct unit *slab) {
    if (load_relaxed(&slab->slab.remote) == 0)
        return false;
    uint32_t word = exchange_acquire(&slab->slab.remote, 0); /* with remote_push() in remote.c */
    unsigned length = slab_local_length(slab);
    length += slab_join_local(slab, remote_first(slab, word), remote_count(word));
    slab_arm(slab, length, load_relaxed(&slab->slab.arm_at));
    return true;
}

/* ---- From owner to owner ---------------------------------------------------------------------------------------- */

bool slab_abandon(struct thread_heap *heap, struct unit *slab, enum slab_offer offer) {
    unsigned length = slab_local_length(slab), out = slab_carved(slab) - length;
    store_relaxed(&slab->slab.arm_at, (uint16_t)out);
    link_set(&slab->prev, heap->number);
    store_relaxed(&slab->owner, NOBODY);
    uint32_t word = load_relaxed(&slab->slab.remote);
    ASSERT(!(word & (REMOTE_ABANDONED | REMOTE_LISTED)));
    do {
        if (word != 0 && offer == SLAB_UNLISTED) {
            slab_arm_for_all(slab, length);
            slab_set_owner(slab, heap);
            return false;
        }
    } while (!exchange_weak_release(&slab->slab.remote, &word,
                                    word | offer | REMOTE_ABANDONED)); /* with the acquire of whoever takes it */
    if (offer == SLAB_LISTED) {
        if (remote_count(word) == out)
            slab_note_all_free();
        slab_list(slab);
    }
    return true;
}

void slab_reclaim(struct thread_heap *heap, struct unit *slab, uint32_t word) {
    unsigned length = slab_carved(slab) - slab_objects_out(slab);
    length += slab_join_local(slab, remote_first(slab, word), remote_count(word));
    slab_arm_for_all(slab, length);
    slab_set_owner(slab, heap);
}

struct unit *slab_take_abandoned(struct thread_heap *heap, size_t bin) {
    if (stack_top(&abandoned[bin]) == 0)
        return NULL;
    uint32_t number = stack_pop(&abandoned[bin], unit_link);
    if (!number)
        return NULL;
    struct unit *slab = unit_from_number(number);
    uint32_t word = exchange_acquire(&slab->slab.remote, 0); /* with slab_abandon() and remote_push() */
    ASSERT((word & REMOTE_LISTED) && (word & REMOTE_ABANDONED) && slab_bin(slab) == bin);
    if (remote_count(word) == slab_objects_out(slab))
        subtract_relaxed(&all_free, 1);
    slab_reclaim(heap, slab, word);
    return slab;
}

/* ---- Sweeping --------------------------------------------------------------------------------------------------- */

static void sweep_bin(struct thread_heap *heap, size_t bin) {
    uint32_t kept = 0; /* a list of what goes back, linked by `prev` */
    for (struct unit *slab; (slab = slab_take_abandoned(heap, bin)) != NULL;) {
        if (slab_all_free(slab)) {
            slab_retire(slab);
        } else {
            link_set(&slab->prev, kept);
            kept = unit_number(slab);
        }
    }
    while (kept) {
        struct unit *slab = unit_from_number(kept);
        kept = link_get(&slab->prev);
        slab_abandon(heap, slab, SLAB_LISTED);
    }
}

void slab_sweep(struct thread_heap *heap, int32_t least) {
    if (load_relaxed(&all_free) < least)
        return;
    for (size_t bin = 0; bin < HEAP_BINS; bin++)
        sweep_bin(heap, bin);
}
