/* SPDX-License-Identifier: MIT */
/* lifetime.h: how units become a slab, and a slab ends. */
#ifndef BRAINMM_LIFETIME_H
#define BRAINMM_LIFETIME_H

#include "slab/slab.h"

/* A new slab of a bin, owned by HEAP and in no queue; nothing of it is carved. NULL: out of memory. */
struct unit *slab_create(struct thread_heap *heap, size_t bin);

/* All of an owned slab is free and it is in no queue: its memory becomes anybody's. */
void slab_retire(struct unit *slab);

/* Is told of each slab that ends, before anything of it changes. NULL: nobody. Is set before the heap starts. */
extern void (*slab_end_noticed)(const struct unit *slab) HIDDEN_DATA;

/* For a thread that looks at a slab which it does not own. It asks for the slab's generation, looks, and asks whether
 * that is still the same. If so, the unit was the same slab all the while, or none. Some units share the number, so the
 * end of another slab can look like the end of this one. */
uint32_t slab_generation(const struct unit *slab);
bool slab_same_generation(const struct unit *slab, uint32_t generation);

#endif
