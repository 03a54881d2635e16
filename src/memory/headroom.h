/* SPDX-License-Identifier: MIT */
/* headroom.h: addresses behind a run that it may grow into. They cost no memory and are in nobody's hands. They become
 * free again when the run goes, and when addresses run out. Private to the memory floor; everything here belongs to the
 * lock of units.h.
 */
#ifndef BRAINMM_HEADROOM_H
#define BRAINMM_HEADROOM_H

#include "memory/unit.h"

/* How much headroom a run has, in units. Without the lock it may have become 0 the next moment. */
static inline size_t headroom_of(const struct unit *run) { return link_get(&run->run.headroom); }

/* How much of a new run's HEADROOM may be granted. */
size_t headroom_allowed(size_t headroom);

/* A run's headroom becomes COUNT units from FIRST on. */
void headroom_set(struct unit *run, size_t first, size_t count);

/* Some of a run's headroom may be no longer ours (region_forget), or be lost in another way (units_lose). What lies
 * before that stays its headroom, what lies behind becomes free. */
void headroom_forget_lost(struct unit *run);

/* All of a run's headroom becomes free. */
void headroom_free(struct unit *run);

/* The headroom of all runs becomes free. False if there was none. */
bool headroom_free_all(void);

/* After a thread has ended in the midst of a change: finds all headroom from what the runs say. A run whose headroom is
 * not certain loses it. The units that belong to headroom have a bit in space.idle then, and no others have. */
void headroom_recover(void);

/* The first run with headroom; the others follow by `next`. NULL if there is none. */
struct unit *headroom_first(void);

#endif
