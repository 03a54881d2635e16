/* region.h: the address space that the heap has reserved, as a bit for each unit. Private to region.c and window.c;
 * everything here belongs to window.c's lock. Units are counted from window.base, from 0.
 *
 * A region is one reservation of the system. Neighbouring regions are one space to the heap: a run may lie across their
 * border (os.h: commit, decommit and rights work on such ranges).
 */
#ifndef BRAINMM_REGION_H
#define BRAINMM_REGION_H

#include "bits.h"
#include "window.h"

#if UINTPTR_MAX > 0xFFFFFFFFu
#define WINDOW_IS_EVERYTHING 0
#else
#define WINDOW_IS_EVERYTHING 1 /* every address there is */
#endif

struct space {
    size_t units;        /* of the window */
    uint64_t *owned;     /* reserved: part of a region */
    uint64_t *starts;    /* first of a region */
    uint64_t *free;      /* owned, and in nobody's hands */
    uint64_t *committed; /* may be read and written without asking the system */
    uint64_t *marked;    /* free, and full of the marks of a slab that has been here: slab_clear_marks() */
    uint64_t *idle;      /* free and committed, and were so when idle memory was last looked for */
    size_t lowest_free;  /* no unit below is free */
    size_t owned_units;
};

extern struct space space __attribute__((visibility("hidden")));

static inline size_t units_known(void) {
    return window.base ? atomic_load_explicit(&window.extent, memory_order_relaxed) >> UNIT_SHIFT : space.units;
}
static inline char *address_of(size_t unit) { return (char *)window.base + (unit << UNIT_SHIFT); }

/* Reserves a region where COUNT units at a multiple of ALIGNMENT then are free in a row, with free units that are
 * there already or without. False if the system has none. */
bool space_add(size_t count, size_t alignment);

/* Reserves units [FIRST, FIRST + COUNT), or more behind them; false if any is reserved, by us or by others. */
bool space_add_at(size_t first, size_t count);

/* Gives regions of which some lie in [FIRST, FIRST + COUNT) and all units are free back to the system, until no more than
 * SPARE units of all regions are free. FREE_UNITS is how many are now. Returns the committed units among them. */
size_t space_release(size_t first, size_t count, size_t spare, size_t free_units);

/* Bytes of all descriptors and bitmaps, and of those that are in use. */
void space_table_figures(size_t *all, size_t *in_use);

#endif
