/* region.c: the window, its tables, and regions reserved from the system in it; see region.h and window.h. */
#include "region.h"

#if WINDOW_IS_EVERYTHING
#define SPAN_MAX ((uint64_t)1 << 32)
#define SPAN_MIN SPAN_MAX
#define REGION_UNITS (((size_t)1 << 22) >> UNIT_SHIFT) /* small: 2 GiB are soon full of holes */
#else
#define SPAN_MAX ((uint64_t)1 << 40) /* of the window */
#define SPAN_MIN ((uint64_t)1 << 34)
#define REGION_UNITS (((size_t)1 << 30) >> UNIT_SHIFT)
#endif
#define REGION_UNITS_FIRST (((size_t)1 << 24) >> UNIT_SHIFT) /* 64 bit, where what is reserved may be charged */

#define PLACES_TRIED 256u /* for a region, before a smaller one is tried */
#define BITMAPS 6u

/* Before window_start() every pointer finds this descriptor, which is nobody's. */
static struct unit no_unit;
struct window window = {(char *)&no_unit, 0, 0, 0};
struct space space;

/* ---- Tables ----------------------------------------------------------------------------------------------------- */

static size_t table_bytes(size_t units) { return units << DESCRIPTOR_SHIFT; }
static size_t bitmap_bytes(size_t units) { return ((units + 63) / 64 * 8 + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1); }

/* Makes descriptors and bits of at least the first UNITS units usable. */
static bool commit_tables(size_t units) {
    size_t covered = OS_PAGE >> DESCRIPTOR_SHIFT;
    while (covered < units)
        covered *= 2;
    uintptr_t mask = (uintptr_t)(covered - 1) << DESCRIPTOR_SHIFT;
    uintptr_t mask_before = atomic_load_explicit(&window.mask, memory_order_relaxed);
    size_t before = mask_before ? (mask_before >> DESCRIPTOR_SHIFT) + 1 : 0;
    if (covered <= before)
        return true;
    uint64_t *const bitmaps[BITMAPS] = {space.owned,     space.starts, space.free,
                                        space.committed, space.marked, space.idle};
    if (!os_commit_table(window.table, table_bytes(covered)))
        return false;
    for (unsigned i = 0; i < BITMAPS; i++)
        if (bitmap_bytes(covered) > bitmap_bytes(before) && !os_commit_table(bitmaps[i], bitmap_bytes(covered)))
            return false;
    atomic_store_explicit(&window.mask, mask, memory_order_relaxed);
    return true;
}

bool window_start(void) {
    char *table = NULL;
    void *place = NULL;
    for (uint64_t span = SPAN_MAX; span >= SPAN_MIN && !table; span /= 2) {
        space.units = (size_t)(span >> UNIT_SHIFT);
        if (!WINDOW_IS_EVERYTHING && (place = os_place_window((size_t)span)) == NULL)
            continue;
        size_t bytes = table_bytes(space.units) + BITMAPS * bitmap_bytes(space.units);
        table = os_reserve_table((bytes + OS_GRANULE - 1) & ~(size_t)(OS_GRANULE - 1));
    }
    if (!table)
        return false;
    uint64_t **const bitmaps[BITMAPS] = {&space.owned,     &space.starts, &space.free,
                                         &space.committed, &space.marked, &space.idle};
    char *end = table + table_bytes(space.units);
    for (unsigned i = 0; i < BITMAPS; i++, end += bitmap_bytes(space.units))
        *bitmaps[i] = (uint64_t *)(void *)end;
    if (!os_commit_table(table, OS_PAGE)) /* a free() in another thread may look at the first descriptor any moment */
        return false;
    window.table = table;
    window.base = (uintptr_t)place;
    if (!commit_tables(WINDOW_IS_EVERYTHING ? space.units : 1))
        return false;
    if (WINDOW_IS_EVERYTHING)
        atomic_store_explicit(&window.extent, UINTPTR_MAX, memory_order_relaxed);
    return true;
}

/* ---- Regions ---------------------------------------------------------------------------------------------------- */

/* The reservation at FIRST is there: makes its units ours, or gives it back. */
static bool region_enter(size_t first, size_t units) {
    if (!commit_tables(first + units)) {
        os_release(address_of(first), units << UNIT_SHIFT);
        return false;
    }
    bits_fill(space.owned, first, units, true);
    bits_fill(space.starts, first, 1, true);
    bits_fill(space.free, first, units, true);
    space.owned_units += units;
    if (first < space.lowest_free)
        space.lowest_free = first;
    if (first + units > units_known())
        atomic_store_explicit(&window.extent, (first + units) << UNIT_SHIFT, memory_order_relaxed);
    return true;
}

static bool region_reserve_at(size_t first, size_t units) {
    return first + units <= space.units && os_reserve_at(address_of(first), units << UNIT_SHIFT) &&
           region_enter(first, units);
}

/* What a region has if no more is asked for. Where it may be charged, the first has little, and all others have a quarter
 * to a half of what there is. */
static size_t regular_units(void) {
    size_t units = REGION_UNITS;
    while (OS_RESERVED_IS_CHARGED && units > REGION_UNITS_FIRST && units > space.owned_units / 2)
        units /= 2;
    return units;
}

/* The next size to try, from a regular region down to what is wanted; 0 after that. */
static size_t next_smaller(size_t units, size_t wanted) {
    return units == wanted ? 0 : units / 2 > wanted ? units / 2 : wanted;
}

bool space_add_at(size_t first, size_t count) {
    if (first + count > space.units)
        return false;
    size_t known = units_known();
    if (first < known && bits_find(space.owned, first, first + count < known ? first + count : known, true) <
                             (first + count < known ? first + count : known))
        return false;
    size_t regular = regular_units();
    for (size_t units = count > regular ? count : regular; units; units = next_smaller(units, count)) {
        size_t end = first + units < known ? first + units : known;
        if ((first >= known || bits_find(space.owned, first, end, true) == end) && region_reserve_at(first, units))
            return true;
    }
    return false;
}

/* 32 bit: addresses are scarce, so what is free at the border of a region is made longer before a region elsewhere. */
static bool region_add_to_border(size_t count, size_t alignment) {
    for (size_t at = space.lowest_free; (at = bits_find(space.free, at, space.units, true)) < space.units;) {
        size_t end = bits_find(space.free, at, space.units, false);
        size_t right = ((at + alignment - 1) & ~(alignment - 1)) + count;
        size_t left = end >= count ? (end - count) & ~(alignment - 1) : SIZE_MAX;
        if (right > end && right <= space.units && bits_find(space.owned, end, right, true) == right &&
            region_reserve_at(end, right - end))
            return true;
        if (left < at && bits_find(space.owned, left, at, true) == at && region_reserve_at(left, at - left))
            return true;
        at = end;
    }
    return false;
}

static bool region_add_anywhere(size_t count, size_t alignment) {
    size_t regular = regular_units();
    for (size_t units = count > regular ? count : regular; units; units = next_smaller(units, count)) {
        char *address = os_reserve(units << UNIT_SHIFT, alignment << UNIT_SHIFT);
        if (address)
            return region_enter((uintptr_t)address >> UNIT_SHIFT, units);
    }
    return false;
}

/* 64 bit: a region behind those there are. */
static bool region_add_behind(size_t count, size_t alignment) {
    size_t regular = regular_units(), most = (count + regular - 1) & ~(regular - 1);
    for (size_t units = most; units; units = next_smaller(units, count)) {
        size_t first = (units_known() + alignment - 1) & ~(alignment - 1), step = alignment;
        while (step < units && step < regular)
            step *= 2;
        for (unsigned tries = 0; tries < PLACES_TRIED && first + units <= space.units; tries++, first += step)
            if (region_reserve_at(first, units))
                return true;
    }
    return false;
}

bool space_add(size_t count, size_t alignment) {
    if (!WINDOW_IS_EVERYTHING)
        return region_add_behind(count, alignment);
    return (count >= REGION_UNITS && region_add_to_border(count, alignment)) || region_add_anywhere(count, alignment);
}

size_t space_release(size_t first, size_t count, size_t spare, size_t free_units) {
    size_t committed = 0, at = first + 1, end = first + count;
    while (at > 0 && !bits_get(space.starts, at - 1)) /* to the start of the region that FIRST lies in */
        at = bits_stretch_before(space.starts, 0, at, false);
    for (at = at ? at - 1 : 0; at < end && free_units > spare;) {
        size_t stop = bits_find(space.starts, at + 1, space.units, true);
        size_t region_end = bits_find(space.owned, at, stop, false);
        size_t units = region_end - at;
        if (bits_get(space.starts, at) && bits_find(space.free, at, region_end, false) == region_end &&
            free_units - units >= spare / 2) {
            committed += bits_count(space.committed, at, units);
            bits_fill(space.owned, at, units, false);
            bits_fill(space.starts, at, 1, false);
            bits_fill(space.free, at, units, false);
            bits_fill(space.committed, at, units, false);
            for (size_t i = at; (i = bits_find(space.marked, i, region_end, true)) < region_end; i++)
                atomic_store_explicit(&unit_at(address_of(i))->carved, 0, memory_order_relaxed);
            bits_fill(space.marked, at, units, false);
            os_release(address_of(at), units << UNIT_SHIFT);
            space.owned_units -= units;
            free_units -= units;
        }
        at = stop;
    }
    return committed;
}

void space_table_figures(size_t *all, size_t *in_use) {
    size_t covered = (atomic_load_explicit(&window.mask, memory_order_relaxed) >> DESCRIPTOR_SHIFT) + 1;
    *all = table_bytes(space.units) + BITMAPS * bitmap_bytes(space.units);
    *in_use = table_bytes(covered) + BITMAPS * bitmap_bytes(covered);
}
