/* window.c: units of 64 KiB: regions reserved from the system, a bitmap of what is free, two caches for slabs.
 *
 * A unit is free (its bit in free_units is set), cached for slabs, or in use. A free unit may still be committed; the
 * bit in `committed` says so. Such idle memory goes back to the system when it has lain idle for PURGE_DELAY_MS, at
 * once where there is more of it than memory in use, and on request. There is no background thread: whoever takes or gives units looks.
 */
#include "window.h"
#include "instrument.h"
#include "lock.h"
#include "slab.h"
#include "stack.h"

#if UINTPTR_MAX > 0xFFFFFFFFu
#define SPAN_MAX ((uint64_t)1 << 40) /* of the window */
#define SPAN_MIN ((uint64_t)1 << 34)
#define REGION_UNITS (((size_t)1 << 30) >> UNIT_SHIFT)
#else
#define SPAN_MAX ((uint64_t)1 << 32) /* every address there is */
#define SPAN_MIN SPAN_MAX
#define REGION_UNITS (((size_t)1 << 24) >> UNIT_SHIFT) /* small: 2 GiB are soon full of holes */
#endif
#define WINDOW_IS_EVERYTHING (SPAN_MAX == (uint64_t)1 << 32)

#define PURGE_DELAY_MS 500u
#define IDLE_UNITS_MAX 128u /* 8 MiB, or as much as is in use if that is more */
#define CACHED_ONE_MAX 64   /* slabs of one unit */
#define CACHED_LARGE_MAX 16 /* slabs of SLAB_UNITS_LARGE */
#define PLACES_TRIED 256u   /* for a region, before a smaller one is tried */

/* Before window_start() every pointer finds this descriptor, which is nobody's. */
static struct unit no_unit;
struct window window = {(char *)&no_unit, 0, 0, 0};

/* All below belongs to the lock, except for the caches. Units are counted from window.base, from 0. */
static struct lock lock;
static size_t span_units;
static uint64_t *free_units;    /* ours, and in nobody's hands */
static uint64_t *committed;     /* may be read and written without asking the system */
static uint64_t *marked;        /* free, and full of the marks of a slab that has been here: slab_clear_marks() */
static uint64_t *region_starts; /* a run never reaches across: systems want one call a reservation */
static size_t lowest_free;      /* no unit below is free */
static size_t used_units;       /* in somebody's hands, or cached */
static size_t idle_units;       /* free and committed */
static uint64_t idle_since;
static size_t reserved_units, committed_most;
static uint64_t purges, purged_units, changes; /* see struct window_figures */

static struct {
    struct stack stack;
    _Atomic int32_t count;
} cache_one, cache_large;

/* ---- Bitmaps ---------------------------------------------------------------------------------------------------- */

static void bits_fill(uint64_t *bits, size_t from, size_t count, bool value) {
    for (size_t at = from; at < from + count;) {
        size_t in_word = 64 - at % 64, left = from + count - at;
        size_t n = in_word < left ? in_word : left;
        uint64_t mask = (n == 64 ? ~(uint64_t)0 : (((uint64_t)1 << n) - 1)) << (at % 64);
        bits[at / 64] = value ? bits[at / 64] | mask : bits[at / 64] & ~mask;
        at += n;
    }
}

/* The first bit of VALUE in [from, end), or end. */
static size_t bits_find(const uint64_t *bits, size_t from, size_t end, bool value) {
    for (size_t at = from; at < end; at = (at / 64 + 1) * 64) {
        uint64_t word = (value ? bits[at / 64] : ~bits[at / 64]) >> (at % 64);
        if (word) {
            at += (size_t)__builtin_ctzll(word);
            return at < end ? at : end;
        }
    }
    return end;
}

static size_t bits_count(const uint64_t *bits, size_t from, size_t count) {
    size_t set = 0;
    for (size_t at = from; (at = bits_find(bits, at, from + count, true)) < from + count;) {
        size_t end = bits_find(bits, at, from + count, false);
        set += end - at;
        at = end;
    }
    return set;
}

static size_t units_known(void) {
    return window.base ? atomic_load_explicit(&window.extent, memory_order_relaxed) >> UNIT_SHIFT : span_units;
}
static char *address_of(size_t unit) { return (char *)window.base + (unit << UNIT_SHIFT); }

/* ---- Regions ---------------------------------------------------------------------------------------------------- */

static size_t table_bytes(size_t units) { return units << DESCRIPTOR_SHIFT; }
#define BITMAPS 4u /* free_units, committed, marked, region_starts */
static size_t bitmap_bytes(size_t units) { return ((units + 63) / 64 * 8 + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1); }

/* Makes descriptors and bits of at least the first UNITS units usable. */
static bool commit_tables(size_t units) {
    size_t covered = OS_PAGE >> DESCRIPTOR_SHIFT;
    while (covered < units)
        covered *= 2;
    size_t bits = bitmap_bytes(covered);
    if (!os_commit(window.table, table_bytes(covered)) || !os_commit(free_units, bits) || !os_commit(committed, bits) ||
        !os_commit(marked, bits) || !os_commit(region_starts, bits))
        return false;
    atomic_store_explicit(&window.mask, (uintptr_t)(covered - 1) << DESCRIPTOR_SHIFT, memory_order_relaxed);
    return true;
}

bool window_start(void) {
    char *table = NULL;
    void *place = NULL;
    uint64_t span = SPAN_MAX;
    for (; span >= SPAN_MIN; span /= 2) {
        span_units = (size_t)(span >> UNIT_SHIFT);
        if (!WINDOW_IS_EVERYTHING && (place = os_place_window((size_t)span)) == NULL)
            continue;
        size_t bytes = table_bytes(span_units) + BITMAPS * bitmap_bytes(span_units);
        bytes = (bytes + OS_GRANULE - 1) & ~(size_t)(OS_GRANULE - 1);
        if ((table = os_reserve(bytes, OS_GRANULE)) != NULL)
            break;
    }
    if (!table)
        return false;
    free_units = (uint64_t *)(void *)(table + table_bytes(span_units));
    committed = (uint64_t *)(void *)((char *)free_units + bitmap_bytes(span_units));
    marked = (uint64_t *)(void *)((char *)committed + bitmap_bytes(span_units));
    region_starts = (uint64_t *)(void *)((char *)marked + bitmap_bytes(span_units));
    if (!os_commit(table, OS_PAGE)) /* a free() in another thread may look at the first descriptor any moment */
        return false;
    window.table = table;
    window.base = (uintptr_t)place;
    if (!commit_tables(WINDOW_IS_EVERYTHING ? span_units : 1))
        return false;
    if (WINDOW_IS_EVERYTHING)
        atomic_store_explicit(&window.extent, UINTPTR_MAX, memory_order_relaxed);
    return true;
}

static void region_add(size_t first, size_t units) {
    bits_fill(region_starts, first, 1, true);
    bits_fill(free_units, first, units, true);
    reserved_units += units;
    if (first < lowest_free)
        lowest_free = first;
}

/* 32 bit: a region anywhere. */
static bool region_reserve_anywhere(size_t count, size_t alignment) {
    for (size_t units = count > REGION_UNITS ? count : REGION_UNITS; units >= count; units /= 2) {
        char *address = os_reserve(units << UNIT_SHIFT, alignment << UNIT_SHIFT);
        if (address) {
            region_add((uintptr_t)address >> UNIT_SHIFT, units);
            return true;
        }
    }
    return false;
}

/* 64 bit: a region behind those there are. */
static bool region_reserve_next(size_t count, size_t alignment) {
    size_t known = units_known();
    for (size_t units = count > REGION_UNITS ? (count + REGION_UNITS - 1) & ~(REGION_UNITS - 1) : REGION_UNITS;
         units >= count; units /= 2) {
        size_t step = alignment > units ? alignment : units < REGION_UNITS ? units : REGION_UNITS;
        size_t first = (known + step - 1) & ~(step - 1);
        for (unsigned tries = 0; tries < PLACES_TRIED && first + units <= span_units; tries++, first += step) {
            if (!os_reserve_at(address_of(first), units << UNIT_SHIFT))
                continue;
            if (!commit_tables(first + units)) {
                os_release(address_of(first), units << UNIT_SHIFT);
                return false;
            }
            region_add(first, units);
            atomic_store_explicit(&window.extent, (first + units) << UNIT_SHIFT, memory_order_relaxed);
            return true;
        }
    }
    return false;
}

/* ---- Taking and giving ------------------------------------------------------------------------------------------ */

/* The first run of COUNT free units at a multiple of ALIGNMENT, or SIZE_MAX. */
static size_t find_run(size_t count, size_t alignment) {
    size_t end = units_known();
    size_t at = lowest_free = bits_find(free_units, lowest_free, end, true);
    while (at < end) {
        size_t aligned = (at + alignment - 1) & ~(alignment - 1);
        if (aligned + count > end)
            break;
        size_t wanted = aligned + count;
        size_t gap = bits_find(free_units, at, wanted, false);
        size_t start = bits_find(region_starts, aligned + 1, wanted, true);
        if (gap == wanted && start == wanted)
            return aligned;
        at = gap < wanted ? bits_find(free_units, gap, end, true) : start;
    }
    return SIZE_MAX;
}

/* IN_MEMORY: or else the memory itself goes, and with it the marks. */
static void clear_marks(size_t first, size_t count, bool in_memory) {
    size_t end = first + count;
    for (size_t at = first; (at = bits_find(marked, at, end, true)) < end; at++) {
        if (in_memory)
            slab_clear_marks(unit_at(address_of(at)));
        else
            atomic_store_explicit(&unit_at(address_of(at))->carved, 0, memory_order_relaxed);
        bits_fill(marked, at, 1, false);
    }
}

static bool claim(size_t first, size_t count, bool *fresh) {
    size_t ready = bits_count(committed, first, count);
    if (ready < count && !os_commit(address_of(first), count << UNIT_SHIFT))
        return false;
    if (fresh)
        *fresh = ready == 0;
    INSTRUMENT_ALLOW(address_of(first), count << UNIT_SHIFT); /* whatever it was before */
    clear_marks(first, count, true);
    bits_fill(committed, first, count, true);
    bits_fill(free_units, first, count, false);
    idle_units -= ready;
    used_units += count;
    changes++;
    if (used_units + idle_units > committed_most)
        committed_most = used_units + idle_units;
    return true;
}

/* Idle units of [first, first + count) go back to the system. */
static void purge(size_t first, size_t count) {
    size_t end = first + count;
    for (size_t at = first; (at = bits_find(committed, at, end, true)) < end;) {
        size_t stop = bits_find(committed, at, end, false);
        size_t next_free = bits_find(free_units, at, stop, true);
        if (next_free == stop) {
            at = stop;
            continue;
        }
        at = next_free;
        stop = bits_find(free_units, at, stop, false);
        stop = bits_find(region_starts, at + 1, stop, true);
        clear_marks(at, stop - at, false);
        os_decommit(address_of(at), (stop - at) << UNIT_SHIFT);
        bits_fill(committed, at, stop - at, false);
        idle_units -= stop - at;
        purges++;
        purged_units += stop - at;
        at = stop;
    }
}

static void purge_if_due(void) {
    if (idle_units && os_clock_ms() - idle_since >= PURGE_DELAY_MS)
        purge(0, units_known());
}

static struct unit *take_locked(size_t count, size_t alignment, bool *fresh) {
    size_t first = find_run(count, alignment);
    if (first == SIZE_MAX) {
        if (!(WINDOW_IS_EVERYTHING ? region_reserve_anywhere(count, alignment) : region_reserve_next(count, alignment)))
            return NULL;
        first = find_run(count, alignment);
    }
    return first != SIZE_MAX && claim(first, count, fresh) ? unit_at(address_of(first)) : NULL;
}

struct unit *window_take(size_t count, size_t alignment, bool *fresh) {
    if (count > span_units || alignment > span_units)
        return NULL;
    lock_take(&lock);
    struct unit *first = take_locked(count, alignment, fresh);
    purge_if_due();
    lock_open(&lock);
    return first;
}

bool window_take_at(struct unit *first, size_t count) {
    size_t from = unit_index(first) - 1;
    lock_take(&lock);
    bool free = from + count <= units_known() && bits_find(free_units, from, from + count, false) == from + count &&
                bits_find(region_starts, from, from + count, true) == from + count && claim(from, count, NULL);
    lock_open(&lock);
    return free;
}

static void give_locked(size_t first, size_t count) {
    bits_fill(free_units, first, count, true);
    if (first < lowest_free)
        lowest_free = first;
    if (idle_units == 0)
        idle_since = os_clock_ms();
    idle_units += count;
    used_units -= count;
    changes++;
    if (idle_units > IDLE_UNITS_MAX && idle_units > used_units)
        purge(first, count);
    purge_if_due();
}

void window_give(struct unit *first, size_t count) {
    lock_take(&lock);
    give_locked(unit_index(first) - 1, count);
    lock_open(&lock);
}

static void give_slab_locked(struct unit *slab, unsigned units) {
    size_t first = unit_index(slab) - 1;
    if (atomic_load_explicit(&slab->carved, memory_order_relaxed) != 0)
        bits_fill(marked, first, 1, true);
    give_locked(first, units);
}

/* ---- Caches for slabs ------------------------------------------------------------------------------------------- */

static _Atomic uint32_t *unit_link(uint32_t index) { return &unit_from_index(index)->next; }

struct unit *window_take_slab(unsigned units) {
    bool one = units == 1;
    uint32_t index = stack_pop(one ? &cache_one.stack : &cache_large.stack, unit_link);
    if (!index)
        return window_take(units, 1, NULL);
    atomic_fetch_sub_explicit(one ? &cache_one.count : &cache_large.count, 1, memory_order_relaxed);
    return unit_from_index(index);
}

void window_give_slab(struct unit *first, unsigned units) {
    bool one = units == 1;
    _Atomic int32_t *count = one ? &cache_one.count : &cache_large.count;
    bool full = atomic_load_explicit(count, memory_order_relaxed) >= (one ? CACHED_ONE_MAX : CACHED_LARGE_MAX);
    if (full && lock_try(&lock)) { /* rather a cache too large than a thread that waits */
        give_slab_locked(first, units);
        lock_open(&lock);
        return;
    }
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    stack_push(one ? &cache_one.stack : &cache_large.stack, unit_index(first), &first->next);
}

static void empty_cache_locked(struct stack *stack, _Atomic int32_t *count, unsigned units) {
    for (uint32_t index; (index = stack_pop(stack, unit_link)) != 0;) {
        atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
        give_slab_locked(unit_from_index(index), units);
    }
}

bool window_purge(bool all) {
    lock_take(&lock);
    size_t before = idle_units;
    if (all) {
        empty_cache_locked(&cache_one.stack, &cache_one.count, 1);
        empty_cache_locked(&cache_large.stack, &cache_large.count, SLAB_UNITS_LARGE);
        before = idle_units;
        purge(0, units_known());
    } else {
        purge_if_due();
    }
    bool any = idle_units < before;
    lock_open(&lock);
    return any;
}

/* ---- Any pointer ------------------------------------------------------------------------------------------------ */

static bool overlaps(uintptr_t address, size_t size, uintptr_t start, size_t length) {
    return address < start + length && start < address + size;
}

/* A unit of a region is free, or committed, or both. */
bool window_touches(const void *address, size_t size) {
    uintptr_t from = (uintptr_t)address;
    size_t tables = table_bytes(span_units) + BITMAPS * bitmap_bytes(span_units), known = units_known();
    if (overlaps(from, size, (uintptr_t)window.table, tables))
        return true;
    if (!overlaps(from, size, window.base, WINDOW_IS_EVERYTHING ? UINTPTR_MAX : known << UNIT_SHIFT))
        return false;
    size_t first = from > window.base ? (from - window.base) >> UNIT_SHIFT : 0;
    size_t end = ((from + size - 1 - window.base) >> UNIT_SHIFT) + 1;
    if (end > known)
        end = known;
    return bits_find(free_units, first, end, true) < end || bits_find(committed, first, end, true) < end;
}

/* Only the first unit of a run knows the rest. None of a run is free, and none is uncommitted. */
struct unit *window_find(const void *address) {
    if (!window_contains(address))
        return NULL;
    size_t at = ((uintptr_t)address - window.base) >> UNIT_SHIFT;
    for (;; at--) {
        struct unit *unit = unit_at(address_of(at));
        if (bits_find(free_units, at, at + 1, true) == at || bits_find(committed, at, at + 1, true) != at)
            return NULL;
        if (unit->kind != UNIT_NONE)
            return unit;
        if (at == 0 || bits_find(region_starts, at, at + 1, true) == at)
            return NULL;
    }
}

void window_lock(void) { lock_take(&lock); }
void window_unlock(void) { lock_open(&lock); }

/* ---- Questions -------------------------------------------------------------------------------------------------- */

struct unit *window_next_used(size_t from) {
    size_t end = units_known();
    for (size_t word = from / 64; word * 64 < end; word++) {
        uint64_t used = committed[word] & ~free_units[word];
        if (word == from / 64)
            used &= ~(uint64_t)0 << (from % 64);
        if (used) /* no bit is set behind the end */
            return unit_from_index((uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(used) + 1);
    }
    return NULL;
}

void window_figures(struct window_figures *figures) {
    lock_take(&lock);
    int32_t one = atomic_load_explicit(&cache_one.count, memory_order_relaxed);
    int32_t large = atomic_load_explicit(&cache_large.count, memory_order_relaxed);
    size_t covered = (atomic_load_explicit(&window.mask, memory_order_relaxed) >> DESCRIPTOR_SHIFT) + 1;
    /* The counts are adjusted before a push and after a pop, so they are never too low. */
    figures->cached = (size_t)one + SLAB_UNITS_LARGE * (size_t)large;
    figures->used = used_units - figures->cached;
    figures->idle = idle_units;
    figures->reserved = reserved_units << UNIT_SHIFT;
    figures->table = table_bytes(span_units) + BITMAPS * bitmap_bytes(span_units);
    figures->table_committed = table_bytes(covered) + BITMAPS * bitmap_bytes(covered);
    figures->committed_most = committed_most;
    figures->purges = purges;
    figures->purged = purged_units;
    figures->changes = changes;
    lock_open(&lock);
}
