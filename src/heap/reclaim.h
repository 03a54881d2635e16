/* SPDX-License-Identifier: MIT */
/* reclaim.h: when memory is short, or somebody asks: what is free anywhere goes where it can be used. */
#ifndef BRAINMM_RECLAIM_H
#define BRAINMM_RECLAIM_H

#include "slab/slab.h"

/* All that the calling thread, ended threads and the caches have free becomes free units, and idle memory goes back to
 * the system. False if there was nothing. */
bool reclaim_all(void);

/* The same after a request for SIZE bytes was refused, if it could help. */
bool reclaim_for(size_t size);

/* A request has failed for good, as the caller is about to tell. What the calling thread asks for to handle that may
 * come from the emergency reserve (memory/units.h). Returns NULL. */
void *reclaim_failed(void);

/* To be called on each slow path. From time to time one of all threads does what is due: memory that nobody has used
 * for some ticks goes back to the system. That waits for no lock. */
#define TICK_CALLS 64u
void reclaim_tick(void);
static inline void reclaim_tick_if_due(struct thread_heap *heap) {
    if (heap && UNLIKELY(++heap->slow_calls % TICK_CALLS == 0))
        reclaim_tick();
}

/* Slabs that other threads have freed completely become free units, if there are enough of them to be worth a look. For
 * a thread that is about to ask for a run. */
void reclaim_slabs(void);

#endif
