/* SPDX-License-Identifier: MIT */
/* region.c: the window, its tables, and the regions that are reserved in it; see region.h and unit.h. */
#include "memory/region.h"
#include "base/align.h"
#include "memory/mark.h"

#if WINDOW_IS_EVERYTHING
#define SPAN_MAX ((uint64_t)1 << 32)
#define SPAN_MIN SPAN_MAX
#define REGION_UNITS (((size_t)1 << 22) >> UNIT_SHIFT) /* small: 2 GiB are soon full of holes */
#else
#define SPAN_MAX ((uint64_t)1 << 40) /* of the window */
#define SPAN_MIN ((uint64_t)1 << 34)
#define REGION_UNITS (((size_t)1 << 30) >> UNIT_SHIFT)
#endif
#define REGION_UNITS_FIRST (((size_t)1 << 24) >> UNIT_SHIFT) /* 64 bit, where reserved memory may be charged */

#define PLACES_TRIED 256u /* for a region, before a smaller one is tried */

/* Before window_start() every pointer finds this descriptor, which is nobody's. */
static struct unit no_unit;
struct window window = {(char *)&no_unit, ATOMIC_INITIAL(0), 0, ATOMIC_INITIAL(0)};
struct space space;

static uint64_t **const bitmaps[] = {&space.owned,     &space.starts, &space.free,
                                     &space.committed, &space.marked, &space.idle};
#define BITMAPS (sizeof bitmaps / sizeof *bitmaps)

/* ---- Tables ----------------------------------------------------------------------------------------------------- */

static size_t table_bytes(size_t units) { return units << DESCRIPTOR_SHIFT; }
static size_t bitmap_bytes(size_t units) { return align_up(bits_words(units) * sizeof(uint64_t), os_facts.page); }

static size_t all_table_bytes(size_t units) { return table_bytes(units) + BITMAPS * bitmap_bytes(units); }

/* Units whose descriptors and bits are usable. */
static size_t units_covered(void) {
    uintptr_t mask = load_relaxed(&window.mask);
    return mask ? (mask >> DESCRIPTOR_SHIFT) + 1 : 0;
}

/* Makes descriptors and bits of at least the first UNITS units usable. */
static bool commit_tables(size_t units) {
    size_t before = units_covered(), covered = os_facts.page >> DESCRIPTOR_SHIFT;
    while (covered < units)
        covered *= 2;
    if (covered <= before)
        return true;
    if (!os_commit_table(window.table, table_bytes(covered)))
        return false;
    for (unsigned i = 0; i < BITMAPS; i++)
        if (bitmap_bytes(covered) > bitmap_bytes(before) && !os_commit_table(*bitmaps[i], bitmap_bytes(covered)))
            return false;
    store_relaxed(&window.mask, (uintptr_t)(covered - 1) << DESCRIPTOR_SHIFT);
    return true;
}

bool window_start(void) {
    char *table = NULL;
    void *place = NULL;
    for (uint64_t span = SPAN_MAX; span >= SPAN_MIN && !table; span /= 2) {
        space.units = (size_t)(span >> UNIT_SHIFT);
        if (!WINDOW_IS_EVERYTHING && (place = os_place_window((size_t)span)) == NULL)
            continue;
        table = os_reserve_table(align_up(all_table_bytes(space.units), os_facts.granule));
    }
    if (!table)
        return false;
    char *end = table + table_bytes(space.units);
    for (unsigned i = 0; i < BITMAPS; i++, end += bitmap_bytes(space.units))
        *bitmaps[i] = (uint64_t *)(void *)end;
    if (!os_commit_table(table,
                         os_facts.page)) /* any moment a free in another thread may look at the first descriptor */
        return false;
    window.table = table;
    window.base = (uintptr_t)place;
    if (!commit_tables(WINDOW_IS_EVERYTHING ? space.units : 1))
        return false;
    if (WINDOW_IS_EVERYTHING)
        store_relaxed(&window.extent, UINTPTR_MAX);
    return true;
}

/* ---- Regions ---------------------------------------------------------------------------------------------------- */

/* The units at FIRST have been reserved. Makes them ours, or gives them back. */
static bool region_enter(size_t first, size_t units) {
    if (!commit_tables(first + units)) {
        os_release(address_of(first), units << UNIT_SHIFT);
        return false;
    }
    if (first + units > units_known())
        store_relaxed(&window.extent, units_bytes(first + units));
    store_order(); /* no bit is ever set behind the end */
    bits_set(space.starts, first, 1);
    bits_set(space.owned, first, units);
    bits_set(space.free, first, units);
    space.owned_units += units;
    space_note_free(first);
    return true;
}

static bool region_reserve_at(size_t first, size_t units) {
    return first + units <= space.units && os_reserve_at(address_of(first), units << UNIT_SHIFT) &&
           region_enter(first, units);
}

/* The size of a region if no more is asked for. Where reserved memory may be charged, the first one is small, and the
 * others are a quarter to a half of what there is. */
static size_t regular_units(void) {
    size_t units = REGION_UNITS;
    while (os_facts.charges_reserved && units > REGION_UNITS_FIRST && units > space.owned_units / 2)
        units /= 2;
    return units;
}

/* The next size to try, from a regular region down to what is wanted; 0 after that. */
static size_t next_smaller(size_t units, size_t wanted) {
    return units == wanted ? 0 : units / 2 > wanted ? units / 2 : wanted;
}

bool region_add_at(size_t first, size_t count) {
    size_t known = units_known(), regular = regular_units();
    if (first + count > space.units)
        return false;
    for (size_t units = count > regular ? count : regular; units; units = next_smaller(units, count)) {
        size_t end = first + units < known ? first + units : known;
        if ((first >= known || bits_find_set(space.owned, first, end) == end) && region_reserve_at(first, units))
            return true;
    }
    return false;
}

/* 32 bit: addresses are scarce. So free units at the border of a region are made more, before a region elsewhere is
 * added. */
static bool region_add_to_border(size_t count, size_t alignment) {
    for (size_t at = space.lowest_free; (at = bits_find_set(space.free, at, space.units)) < space.units;) {
        size_t end = bits_find_clear(space.free, at, space.units);
        size_t right = align_up(at, alignment) + count;
        size_t left = end >= count ? align_down(end - count, alignment) : SIZE_MAX;
        if (right > end && right <= space.units && bits_find_set(space.owned, end, right) == right &&
            region_reserve_at(end, right - end))
            return true;
        if (left < at && bits_find_set(space.owned, left, at) == at && region_reserve_at(left, at - left))
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

/* 64 bit: adds a region behind those there are. */
static bool region_add_behind(size_t count, size_t alignment) {
    size_t regular = regular_units(), most = align_up(count, regular);
    for (size_t units = most; units; units = next_smaller(units, count)) {
        size_t first = align_up(units_known(), alignment), step = alignment;
        while (step < units && step < regular)
            step *= 2;
        for (unsigned tries = 0; tries < PLACES_TRIED && first + units <= space.units; tries++, first += step)
            if (region_reserve_at(first, units))
                return true;
    }
    return false;
}

bool region_add(size_t count, size_t alignment) {
    if (!WINDOW_IS_EVERYTHING)
        return region_add_behind(count, alignment);
    return (count >= REGION_UNITS && region_add_to_border(count, alignment)) || region_add_anywhere(count, alignment);
}

/* The region [at, end), of which all units are free, goes back to the system. *COMMITTED grows by how many of them were
 * committed. False if the system refuses: the region is then as before. It is not ours before it is anybody else's: if
 * the thread ends in between, only the addresses are lost. */
static bool region_release(size_t at, size_t end, size_t *committed) {
    size_t units = end - at;
    bits_clear(space.owned, at, units);
    store_order();
    if (!os_release(address_of(at), units_bytes(units))) {
        bits_set(space.owned, at, units);
        return false;
    }
    *committed += bits_count(space.committed, at, units);
    bits_clear(space.starts, at, 1);
    bits_clear(space.free, at, units);
    bits_clear(space.committed, at, units);
    for (size_t i = at; (i = bits_find_set(space.marked, i, end)) < end; i++)
        marks_forget(unit_at(address_of(i)));
    bits_clear(space.marked, at, units);
    space.owned_units -= units;
    return true;
}

size_t region_release_free(size_t first, size_t count, size_t spare, size_t free_units) {
    size_t committed = 0, at = first + 1, end = first + count;
    while (at > 0 && !bits_get(space.starts, at - 1)) /* to the start of the region that FIRST lies in */
        at = bits_clear_stretch_before(space.starts, 0, at);
    for (at = at ? at - 1 : 0; at < end && free_units > spare;) {
        size_t stop = bits_find_set(space.starts, at + 1, space.units);
        size_t region_end = bits_find_clear(space.owned, at, stop), units = region_end - at;
        if (bits_get(space.starts, at) && bits_all_set(space.free, at, units) && free_units - units >= spare / 2 &&
            region_release(at, region_end, &committed))
            free_units -= units;
        at = stop;
    }
    return committed;
}

/* What lies behind is a region of its own from now on. */
void region_forget(size_t first, size_t count) {
    size_t end = first + count;
    bits_clear(space.owned, first, count);
    bits_clear(space.starts, first, count);
    bits_clear(space.free, first, count);
    bits_clear(space.committed, first, count);
    bits_clear(space.marked, first, count);
    space.owned_units -= count;
    if (end < units_known() && bits_get(space.owned, end))
        bits_set(space.starts, end, 1);
}

void space_table_figures(size_t *all, size_t *in_use) {
    *all = all_table_bytes(space.units);
    *in_use = all_table_bytes(units_covered());
}
