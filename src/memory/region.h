/* SPDX-License-Identifier: MIT */
/* region.h: the address space that the heap has reserved, with bits for each unit. Private to the memory floor.
 * Everything here belongs to the lock of units.h. Units are counted from window.base, from 0.
 *
 * A region is one reservation of the system. Neighbouring regions are one space to the heap: a run may lie across their
 * border (os.h: commit, decommit and rights work on such ranges).
 */
#ifndef BRAINMM_REGION_H
#define BRAINMM_REGION_H

#include "base/bits.h"
#include "memory/unit.h"

#if UINTPTR_MAX > 0xFFFFFFFFu
#define WINDOW_IS_EVERYTHING 0
#else
#define WINDOW_IS_EVERYTHING 1 /* the window is every address there is */
#endif

struct space {
    size_t units;        /* of the window */
    uint64_t *owned;     /* reserved: part of a region */
    uint64_t *starts;    /* the first of a region */
    uint64_t *free;      /* owned, and in nobody's hands */
    uint64_t *committed; /* may be read and written without asking the system */
    uint64_t *marked;    /* free, and may hold marks of a slab that has been here: mark.h */
    uint64_t *idle;      /* free and committed, and were so when idle memory was last looked for: idle.h */
    size_t lowest_free;  /* no unit below is free */
    size_t owned_units;
};

extern struct space space HIDDEN_DATA;

/* Units that may have been reserved so far: bits from here on are all clear. */
static inline size_t units_known(void) {
    return window.base ? load_relaxed(&window.extent) >> UNIT_SHIFT : space.units;
}

static inline char *address_of(size_t unit) { return (char *)window.base + (unit << UNIT_SHIFT); }

/* The units of a hole of the window became free. */
static inline void space_note_free(size_t first) {
    if (first < space.lowest_free)
        space.lowest_free = first;
}

/* Sets up the window and its tables. False if the system has no address space for them. Once. */
bool window_start(void);

/* Reserves a region, so that COUNT units at a multiple of ALIGNMENT are free in a row, with or without free units that
 * are there already. False if the system has no addresses. */
bool region_add(size_t count, size_t alignment);

/* Reserves units [FIRST, FIRST + COUNT), or more behind them. False if any is reserved already, by us or by others. */
bool region_add_at(size_t first, size_t count);

/* Gives regions back to the system: those that have a unit in [FIRST, FIRST + COUNT) and of which all units are free,
 * until no more than SPARE units of all regions are free. FREE_UNITS is how many are now. Returns how many of the units
 * given back were committed. */
size_t region_release_free(size_t first, size_t count, size_t spare, size_t free_units);

/* Units [FIRST, FIRST + COUNT) are no longer ours, whatever they were: the system has lost their addresses, and may
 * have given them to somebody else. They may be reserved again like any other. */
void region_forget(size_t first, size_t count);

/* Bytes of all descriptors and bitmaps, and of those that are in use. */
void space_table_figures(size_t *all, size_t *in_use);

#endif
