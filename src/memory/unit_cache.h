/* SPDX-License-Identifier: MIT */
/* unit_cache.h: memory for slabs, and blocks of 64 KiB. They come and go as 1 or SLAB_UNITS_LARGE units, through two
 * stacks that need no lock. Only where these are empty or full are units taken or given (units.h).
 */
#ifndef BRAINMM_UNIT_CACHE_H
#define BRAINMM_UNIT_CACHE_H

#include "memory/units.h"

#define SLAB_UNITS_LARGE 4u

/* UNITS are 1 or SLAB_UNITS_LARGE. Their descriptors are UNIT_NONE. There may be marks in the memory, as the descriptor
 * of the first one says (mark.h). NULL if the system has no more. */
struct unit *unit_cache_take(unsigned units, enum units_use use);
void unit_cache_give(struct unit *first, unsigned units);

/* Gives all that is kept. */
void unit_cache_empty(void);

/* How many units are kept. Never too few; a thread that is about to take or give some may make it too many. */
size_t unit_cache_kept(void);

/* The numbers on top of the two stacks, from which the others follow by `next`, while nobody else uses the heap. */
void unit_cache_tops(uint32_t *one, uint32_t *large);

#endif
