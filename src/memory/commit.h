/* SPDX-License-Identifier: MIT */
/* commit.h: how free units become usable: holes, idle memory that is moved to where it is needed, huge pages. Private
 * to the memory floor; everything here belongs to the lock of units.h.
 */
#ifndef BRAINMM_COMMIT_H
#define BRAINMM_COMMIT_H

#include "memory/region.h"

/* The first of COUNT free units in a row, at a multiple of ALIGNMENT; SIZE_MAX if there is no such hole. */
size_t hole_find(size_t count, size_t alignment);

/* Makes units usable that are free or headroom. False if the system cannot; they are then as before. *FRESH, if FRESH
 * is not NULL, becomes true if the memory reads as zero. */
bool units_commit(size_t first, size_t count, bool *fresh);

/* ---- Huge pages ------------------------------------------------------------------------------------------------- */

/* A huge page, in units. */
static inline size_t huge_units(void) { return os_facts.huge_page >> UNIT_SHIFT; }

/* How many units the last huge page of a run [first, end) may reach beyond its end. */
size_t huge_beyond(size_t first, size_t end);

/* The system commits the BEYOND free units at END with the run before them. They become idle. */
void huge_commit_beyond(size_t end, size_t beyond);

/* Units [first, first + count) are for a slab, and likely more slabs will follow. Where the heap is large enough, each
 * huge page that they touch is committed as a whole, if all of it is free. The next slabs use the rest. Till then it is
 * idle: at most an eighth of the heap. */
void huge_expect_more(size_t first, size_t count);

#endif
