/* run.h: everything that is made of whole units: pieces above 32 KiB, pages, and blocks of 64 KiB and more. */
#ifndef BRAINMM_RUN_H
#define BRAINMM_RUN_H

#include "brainmm.h"
#include "window.h"

/* unit.attributes of UNIT_RUN: log2(alignment / 16), what a resize keeps. Of pages and blocks: the mode. */

#define BIG_MAX ((size_t)1 << 20) /* above, a piece counts as large */

/* A piece of SIZE bytes (more than MEDIUM_MAX) at a multiple of ALIGNMENT (a power of two). *FRESH, if FRESH is not NULL:
 * the memory reads as zero. */
void *run_alloc(size_t size, size_t alignment, bool *fresh);

/* The first unit of the run that starts at ADDRESS, if it is of KIND; else NULL. */
struct unit *run_of(const void *address, enum unit_kind kind);

/* Whether a unit is the first of a block of 64 KiB or more; and the block that starts at ADDRESS, or NULL. */
static inline bool kind_is_block(unsigned kind) {
    return kind == UNIT_BLOCK || kind == UNIT_BLOCK_USER || kind == UNIT_BLOCK_SYSTEM;
}
struct unit *block_of(const void *address);

/* Gives a run back; false if there is none of KIND (and, for pages and blocks, MODE) at ADDRESS. */
bool run_free(void *address, enum unit_kind kind, unsigned mode);

/* Makes a run SIZE bytes long, moved if need be, its contents kept up to the smaller size if KEEP, its alignment kept.
 * NULL, and nothing has changed: out of memory. How: resize.c. */
void *run_resize(struct unit *run, size_t size, bool keep);

/* What pages of a mode begin with. */
unsigned run_mode_rights(unsigned mode);

/* Gives all of a run the rights it began with; false if the system cannot. */
bool run_restore_rights(struct unit *run);

/* The rights of the page at ADDRESS, in a unit or run that begins with MODE's. */
unsigned run_rights(const struct unit *run, const void *address, unsigned mode);

/* Takes memory for pages or blocks. */
void *run_get(size_t size, size_t alignment, enum unit_kind kind, unsigned mode);

/* A run of SIZE bytes like RUN, with address space to grow if it is of a size that tends to. NULL: out of memory. */
struct unit *run_get_like(const struct unit *run, size_t size);

/* A piece is, or has grown by, what lies behind FROM, which will be written soon. */
void run_expect_use(struct unit *run, size_t from);

/* Gives units of a run back which are no longer part of it: EMPTY if their pages were moved away. */
void run_give_units(struct unit *first, size_t count, bool other_rights, bool empty);

/* Whether the run's memory is executable. */
static inline bool run_is_executable(const struct unit *run) {
    return run->kind != UNIT_RUN && run->attributes == BRAINMM_JIT;
}

static inline size_t run_units(size_t size) { return (size + UNIT_SIZE - 1) >> UNIT_SHIFT; }

/* What resizing has cost since the process started. */
struct resize_counters {
    uint64_t right_bytes;  /* grown into free memory on the right */
    uint64_t left_bytes;   /* on the left */
    uint64_t room_bytes;   /* into address space reserved for it */
    uint64_t slid_bytes;   /* contents moved down to a new start on the left */
    uint64_t moved_bytes;  /* contents whose pages were moved to another place */
    uint64_t copied_bytes; /* contents copied to another place */
    uint64_t shrunk_bytes; /* given back in place */
};
void resize_counters_get(struct resize_counters *counters);

#endif
