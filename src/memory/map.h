/* SPDX-License-Identifier: MIT */
/* map.h: what the units of the window are used for, as ranges of units of one use. For brainmm_dump. */
#ifndef BRAINMM_MEMORY_MAP_H
#define BRAINMM_MEMORY_MAP_H

#include "memory/unit.h"

enum map_use {
    MAP_USED, /* a slab, a run, pages or blocks: `kind` says which. One range is one of them */
    MAP_KEPT, /* committed, and free for the next slab or run: the cache, or the emergency reserve */
    MAP_IDLE, /* free units whose memory has not gone back to the system */
    MAP_FREE, /* free units without memory */
    MAP_HELD  /* addresses without memory that a run may grow into */
};

struct map_range {
    struct unit *first;
    size_t units;
    size_t size;        /* MAP_USED, but no slab: usable bytes of the run, or of each block */
    uint8_t use;        /* enum map_use */
    uint8_t kind;       /* MAP_USED: enum unit_kind */
    bool starts_region; /* the range is the first of a region. Regions end where the next one or a gap begins */
};

/* Describes up to CAPACITY ranges from unit number *AT on, counted from 0, in the order of addresses, and sets *AT to
 * where to go on. Returns how many; 0 at the end. A range lies in one region, but a run that is MAP_USED may reach into
 * the next one. Takes the lock of units. Slabs and short runs change without it: a range may be out of date. */
unsigned units_map(size_t *at, struct map_range *ranges, unsigned capacity);

#endif
