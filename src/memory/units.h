/* SPDX-License-Identifier: MIT */
/* units.h: taking and giving units of 64 KiB. One lock guards all of it; functions take it themselves, unless they say
 * that they are called under it.
 */
#ifndef BRAINMM_UNITS_H
#define BRAINMM_UNITS_H

#include "memory/unit.h"

/* Sets up the window, its tables and a first region. With FIXED_ADDRESSES they lie where they lay in other runs. False
 * if the system has no address space for them. Once. */
bool units_start(bool fixed_addresses);

/* From now on all that becomes free goes back to the system at once, so that whoever still uses it faults. Before the
 * start. */
void units_keep_nothing(void);

/* ADDED is told of all addresses that the heap gets, and RELEASED of all that it gives back. NULL: nobody is. Before
 * units_start(). */
void units_watch_regions(void (*added)(const void *start, size_t size),
                         void (*released)(const void *start, size_t size));

/* Whether the process may have only so many addresses. */
bool units_are_limited(void);

/* Whether SIZE bytes in a row could be had if all that is free became free units. Otherwise it makes no sense to give
 * anything back for a request that was refused. */
bool units_could_be(size_t size);

/* Whether whoever takes units will write all of them, and likely take more of the kind. The system may then use huge
 * pages. */
enum units_use { UNITS_SPARSE, UNITS_WHOLE };

/* COUNT units in a row, the first at a multiple of ALIGNMENT units (a power of two), committed. Their descriptors are
 * UNIT_NONE. NULL if the system has no more. *FRESH, if FRESH is not NULL, becomes true when the memory reads
 * as zero. */
struct unit *units_take(size_t count, size_t alignment, enum units_use use, bool *fresh);

/* The same, with up to HEADROOM units of address space behind them to grow into (headroom.h): a wish that is not always
 * granted. */
struct unit *units_take_with_headroom(size_t count, size_t headroom, size_t alignment);

/* A run of NOW units is new from unit FROM on, counted from its start. If it is likely to be written from there to its
 * end (density.h), the system may use huge pages. The last one may reach beyond the run, into free units or its
 * headroom, which is then committed. */
void units_expect_use(struct unit *run, size_t from, size_t now);

/* Makes a run of NOW units MORE units longer, to the right: into its headroom and into free units behind. The new ones
 * are committed. False if that cannot be. *FROM_HEADROOM becomes how many were its own already. */
bool units_extend(struct unit *run, size_t now, size_t more, size_t *from_headroom);

/* The same to both sides: all that is free on the right, and the rest on the left, where the start stays a multiple of
 * ALIGNMENT units. Returns how many were taken on the left, or 0 if that cannot be. The descriptor of the new first
 * unit is UNIT_NONE. */
size_t units_extend_both(struct unit *run, size_t now, size_t more, size_t alignment);

/* What is left of a run's headroom becomes free. Is called before a run's last unit is given back. */
void units_drop_headroom(struct unit *run);

/* Whether the memory of units is still theirs when they are given back, or was moved away or decommitted: then they
 * read as zero. And whether to wait for the lock. */
enum units_memory { UNITS_WITH_MEMORY, UNITS_EMPTY };
enum units_wait { UNITS_WAIT, UNITS_TRY };

/* Gives units back. Their descriptors must be UNIT_NONE without an owner. If they were a slab, there may be marks in
 * them. USE as they were taken. False, and nothing has happened, if another thread has the lock and WAIT is
 * UNITS_TRY. */
bool units_give(struct unit *first, size_t count, enum units_use use, enum units_memory memory, enum units_wait wait);

/* COUNT units are never used again, because the system refuses to make them ordinary memory. */
void units_lose(struct unit *first, size_t count);

/* A run of COUNT units, without headroom, is no longer ours: region_forget(). */
void units_forget(struct unit *run, size_t count);

/* Idle memory that was idle for long goes back to the system, unless another thread has the lock. */
void units_tick(void);

/* Returns all idle memory to the system. False if there was none. */
bool units_purge(void);

/* A request of the calling thread has failed, and nothing more can be done for it. From now on this thread gets units
 * out of the emergency reserve, where there are no others, until the heap has plenty again (reserve.h). */
void units_open_reserve(void);

/* The lock. What a run, pages or a block of 64 KiB and more is, changes only under it. */
void units_lock(void);
void units_unlock(void);

/* ---- Questions -------------------------------------------------------------------------------------------------- */

/* Whether any of SIZE bytes at ADDRESS belongs to the heap's regions or tables. Under the lock. */
bool units_touch(const void *address, size_t size);

/* The descriptor of what ADDRESS, a pointer anywhere into it, belongs to: the first unit of a run or slab, in use or
 * kept in the cache. NULL if it is free or not ours. Under the lock. */
struct unit *units_find(const void *address);

/* The first unit from number FROM (0 and up) on that is in use or kept in the cache; NULL if there is none. Under the
 * lock. */
struct unit *units_next_used(size_t from);

/* How many units are in use or kept for slabs and runs, as of the last change. Takes no lock. */
size_t units_in_use(void);

/* So many bytes more, or less, are the heap's and lie outside the window. */
void units_note_outside(ptrdiff_t more);

/* What is known of all units, at one moment. */
struct units_figures {
    size_t reserved, table;  /* bytes of regions; of descriptors and bitmaps */
    size_t used, idle;       /* units in somebody's hands or kept for slabs; free, but committed */
    size_t headroom;         /* units of addresses that runs may grow into */
    size_t held_back;        /* units in the emergency reserve; they count as used */
    size_t table_committed;  /* bytes of the table that are in use */
    size_t outside;          /* bytes that units_note_outside() has been told of */
    size_t committed_most;   /* the most bytes of all these that were ever committed at once */
    uint64_t purges, purged; /* times that memory went back to the system, and units */
    uint64_t moved;          /* idle units whose pages were moved to where they were needed */
    uint64_t changes;        /* times that units were taken or given */
};
void units_figures(struct units_figures *figures);

#endif
