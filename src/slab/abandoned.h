/* SPDX-License-Identifier: MIT */
/* abandoned.h: slabs that nobody owns. Their owner let go of them because they are full, or has ended. Other threads'
 * free objects collect in them; whoever needs a slab takes one of which enough is free. Nothing here takes a lock.
 */
#ifndef BRAINMM_ABANDONED_H
#define BRAINMM_ABANDONED_H

#include "slab/slab.h"

/* Whether an abandoned slab is offered to every thread. */
enum slab_offer { SLAB_UNLISTED = 0, SLAB_LISTED = REMOTE_LISTED };

/* The owner lets go of a slab that is in no queue. False if it is not to be listed and other threads have freed to it
 * meanwhile: then it is still owned, and has something to give. */
bool slab_abandon(struct thread_heap *heap, struct unit *slab, enum slab_offer offer);

/* The word `remote` of an abandoned slab was WORD; this thread has set it to 0. The slab is now HEAP's, in no queue. */
void slab_reclaim(struct thread_heap *heap, struct unit *slab, uint32_t word);

/* A slab of the bin that anybody may take, reclaimed. NULL: there is none. */
struct unit *slab_take_abandoned(struct thread_heap *heap, size_t bin);

/* The word `remote` of an abandoned slab now says that it is listed, by this thread's doing: puts it on the stack. */
void slab_list(struct unit *slab);

/* All objects of a listed slab have become free. */
void slab_note_all_free(void);

/* Listed slabs of which all objects are free become free memory, if there are LEAST of them. */
void slab_sweep(struct thread_heap *heap, int32_t least);

/* The number on top of the stack of a bin's abandoned slabs; the others follow by `next`, while nobody else uses the
 * heap. And how many listed slabs are all free. */
uint32_t slab_abandoned_top(size_t bin);
int32_t slab_abandoned_all_free(void);

/* ---- Lists of free objects -------------------------------------------------------------------------------------- */

/* Puts LENGTH objects from FIRST on in front of `local`. What lies behind a broken link is lost. Returns how many there
 * are. */
unsigned slab_join_local(struct unit *slab, struct object *first, unsigned length);

/* Moves what other threads freed to an owned slab into `local`. False if there is nothing. */
bool slab_take_remote(struct unit *slab);

#endif
