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

/* Gives a run back; false if there is none of KIND (and, for pages and blocks, MODE) at ADDRESS. */
bool run_free(void *address, enum unit_kind kind, unsigned mode);

/* Makes a run SIZE bytes long without moving it; false if that cannot be. */
bool run_resize(struct unit *run, size_t size);

/* What pages of a mode begin with. */
unsigned run_mode_rights(unsigned mode);

/* Gives all of a run the rights it began with; false if the system cannot. */
bool run_restore_rights(struct unit *run);

/* The rights of the page at ADDRESS, in a unit or run that begins with MODE's. */
unsigned run_rights(const struct unit *run, const void *address, unsigned mode);

/* Takes memory for pages or blocks. */
void *run_get(size_t size, size_t alignment, enum unit_kind kind, unsigned mode);

#endif
