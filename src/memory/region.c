/* SPDX-License-Identifier: MIT */
/* region.c: see region.h. */
#include "memory/region.h"
#include "base/align.h"
#include "memory/mark.h"

#if WINDOW_IS_EVERYTHING
#define REGION_UNITS (((size_t)1 << 22) >> UNIT_SHIFT) /* small: 2 GiB are soon full of holes */
#else
#define REGION_UNITS (((size_t)1 << 30) >> UNIT_SHIFT)
#endif
#define REGION_UNITS_FIRST (((size_t)1 << 20) >> UNIT_SHIFT) /* where reserved memory may be charged or limited */
#define LIMITED_PART 16u                                     /* of what there is is added where addresses are limited */
#define LIMITED_UNITS (((size_t)1 << 23) >> UNIT_SHIFT)      /* at most */

#define KEPT_PART 8u                 /* of a limit stays for others */
#define KEPT_PART_LITTLE 24u         /* with pieces of a few units */
#define KEPT_LEAST ((size_t)8 << 20) /* and at least this */

#define FIRST_AWAY 256u                                       /* 32 bit: units, 16 MiB */
#define FIRST_FIXED (WINDOW_IS_EVERYTHING ? 0x20000000u : 0u) /* 32 bit */

#define FOUND_FROM (((size_t)1 << 26) >> UNIT_SHIFT)   /* units there are, from which on a limit is looked for */
#define FOUND_OTHERS (((size_t)1 << 24) >> UNIT_SHIFT) /* addresses of the program itself, about */

#define PLACES_TRIED 256u /* for a region, before a smaller one is tried */
#define SMALLER_BY 8u     /* so much smaller is the next size that is tried */

void (*region_added)(const void *start, size_t size);
void (*region_released)(const void *start, size_t size);

/* ---- Regions ---------------------------------------------------------------------------------------------------- */

/* The units at FIRST have been reserved. Makes them ours, or gives them back. */
static bool region_enter(size_t first, size_t units) {
    if (!window_cover(first + units)) {
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
    space_note_free(first, units);
    if (UNLIKELY(region_added != NULL))
        region_added(address_of(first), units_bytes(units));
    return true;
}

static void limit_look(void) { store_relaxed(&space.limit, os_address_limit()); }

bool region_start(bool fixed_addresses) {
    limit_look();
    size_t first = 0, units = os_facts.charges_reserved ? REGION_UNITS_FIRST : REGION_UNITS / 2;
    if (!window_start(fixed_addresses, units, &first))
        return false;
    space.fixed = fixed_addresses;
    return WINDOW_IS_EVERYTHING || region_enter(first, units);
}

static size_t kept; /* bytes that stay for others, for the request at hand */

/* Where addresses are limited, a part of the limit stays for threads and for what the program maps itself. Pieces of a
 * few units lose up to half of their addresses to rounding. So they may take more of it, except for a thread's
 * stack. */
static void keep_room(enum region_use use) {
    size_t limit = load_relaxed(&space.limit), little = limit / KEPT_PART_LITTLE;
    kept = limit / KEPT_PART;
    if (little < KEPT_LEAST)
        little = KEPT_LEAST;
    if (use == REGION_FOR_FEW_UNITS && little < kept)
        kept = little;
}

/* The limit may have changed since the start. But a program may have forbidden itself the call that tells. So on 64 bit
 * an attempt tells: if the heap could not get a seventh of its addresses once more, its limit is near. On 32 bit there
 * may be no limit, and only no hole of that size. There the system is asked. */
static void limit_find(size_t units) {
    size_t all = space.owned_units + units;
    if (region_is_limited() || units > space.owned_units || all < FOUND_FROM ||
        os_has_room(units_bytes(units + (all + FOUND_OTHERS) / (KEPT_PART - 1))) ||
        !os_has_room(os_facts.granule)) /* it has as many mappings as it may: another thing */
        return;
    if (WINDOW_IS_EVERYTHING)
        limit_look();
    else
        store_relaxed(&space.limit, units_bytes(all + FOUND_OTHERS) / (KEPT_PART - 1) * KEPT_PART);
    keep_room(REGION_FOR_ANY);
}

/* For a region of UNITS units, with which the tables must cover COVER units. On 32 bit they cover all from the
 * start. */
static bool leaves_room(size_t units, size_t cover) {
    limit_find(units);
    return !region_is_limited() || os_has_room(units_bytes(units) + window_cover_bytes(cover) + kept);
}

static enum os_reserved region_reserve_at(size_t first, size_t units) {
    if (first + units > space.units || !leaves_room(units, first + units))
        return OS_REFUSED;
    enum os_reserved result = os_reserve_at(address_of(first), units_bytes(units));
    return result != OS_RESERVED || region_enter(first, units) ? result : OS_REFUSED;
}

/* The size of a region if no more is asked for. Where reserved memory may be charged, the first one is small, and the
 * others are a quarter to a half of what there is. Where it is limited, they are small. */
static size_t regular_units(void) {
    size_t units = REGION_UNITS, limited = space.owned_units / LIMITED_PART;
    if (region_is_limited())
        return limited < REGION_UNITS_FIRST ? REGION_UNITS_FIRST : limited < LIMITED_UNITS ? limited : LIMITED_UNITS;
    while (os_facts.charges_reserved && units > REGION_UNITS_FIRST && units > space.owned_units / 2)
        units /= 2;
    return units;
}

/* The next size to try, from a regular region down to what is wanted; 0 after that. */
static size_t next_smaller(size_t units, size_t wanted) {
    return units == wanted ? 0 : units / SMALLER_BY > wanted ? units / SMALLER_BY : wanted;
}

bool region_add_at(size_t first, size_t count) {
    keep_room(REGION_FOR_ANY);
    size_t known = units_known(), regular = regular_units();
    if (first + count > space.units)
        return false;
    for (size_t units = count > regular ? count : regular; units; units = next_smaller(units, count)) {
        size_t end = first + units < known ? first + units : known;
        if ((first >= known || bits_find_set(space.owned, first, end) == end) &&
            region_reserve_at(first, units) == OS_RESERVED)
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
            region_reserve_at(end, right - end) == OS_RESERVED)
            return true;
        if (left < at && bits_find_set(space.owned, left, at) == at &&
            region_reserve_at(left, at - left) == OS_RESERVED)
            return true;
        at = end;
    }
    return false;
}

/* 32 bit: the first region. The system's own choice has little chance in it, so the region goes some units away.
 * With fixed addresses it goes where hardly anybody else is. */
static char *region_place_first(char *address, size_t size) {
    uint64_t chance = os_random();
    size_t away = size + ((size_t)(chance % FIRST_AWAY) << UNIT_SHIFT);
    char *const places[] = {space.fixed ? (char *)FIRST_FIXED : address - away, address + away};
    for (unsigned i = 0; i < 2 && (space.fixed || chance != 0); i++)
        if (os_reserve_at(places[i], size) == OS_RESERVED) {
            os_release(address, size);
            return places[i];
        }
    return address;
}

/* The system maps below what is there, and the heap uses a region from below. So what a large request leaves of a
 * region would not grow with the next one. */
static bool region_add_anywhere(size_t count, size_t alignment) {
    size_t regular = region_is_limited() && count >= REGION_UNITS_FIRST ? count : regular_units();
    for (size_t units = count > regular ? count : regular; units; units = next_smaller(units, count)) {
        char *address = leaves_room(units, 0) ? os_reserve(units_bytes(units), alignment << UNIT_SHIFT) : NULL;
        if (address && space.owned_units == 0 && alignment == 1)
            address = region_place_first(address, units_bytes(units));
        if (address)
            return region_enter((uintptr_t)address >> UNIT_SHIFT, units);
    }
    return false;
}

/* 64 bit: adds a region between others, where one was released or alignment has left addresses out. */
static bool region_add_between(size_t count, size_t alignment) {
    size_t known = units_known(), regular = regular_units(), most = count > regular ? count : regular;
    if (known - window_first() - space.owned_units < count)
        return false;
    for (size_t at = window_first(), end; (at = bits_find_clear(space.owned, at, known)) < known; at = end) {
        end = bits_find_set(space.owned, at, known);
        size_t first = align_up(at, alignment);
        if (first + count > end)
            continue;
        enum os_reserved result = region_reserve_at(first, end - first < most ? end - first : most);
        if (result == OS_REFUSED)
            result = region_reserve_at(first, count);
        if (result != OS_TAKEN)
            return result == OS_RESERVED;
    }
    return false;
}

/* 64 bit: adds a region behind those there are. */
static bool region_add_behind(size_t count, size_t alignment) {
    size_t regular = regular_units(), most = count + regular - 1;
    most -= region_is_limited() ? regular - 1 : most % regular;
    for (size_t units = most > regular ? most : regular; units; units = next_smaller(units, count)) {
        size_t first = align_up(units_known(), alignment), step = alignment;
        enum os_reserved result = OS_TAKEN;
        while (step < units && step < regular)
            step *= 2;
        for (unsigned tries = 0; tries < PLACES_TRIED && result == OS_TAKEN; tries++, first += step)
            if ((result = region_reserve_at(first, units)) == OS_RESERVED)
                return true;
    }
    return false;
}

static bool region_add_once(size_t count, size_t alignment) {
    if (!WINDOW_IS_EVERYTHING)
        return region_add_between(count, alignment) || region_add_behind(count, alignment);
    size_t large = region_is_limited() ? REGION_UNITS_FIRST : REGION_UNITS;
    return (count >= large && region_add_to_border(count, alignment)) || region_add_anywhere(count, alignment);
}

bool region_add(size_t count, size_t alignment, enum region_use use) {
    keep_room(use);
    bool was_limited = region_is_limited();
    return region_add_once(count, alignment) ||
           (!was_limited && region_is_limited() && region_add_once(count, alignment));
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
    if (UNLIKELY(region_released != NULL))
        region_released(address_of(at), units_bytes(units));
    *committed += bits_count(space.committed, at, units);
    bits_clear(space.starts, at, 1);
    bits_clear(space.free, at, units);
    bits_clear(space.committed, at, units);
    for (size_t i = at; (i = bits_find_set(space.marked, i, end)) < end; i++)
        marks_forget(unit_at(address_of(i)));
    bits_clear(space.marked, at, units);
    space.owned_units -= units;
    space.free_end = SIZE_MAX;
    if (!WINDOW_IS_EVERYTHING && end == units_known()) /* it ends with the last region */
        store_relaxed(&window.extent, units_bytes(bits_clear_stretch_before(space.owned, window_first(), at)));
    return true;
}

/* On 32 bit half of what may stay does stay, so that a large buffer can be replaced in its place. Elsewhere that would
 * keep a region which is larger than all that may stay. */
size_t region_release_free(size_t first, size_t count, size_t spare, size_t free_units) {
    size_t large = WINDOW_IS_EVERYTHING && !region_is_limited() ? SIZE_MAX : spare;
    size_t committed = 0, at = first + 1, end = first + count, known = units_known();
    while (at > 0 && !bits_get(space.starts, at - 1)) /* to the start of the region that FIRST lies in */
        at = bits_clear_stretch_before(space.starts, 0, at);
    for (at = at ? at - 1 : 0; at < end && free_units > spare;) {
        size_t stop = bits_find_set(space.starts, at + 1, known);
        size_t region_end = bits_find_clear(space.owned, at, stop), units = region_end - at;
        if (bits_get(space.starts, at) && bits_all_set(space.free, at, units) &&
            (units >= large || free_units - units >= spare / 2) && region_release(at, region_end, &committed))
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
    space.free_end = SIZE_MAX;
    if (end < units_known() && bits_get(space.owned, end))
        bits_set(space.starts, end, 1);
}
