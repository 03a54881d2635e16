/* SPDX-License-Identifier: MIT */
/* supply.h: where objects come from when a heap's list is empty. */
#ifndef BRAINMM_SUPPLY_H
#define BRAINMM_SUPPLY_H

#include "slab/slab.h"

/* An object of a bin, when heap->cached[bin] is empty. HEAP is the thread's own, or borrowed. NULL: out of memory. */
void *slab_alloc(struct thread_heap *heap, size_t bin);

/* Pops the list of cached objects of a bin as the fast path does, and looks at the object before. NULL: the list is
 * empty, or the program has broken it; then what is left of it is lost, and noted (broken.h). */
struct object *slab_pop_checked(struct thread_heap *heap, size_t bin);

/* From now on the objects of virgin memory come in an order that nobody can guess who does not know SEED. Before the
 * heap starts. */
void supply_in_random_order(uint64_t seed);

#endif
