/* SPDX-License-Identifier: MIT */
/* run.h: everything that is made of whole units: pieces above 32 KiB, pages, blocks of 64 KiB and more, memory for
 * code.
 *
 * A run starts at a unit and has a length in pages. What lies behind its last page, up to the end of its last unit, is
 * never touched and so costs addresses only.
 */
#ifndef BRAINMM_RUN_H
#define BRAINMM_RUN_H

#include "brainmm.h"
#include "memory/units.h"

#define MODES 3u                  /* enum brainmm_mode */
#define BIG_MAX ((size_t)1 << 20) /* above, a piece counts as large */

static inline size_t run_units(size_t size) { return (size + UNIT_SIZE - 1) >> UNIT_SHIFT; }

/* ---- Taking and giving ------------------------------------------------------------------------------------------ */

/* A piece of SIZE bytes at a multiple of ALIGNMENT, a power of two from 16 on. NULL: out of memory, or no such SIZE or
 * ALIGNMENT can be. *FRESH, if FRESH is not NULL, becomes true when the memory reads as zero. */
void *run_alloc(size_t size, size_t alignment, bool *fresh);

/* A piece of SIZE bytes, more than 32 KiB, out of the stock of HEAP, the calling thread's. NULL: it has none. */
void *run_alloc_from_stock(struct thread_heap *heap, size_t size);

/* Gives the piece back that is RUN, which was of UNIT_RUN a moment ago. HEAP is the calling thread's. False if there is
 * none at PIECE. */
bool run_free(struct thread_heap *heap, struct unit *run, const void *piece);

/* Memory for pages, blocks or code. NULL: out of memory, or the system refuses to make it executable. *FRESH as
 * above. */
void *run_take(size_t size, size_t alignment, enum unit_kind kind, unsigned mode, bool *fresh);

/* A run of SIZE bytes like RUN, at the same offset in its first page, with headroom if it is of a size that tends to
 * grow. NULL: out of memory. */
struct unit *run_take_like(const struct unit *run, size_t size);

/* Gives a run back. False if there is none of KIND (and, for pages and blocks, MODE) at ADDRESS. */
bool run_give(void *address, enum unit_kind kind, unsigned mode);

/* What is to be done with units that are no longer part of a run. */
enum run_rest {
    RUN_ORDINARY,     /* nothing */
    RUN_OTHER_RIGHTS, /* they are made readable and writable first */
    RUN_MOVED_AWAY    /* their pages went elsewhere; they read as zero */
};
void run_give_units(struct unit *first, size_t count, size_t alignment, enum run_rest rest);

/* RUN ends: it is nothing any more, and has no headroom. Its units are the caller's, who does with them what *REST
 * says. False if it is no longer of KIND: if two threads release the same run, exactly one wins. */
bool run_end(struct unit *run, unsigned kind, enum run_rest *rest);

/* ---- Questions -------------------------------------------------------------------------------------------------- */

/* The first unit of the run that starts at ADDRESS, if it is of KIND; else NULL. */
struct unit *run_of(const void *address, enum unit_kind kind);

/* How many bytes of its first page lie before a run. That is not 0 for pieces only. They begin at different offsets,
 * because those that begin at multiples of 64 KiB would have their first bytes in the same few sets of the processor's
 * caches. */
static inline size_t run_colour(const struct unit *run) { return run->start - (uintptr_t)unit_address(run); }

static inline size_t run_alignment(const struct unit *run) { return (size_t)16 << load_relaxed(&run->run.alignment); }

/* ---- Use -------------------------------------------------------------------------------------------------------- */

/* The bytes of RUN from FROM on are new. The system hears of it if they will likely all be written. */
void run_expect_use(struct unit *run, size_t from);

/* The rights that pages of a mode begin with. */
unsigned run_mode_rights(unsigned mode);

/* The rights of RUN's pages are about to change. Whoever releases it from now on waits for the lock. Under that lock.
 * False if it is no longer of KIND. */
bool run_announce_rights(struct unit *run, unsigned kind);

/* Gives all of a run the rights that it began with. False if the system refuses. */
bool run_restore_rights(struct unit *run);

/* Makes SIZE bytes at ADDRESS executable, if the run's memory is. False if the system refuses. */
bool run_make_executable(const struct unit *run, void *address, size_t size);

/* The rights of the page at ADDRESS, in a run or unit of blocks. */
unsigned run_rights(const struct unit *run, const void *address);

static inline bool run_is_executable(const struct unit *run) { return run_mode(run) == BRAINMM_JIT; }

#endif
