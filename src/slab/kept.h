/* SPDX-License-Identifier: MIT */
/* kept.h: which current slabs stay although all of their objects are free.
 *
 * A program that takes and frees a few pieces again and again needs their slab each time. A thread that sleeps needs
 * none. So a heap keeps a few of its current slabs while they are all free. Another one ends when all of it is free. If
 * the heap finds that bins lose their slabs and need them again, it may keep more.
 *
 * To see that all is free, the countdown of a current slab ends when `local` and the cached objects may be all. Then
 * those that are still cached are counted. If some are out, the countdown begins again. After a few such looks it is
 * left to the next supply. So a program that holds one piece of a slab does not pay for a look each time that it frees
 * another.
 */
#ifndef BRAINMM_KEPT_H
#define BRAINMM_KEPT_H

#include "slab/slab_inside.h"

#define CACHED_UNKNOWN 0x1FFFu
#define LOOKS_MOST 3u /* after a supply */

/* A slab that may stay all free needs no event. */
static inline void kept_arm_for_nothing(struct unit *slab, unsigned length) {
    slab_arm(slab, length, slab_carved(slab) + 1);
}

/* LENGTH objects have gone from the bin's current slab to the list of cached ones, all that it had in `local`. */
static inline void kept_arm(struct thread_heap *heap, struct bin *bin, struct unit *slab, unsigned length) {
    if (bin->place) {
        kept_arm_for_nothing(slab, 0);
    } else if (++heap->kept.supplies & ((1u << bin->vain) - 1)) {
        bin->looks = LOOKS_MOST;
        slab_arm_for_all(slab, 0);
    } else {
        bin->looks = 0;
        bin->cached_below = length & CACHED_UNKNOWN; /* one is handed out at once */
        slab_arm(slab, 0, slab_carved(slab) - length + 1);
    }
}

/* The countdown of a current slab has ended. */
void kept_event(struct thread_heap *heap, struct unit *slab);

/* The slab is about to be no more current in its bin. */
void kept_forget(struct thread_heap *heap, struct bin *bin);

/* The same for all of a heap's. */
void kept_forget_all(struct thread_heap *heap);

#endif
