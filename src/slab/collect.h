/* SPDX-License-Identifier: MIT */
/* collect.h: a heap goes over all its slabs: to move what other threads freed into its reach, or to let go of them. */
#ifndef BRAINMM_COLLECT_H
#define BRAINMM_COLLECT_H

#include "slab/slab.h"

/* Moves what other threads freed into the heap's reach, and gives back slabs of which all is free. True if any. */
bool slab_collect(struct thread_heap *heap);

/* Makes all slabs of an orphan usable by every thread. The heap is then empty. */
void slab_disband(struct thread_heap *heap);

/* The same for all orphans. False if there were none. */
bool slab_disband_orphans(void);

/* The same for those whose threads ended before this was called last. Younger ones stay, for threads to take over. Then
 * slabs that are all free become free memory. Is called now and then, by any thread, which holds no lock. */
void slab_disband_old_orphans(void);

#endif
