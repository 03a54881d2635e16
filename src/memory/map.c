/* SPDX-License-Identifier: MIT */
/* map.c: see map.h. */
#include "memory/map.h"
#include "memory/units.h"
#include "memory/window.h"

/* Where units that are owned, like the one at FIRST, end: at the region's end, or where a bit of BITS is another. */
static size_t alike_end(size_t first, size_t end, const uint64_t *bits) {
    uint64_t flip = bits_get(bits, first) ? ~(uint64_t)0 : 0;
    end = bits_find_clear(space.owned, first, end);
    end = bits_find_set(space.starts, first + 1, end);
    return bits_find(bits, first, end, flip);
}

/* Units that are neither free nor the first of anything. */
static size_t unused_end(size_t first, size_t end) {
    size_t at = first + 1;
    end = alike_end(first, alike_end(first, end, space.free), space.committed);
    while (at < end && unit_kind(unit_from_number((uint32_t)at + 1)) == UNIT_NONE)
        at++;
    return at;
}

static size_t slab_end(size_t first, size_t end) {
    size_t at = first + 1;
    while (at < end && unit_kind(unit_from_number((uint32_t)at + 1)) == UNIT_SUB)
        at++;
    return at;
}

/* A run may be another by now than when its kind was read. Its length is then bounded by what is ours. */
static size_t run_end(size_t first, size_t end, size_t size) {
    size_t units = size ? (size - 1) >> UNIT_SHIFT : 0;
    end = bits_find_clear(space.owned, first, end);
    return units < end - first ? first + units + 1 : end;
}

/* Describes the range at FIRST, which is owned. Returns its end. */
static size_t describe(size_t first, size_t end, struct map_range *range) {
    struct unit *unit = unit_from_number((uint32_t)first + 1);
    bool committed = bits_get(space.committed, first);
    *range = (struct map_range){.first = unit, .starts_region = bits_get(space.starts, first)};
    if (bits_get(space.free, first)) {
        range->use = committed ? MAP_IDLE : MAP_FREE;
        return alike_end(first, alike_end(first, end, space.free), space.committed);
    }
    range->kind = (uint8_t)unit_kind(unit);
    if (range->kind == UNIT_NONE || range->kind == UNIT_SUB) {
        range->use = committed ? MAP_KEPT : MAP_HELD;
        return unused_end(first, end);
    }
    range->use = MAP_USED;
    if (range->kind == UNIT_SLAB)
        return slab_end(first, end);
    range->size = run_size(unit);
    return range->kind == UNIT_BLOCKS ? first + 1 : run_end(first, end, range->size);
}

unsigned units_map(size_t *at, struct map_range *ranges, unsigned capacity) {
    unsigned count = 0;
    units_lock();
    size_t end = units_known();
    while (count < capacity && (*at = bits_find_set(space.owned, *at, end)) < end) {
        size_t first = *at;
        *at = describe(first, end, &ranges[count]);
        ranges[count++].units = *at - first;
    }
    units_unlock();
    return count;
}
