/* SPDX-License-Identifier: MIT */
/* region.h: the address space that the heap has reserved, with bits for each unit. Private to the memory floor.
 * Everything here belongs to the lock of units.h. Units are counted from window.base, from 0.
 *
 * A region is one reservation of the system. Neighbouring regions are one space to the heap: a run may lie across their
 * border (os.h: commit, decommit and rights work on such ranges).
 */
#ifndef BRAINMM_REGION_H
#define BRAINMM_REGION_H

#include "memory/window.h"

/* Sets up the window with its tables and a first region. With FIXED_ADDRESSES they lie where they lay in
 * other runs. False if the system has no address space for them. Once. */
bool region_start(bool fixed_addresses);

/* Whether the process may have only so many addresses. Then the heap is sparing with them. May be asked without the
 * lock. */
static inline bool region_is_limited(void) {
    uintptr_t limit = load_relaxed(&space.limit);
    return limit != 0 && limit != UINTPTR_MAX;
}

/* Is told of each region that is added, and of each that goes. NULL: nobody. Set before region_start(). */
extern void (*region_added)(const void *start, size_t size) HIDDEN_DATA;
extern void (*region_released)(const void *start, size_t size) HIDDEN_DATA;

/* Pieces of a few units, or anything else. */
enum region_use { REGION_FOR_ANY, REGION_FOR_FEW_UNITS };

/* Reserves a region, so that COUNT units at a multiple of ALIGNMENT are free in a row, with or without free units that
 * are there already. False if the system has no addresses. */
bool region_add(size_t count, size_t alignment, enum region_use use);

/* Reserves units [FIRST, FIRST + COUNT), or more behind them. False if any is reserved already, by us or by others. */
bool region_add_at(size_t first, size_t count);

/* Gives regions back to the system: those that have a unit in [FIRST, FIRST + COUNT) and of which all units are free,
 * until no more than SPARE units of all regions are free. FREE_UNITS is how many are now. Returns how many of the units
 * given back were committed. */
size_t region_release_free(size_t first, size_t count, size_t spare, size_t free_units);

/* Units [FIRST, FIRST + COUNT) are no longer ours, whatever they were: the system has lost their addresses, and may
 * have given them to somebody else. They may be reserved again like any other. */
void region_forget(size_t first, size_t count);

#endif
