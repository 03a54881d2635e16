/* SPDX-License-Identifier: MIT */
/* queues.h: a bin's queues of owned slabs, and what moves a slab between them. */
#ifndef BRAINMM_QUEUES_H
#define BRAINMM_QUEUES_H

#include "slab/slab.h"

/* A slab that is in no queue becomes worth allocating from. LENGTH is that of its list `local`. */
void slab_make_available(struct bin *bin, struct unit *slab, unsigned length);

/* A slab that is in no queue has nothing or little to give: it rests until its list has WAKE objects. If the bin has
 * too many resting slabs, HEAP lets go of the oldest. */
void slab_rest(struct thread_heap *heap, struct bin *bin, struct unit *slab, unsigned length, unsigned wake);

/* Takes a slab out of its queue, if it is in one. */
void slab_unqueue(struct bin *bin, struct unit *slab);

/* The countdown of an owned slab has ended. Returns BRAINMM_OK, for the fast path, which jumps to it. */
int slab_event(struct thread_heap *heap, struct unit *slab);

#endif
