/* SPDX-License-Identifier: MIT */
/* idle.h: units in numbers, and idle memory. Private to the memory floor; everything here belongs to the lock of
 * units.h.
 *
 * A unit is free (its bit in space.free is set), headroom that a run may grow into, kept in the cache of runs, or in
 * use. A free unit may still be committed; the bit in space.committed says so. Such idle memory is the cache of freed
 * runs: whoever asks next gets it, in any size. It goes back to the system
 *
 *   when it has been idle for PURGE_DELAY_MS to twice that    whoever takes or gives units looks at the clock
 *   at once, where more is idle than idle_bound() allows
 *   on request                                                units_purge()
 */
#ifndef BRAINMM_IDLE_H
#define BRAINMM_IDLE_H

#include "memory/region.h"

struct unit_totals {
    size_t used;           /* units in somebody's hands, or in the cache of runs */
    size_t idle;           /* free and committed */
    size_t headroom;       /* in nobody's hands, but not free */
    size_t lost;           /* of `used`: never to be used again (units_lose) */
    size_t outside;        /* bytes: units_note_outside() */
    size_t committed_most; /* bytes: the most there ever were of used, idle and outside */
    uint64_t purges;       /* times that memory went back to the system */
    uint64_t purged;       /* units that did */
    uint64_t moved;        /* idle units whose pages were moved to where they were needed */
    uint64_t changes;      /* times that units were taken or given */
};

extern struct unit_totals totals HIDDEN_DATA;

/* Units that the cache of runs keeps. It counts them itself, without the lock (unit_cache.h). */
extern atomic_i32 units_kept HIDDEN_DATA;

/* Keeps the highest figure up to date; after `used`, `idle` or `outside` has grown. */
void totals_note_committed(void);

/* The marks in units [first, first + count) are cleared, or have gone back to the system with their memory. */
void idle_clear_marks(size_t first, size_t count);
void idle_forget_marks(size_t first, size_t count);

/* Gives free committed units of [first, end) that have a bit in ONLY back to the system. */
void idle_purge(size_t first, size_t end, const uint64_t *only);

/* The same for what has been idle for long, if it is time to look. */
void idle_look(void);
static inline void idle_purge_if_due(void) {
    if (totals.idle)
        idle_look();
}

/* No memory is ever idle, nor kept in the cache of runs: what is free goes back to the system at once. */
extern bool idle_never HIDDEN_DATA;

/* For whom units become idle. */
enum idle_use { IDLE_AFTER_RUN, IDLE_AFTER_SLAB };

/* How many units may lie idle when one more becomes so. */
size_t idle_bound(enum idle_use use);

#endif
