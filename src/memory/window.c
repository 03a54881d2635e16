/* SPDX-License-Identifier: MIT */
/* window.c: see window.h. */
#include "memory/window.h"
#include "base/align.h"
#include "brainmm.h"

#if WINDOW_IS_EVERYTHING
#define SPAN_MAX ((uint64_t)1 << 32)
#else
#define SPAN_MAX ((uint64_t)1 << 40) /* of the window */
#define SPAN_LOW ((uint64_t)1 << 36) /* where the system maps below SPAN_MAX: valgrind is quick up to twice that */
#define SPAN_MIN ((uint64_t)1 << 34)
#endif

#define FIRST_MOST ((size_t)1 << 14) /* R and the first region, in units: their descriptors are 1 MiB */
#if defined(__SANITIZE_THREAD__)
#define PLACES_AT_RANDOM 0u /* ThreadSanitizer turns a place that it refuses into address 0 */
#define PLACE_FIRST at
#else
#define PLACE_FIRST at - 1
#define PLACES_AT_RANDOM 16u /* of the window, before the one where the system maps */
#endif
#define LOW_PART 16u   /* of the addresses, from below, is left to others */
#define TABLES_PART 8u /* of the window are for tables */

/* Before window_start() every pointer finds this descriptor, which is nobody's. */
static struct unit no_unit;
struct space space = {.free_end = SIZE_MAX};
struct window window = {(char *)&no_unit, ATOMIC_INITIAL(0), 0, ATOMIC_INITIAL(0)};

/* A table that grows behind itself. */
struct table {
    char *start;
    size_t reserved; /* bytes */
};

/* The descriptors, and the bitmaps in the order of `bitmaps`. */
static uint64_t **const bitmaps[] = {&space.owned,     &space.starts, &space.free,
                                     &space.committed, &space.marked, &space.idle};
#define BITMAPS (sizeof bitmaps / sizeof *bitmaps)
static struct table descriptors, bits[BITMAPS];

static size_t first_unit; /* R */

size_t window_first(void) { return first_unit; }

/* ---- Tables ----------------------------------------------------------------------------------------------------- */

static size_t descriptor_bytes(size_t units) { return units << DESCRIPTOR_SHIFT; }
static size_t bitmap_bytes(size_t units) { return align_up(bits_words(units) * sizeof(uint64_t), os_facts.page); }
static size_t granules(size_t bytes) { return align_up(bytes, os_facts.granule); }

/* The part of the descriptors of units below R that is in whole pages. */
static size_t unused_bytes(void) { return align_down(descriptor_bytes(first_unit), os_facts.page); }

size_t window_covered(void) {
    uintptr_t mask = load_relaxed(&window.mask);
    return mask ? (mask >> DESCRIPTOR_SHIFT) + 1 : 0;
}

/* Somebody has taken addresses behind a table. This can only be memory that was mapped at a chosen address. */
static void say_blocked(void) {
    static bool said;
    if (!said)
        os_print("BrainMM: the heap cannot grow any more, because other memory lies behind its tables\n");
    said = true;
}

/* Makes the bytes [from, to) of a table usable. */
static bool table_grow(struct table *table, size_t from, size_t to) {
    size_t reserved = granules(to);
    if (reserved > table->reserved) {
        enum os_reserved result = os_reserve_at(table->start + table->reserved, reserved - table->reserved);
        if (result == OS_TAKEN && table->reserved != 0)
            say_blocked();
        if (result != OS_RESERVED)
            return false;
        table->reserved = reserved;
    }
    return from >= to || os_commit(table->start + from, to - from);
}

/* Of how many units the tables are to be, so that they are of at least UNITS. */
static size_t covered_with(size_t units) {
    size_t before = window_covered(), covered = before ? before : os_facts.granule >> DESCRIPTOR_SHIFT;
    while (covered < units)
        covered *= 2;
    return covered;
}

size_t window_cover_bytes(size_t units) {
    size_t before = window_covered(), covered = covered_with(units);
    return descriptor_bytes(covered) - descriptor_bytes(before) +
           BITMAPS * (bitmap_bytes(covered) - bitmap_bytes(before));
}

/* Makes the tables usable for at least UNITS units. Returns for how many; 0 if the system refuses. */
static size_t tables_cover(size_t units) {
    size_t before = window_covered(), covered = covered_with(units);
    if (covered <= before)
        return before;
    if (!table_grow(&descriptors, before ? descriptor_bytes(before) : unused_bytes(), descriptor_bytes(covered)))
        return 0;
    for (unsigned i = 0; i < BITMAPS; i++)
        if (!table_grow(&bits[i], bitmap_bytes(before), bitmap_bytes(covered)))
            return 0;
    return covered;
}

static void mask_set(size_t covered) {
    store_release(&window.mask, (uintptr_t)(covered - 1) << DESCRIPTOR_SHIFT); /* after window.table */
}

bool window_cover(size_t units) {
    size_t covered = tables_cover(units);
    if (covered > window_covered())
        mask_set(covered);
    return covered != 0;
}

bool window_tables_touch(uintptr_t address, size_t size) {
    for (unsigned i = 0; i <= BITMAPS; i++) {
        const struct table *table = i < BITMAPS ? &bits[i] : &descriptors;
        uintptr_t start = (uintptr_t)table->start;
        if (address < start + table->reserved && start < address + size)
            return true;
    }
    return false;
}

void window_table_figures(size_t *all, size_t *in_use) {
    size_t covered = window_covered();
    *all = descriptors.reserved;
    *in_use = covered ? descriptor_bytes(covered) - unused_bytes() : 0;
    for (unsigned i = 0; i < BITMAPS; i++) {
        *all += bits[i].reserved;
        *in_use += bitmap_bytes(covered);
    }
}

/* The tables, and with them the window at BASE, come into use for UNITS units. */
static bool tables_start(uintptr_t base, size_t units) {
    size_t covered = tables_cover(units), unused = unused_bytes();
    if (!covered ||
        (unused && (!os_commit(descriptors.start, unused) || !os_protect(descriptors.start, unused, BRAINMM_READ))))
        return false;
    for (unsigned i = 0; i < BITMAPS; i++)
        *bitmaps[i] = (uint64_t *)(void *)bits[i].start;
    window.table = descriptors.start;
    window.base = base;
    mask_set(covered);
    return true;
}

/* ---- The place -------------------------------------------------------------------------------------------------- */

#if WINDOW_IS_EVERYTHING

/* All descriptors and bits are usable from the start: regions may lie anywhere. */
bool window_start(bool fixed_addresses, size_t units, size_t *first) {
    size_t bitmap = granules(bitmap_bytes((size_t)(SPAN_MAX >> UNIT_SHIFT)));
    (void)fixed_addresses, (void)units, (void)first;
    space.units = (size_t)(SPAN_MAX >> UNIT_SHIFT);
    descriptors.reserved = granules(descriptor_bytes(space.units));
    char *table = os_reserve(descriptors.reserved + BITMAPS * bitmap, os_facts.granule);
    if (!table)
        return false;
    descriptors.start = table;
    for (unsigned i = 0; i < BITMAPS; i++)
        bits[i] = (struct table){table + descriptors.reserved + i * bitmap, bitmap};
    if (!tables_start(0, space.units)) {
        os_release(table, descriptors.reserved + BITMAPS * bitmap);
        return false;
    }
    store_relaxed(&window.extent, UINTPTR_MAX);
    return true;
}

#else

/* Bits of chance, of which each user takes some. */
static size_t take_chance(uint64_t *chance, size_t most) {
    size_t taken = (size_t)(*chance % most);
    *chance /= most;
    return taken;
}

static void tables_release(void) {
    for (unsigned i = 0; i <= BITMAPS; i++) {
        struct table *table = i < BITMAPS ? &bits[i] : &descriptors;
        if (table->reserved)
            os_release(table->start, table->reserved);
        table->reserved = 0;
    }
}

/* Tries a window of SPAN bytes at BASE. */
static bool window_try(uintptr_t base, uint64_t span, uint64_t chance, size_t units) {
    size_t all = (size_t)(span >> UNIT_SHIFT), bitmap = granules(bitmap_bytes(all));
    size_t part = (size_t)(span / TABLES_PART), tables = granules(descriptor_bytes(all)) + BITMAPS * bitmap;
    space.units = all - all / TABLES_PART;
    first_unit = take_chance(&chance, FIRST_MOST - units);
    char *region = (char *)base + units_bytes(first_unit);
    if (os_reserve_at(region, units_bytes(units)) != OS_RESERVED)
        return false;
    size_t at = take_chance(&chance, (part - tables) / os_facts.granule) * os_facts.granule;
    descriptors.start = (char *)base + units_bytes(space.units) + at;
    for (unsigned i = 0; i < BITMAPS; i++)
        bits[i].start = descriptors.start + granules(descriptor_bytes(all)) + i * bitmap;
    if (tables_start(base, first_unit + units))
        return true;
    tables_release();
    os_release(region, units_bytes(units));
    return false;
}

/* Any place of those that are the system's last choice, as far as nobody is there. Instruments like ThreadSanitizer and
 * valgrind refuse most of them. They agree with the places beside those where the system maps. Where there are few
 * addresses, the window is smaller. */
bool window_start(bool fixed_addresses, size_t units, size_t *first) {
    uintptr_t end = os_window_end();
    uint64_t chance = fixed_addresses ? 0 : os_random();
    for (uint64_t span = end < SPAN_MAX ? SPAN_LOW : SPAN_MAX; end && span >= SPAN_MIN; span /= 2) {
        size_t at = (size_t)(end / span), low = 1 + at / LOW_PART, places = at > low ? at - low : 0;
        const size_t beside[] = {PLACE_FIRST, at + 1, at};
        for (unsigned tries = places ? 0 : PLACES_AT_RANDOM; tries < PLACES_AT_RANDOM + 3; tries++) {
            uint64_t rest = chance;
            size_t random = places ? (take_chance(&rest, places) + tries * (places / 3 | 1)) % places : 0;
            size_t place = tries < PLACES_AT_RANDOM ? low + random : beside[tries - PLACES_AT_RANDOM];
            if (place != 0 && place != SIZE_MAX && window_try(place * (uintptr_t)span, span, rest, units)) {
                *first = first_unit;
                return true;
            }
        }
    }
    return false;
}

#endif
