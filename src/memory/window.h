/* SPDX-License-Identifier: MIT */
/* window.h: where the window lies, and the tables that describe its units (unit.h, region.h). Private to the memory
 * floor; everything here belongs to the lock of units.h.
 *
 * On 64 bit nothing is held in advance. The tables begin small, in a part of the window that regions never reach, and
 * grow behind themselves:
 *
 *   base       base + R                                                       7/8 of the span
 *   | no memory | first region | more regions . . . . . . . . . . . . . . . . | descriptors >  bits >  bits > ... |
 *
 * The window, R and the place of the tables differ from run to run, unless the system or the program wants fixed
 * addresses. The descriptors of the units below R are read-only and read as zero.
 */
#ifndef BRAINMM_WINDOW_H
#define BRAINMM_WINDOW_H

#include "base/bits.h"
#include "memory/unit.h"

#if UINTPTR_MAX > 0xFFFFFFFFu
#define WINDOW_IS_EVERYTHING 0
#else
#define WINDOW_IS_EVERYTHING 1 /* the window is every address there is */
#endif

struct space {
    size_t units;        /* of the window, below its tables */
    uint64_t *owned;     /* reserved: part of a region */
    uint64_t *starts;    /* the first of a region */
    uint64_t *free;      /* owned, and in nobody's hands */
    uint64_t *committed; /* may be read and written without asking the system */
    uint64_t *marked;    /* free, and may hold marks of a slab that has been here: mark.h */
    uint64_t *idle;      /* free and committed, and were so when idle memory was last looked for: idle.h */
    size_t lowest_free;  /* no unit below is free */
    size_t free_end;     /* nor from here on; SIZE_MAX if that is not known */
    size_t owned_units;
    atomic_word limit; /* bytes of addresses that the process may have: os_address_limit() when a region was added */
    bool fixed;        /* the addresses of the heap are the same in each run */
};

extern struct space space HIDDEN_DATA;

/* Units that may have been reserved so far: bits from here on are all clear. */
static inline size_t units_known(void) {
    return window.base ? load_relaxed(&window.extent) >> UNIT_SHIFT : space.units;
}

static inline char *address_of(size_t unit) { return (char *)window.base + (unit << UNIT_SHIFT); }

/* Where free units end. Behind may be many that are in use. */
static inline size_t units_free_end(void) {
    size_t known = units_known();
    return space.free_end < known ? space.free_end : known;
}

/* COUNT units from FIRST on became free. */
static inline void space_note_free(size_t first, size_t count) {
    if (first < space.lowest_free)
        space.lowest_free = first;
    if (first + count > space.free_end)
        space.free_end = SIZE_MAX;
}

/* Finds a place for the window and its tables, and reserves UNITS units at *FIRST there as the first region. On 32 bit
 * the window is everything, and nothing but the tables is reserved. False if the system has no address space. Once. */
bool window_start(bool fixed_addresses, size_t units, size_t *first);

/* Makes descriptors and bits of at least the first UNITS units usable. False if the system refuses. */
bool window_cover(size_t units);

/* How much memory that takes. */
size_t window_cover_bytes(size_t units);

/* Units whose descriptors and bits are usable. */
size_t window_covered(void);

/* The first unit that may ever be ours. */
size_t window_first(void);

/* Whether any of SIZE bytes at ADDRESS belongs to the tables. */
bool window_tables_touch(uintptr_t address, size_t size);

/* Bytes of all tables, and of those that are in use. */
void window_table_figures(size_t *all, size_t *in_use);

#endif
