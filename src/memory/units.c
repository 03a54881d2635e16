/* SPDX-License-Identifier: MIT */
/* units.c: see units.h. */
#include "memory/units.h"
#include "base/align.h"
#include "memory/commit.h"
#include "memory/density.h"
#include "memory/headroom.h"
#include "memory/idle.h"
#include "memory/mark.h"
#include "memory/recover.h"
#include "memory/reserve.h"
#include "sync/assert.h"
#include "sync/lock.h"

#define FEW_UNITS 15u  /* below 1 MiB */
#define GROWN_TIMES 4u /* a run that has grown by more says little about its new part */

/* Free units that may stay reserved. Where there are enough addresses only what is as large as the rest goes, because
 * everybody who looks for free units would have to pass it. */
#define SPARE_LEAST (((size_t)16 << 20) >> UNIT_SHIFT) /* and a 32nd of what is in use */
#define SPARE_LARGE (((size_t)4 << 30) >> UNIT_SHIFT)  /* and as much as is in use */

void units_lock(void) {
    if (lock_acquire(LOCK_UNITS))
        space_recover();
}

static atomic_word in_use; /* totals.used, for those who do not have the lock */

void units_unlock(void) {
    store_relaxed(&in_use, totals.used);
    lock_release(LOCK_UNITS);
}

size_t units_in_use(void) { return load_relaxed(&in_use); }

bool units_start(bool fixed_addresses) { return region_start(fixed_addresses); }

bool units_are_limited(void) { return region_is_limited(); }

bool units_could_be(size_t size) {
    size_t count = size >> UNIT_SHIFT;
    units_lock();
    bool could = WINDOW_IS_EVERYTHING  ? size <= PTRDIFF_MAX - UNIT_SIZE
                 : region_is_limited() ? size < load_relaxed(&space.limit)
                                       : count <= space.owned_units;
    units_unlock();
    return could;
}

/* The place of a descriptor's unit, counted from 0. */
static size_t place_of(const struct unit *unit) { return unit_number(unit) - 1; }

/* ---- Taking ----------------------------------------------------------------------------------------------------- */

/* Where addresses are limited, free regions may be what stands in the way of a larger one. */
static bool release_free(void) {
    size_t before = space.owned_units, free_units = before - totals.used - totals.headroom;
    if (!region_is_limited() || free_units == 0)
        return false;
    totals.idle -= region_release_free(0, units_known(), 0, free_units);
    return space.owned_units < before;
}

/* The last resort. */
static struct unit *take_from_reserve(size_t count, size_t alignment, bool *fresh) {
    size_t first = reserve_take(count, alignment);
    if (first == SIZE_MAX)
        return NULL;
    struct unit *run = unit_at(address_of(first));
    if (fresh)
        *fresh = false;
    totals.changes++;
    link_set(&run->run.headroom, 0);
    run->run.is_new = false;
    return run;
}

static struct unit *take_locked(size_t count, size_t headroom, size_t alignment, enum units_use use, bool *fresh) {
    size_t first;
    bool is_new = false;
    bool few = use == UNITS_SPARSE && count > 1 && count <= FEW_UNITS;
    ASSERT(lock_is_held(LOCK_UNITS));
    while ((first = hole_find(count + headroom, alignment)) == SIZE_MAX) {
        if (region_add(count + headroom, alignment, few ? REGION_FOR_FEW_UNITS : REGION_FOR_ANY))
            continue;
        if (headroom == 0 && !headroom_free_all() && !release_free())
            return take_from_reserve(count, alignment, fresh);
        headroom = 0;
    }
    if (use == UNITS_WHOLE)
        huge_expect_more(first, count);
    if (!units_commit(first, count, &is_new))
        return take_from_reserve(count, alignment, fresh);
    if (fresh)
        *fresh = is_new;
    reserve_note_found(count);
    struct unit *run = unit_at(address_of(first));
    ASSERT(unit_kind(run) == UNIT_NONE && load_relaxed(&run->limit) == 0);
    link_set(&run->run.headroom, 0);
    run->run.is_new = is_new;
    if (headroom) { /* up to where the system takes idle memory back */
        size_t at = first + count;
        idle_purge(at, at + headroom, space.committed);
        headroom = bits_find_set(space.committed, at, at + headroom) - at;
        bits_clear(space.free, at, headroom);
        headroom_set(run, at, headroom);
    }
    return run;
}

struct unit *units_take(size_t count, size_t alignment, enum units_use use, bool *fresh) {
    if (count > space.units || alignment > space.units)
        return NULL;
    units_lock();
    struct unit *first = take_locked(count, 0, alignment, use, fresh);
    reserve_look();
    idle_purge_if_due();
    units_unlock();
    return first;
}

struct unit *units_take_with_headroom(size_t count, size_t headroom, size_t alignment) {
    if (count > space.units || alignment > space.units)
        return NULL;
    units_lock();
    struct unit *run = take_locked(count, headroom_allowed(headroom), alignment, UNITS_SPARSE, NULL);
    reserve_look();
    idle_purge_if_due();
    units_unlock();
    return run;
}

/* ---- Giving ----------------------------------------------------------------------------------------------------- */

static size_t spare_units(void) {
    return WINDOW_IS_EVERYTHING || region_is_limited() ? SPARE_LEAST + totals.used / 32 : SPARE_LARGE + totals.used;
}

static void give_locked(size_t first, size_t count, enum idle_use use) {
    ASSERT(lock_is_held(LOCK_UNITS) && totals.used >= count && unit_kind(unit_at(address_of(first))) == UNIT_NONE);
    bits_set(space.free, first, count);
    space_note_free(first, count);
    totals.idle += bits_count(space.committed, first, count);
    totals.used -= count;
    totals.changes++;
    size_t bound = idle_bound(use);
    if (totals.idle > bound) /* what has been idle for long goes first */
        idle_purge(space.lowest_free, units_free_end(), space.idle);
    if (totals.idle > bound) /* the last huge page as a whole */
        idle_purge(first, first + count + huge_beyond(first, first + count), space.committed);
    size_t spare = spare_units(), free_units = space.owned_units - totals.used - totals.headroom;
    if (free_units > spare)
        totals.idle -= region_release_free(first, count, spare, free_units);
    reserve_look();
    idle_purge_if_due();
}

bool units_give(struct unit *first, size_t count, enum units_use use, enum units_memory memory, enum units_wait wait) {
    if (wait == UNITS_WAIT)
        units_lock();
    else if (!lock_try(LOCK_UNITS))
        return false;
    size_t place = place_of(first);
    if (memory == UNITS_EMPTY)
        bits_clear(space.committed, place, count);
    else if (marks_left(first) != 0)
        bits_set(space.marked, place, 1);
    store_order(); /* what is free says whether it has memory and marks */
    give_locked(place, count, use == UNITS_WHOLE ? IDLE_AFTER_SLAB : IDLE_AFTER_RUN);
    units_unlock();
    return true;
}

void units_keep_nothing(void) { idle_never = true; }

void units_watch_regions(void (*added)(const void *start, size_t size),
                         void (*released)(const void *start, size_t size)) {
    region_added = added;
    region_released = released;
}

void units_lose(struct unit *first, size_t count) {
    units_lock();
    unit_set_kind(first, UNIT_NONE);
    totals.lost += count;
    units_unlock();
}

void units_forget(struct unit *run, size_t count) {
    units_lock();
    unit_set_kind(run, UNIT_NONE);
    totals.used -= count;
    region_forget(place_of(run), count);
    units_unlock();
}

void units_drop_headroom(struct unit *run) {
    if (headroom_of(run) == 0) /* others only take it back, and never give any */
        return;
    units_lock();
    headroom_free(run);
    units_unlock();
}

void units_open_reserve(void) {
    units_lock();
    reserve_open();
    units_unlock();
}

void units_tick(void) {
    if (!lock_try(LOCK_UNITS))
        return;
    idle_purge_if_due();
    units_unlock();
}

bool units_purge(void) {
    units_lock();
    size_t before = totals.idle;
    idle_purge(space.lowest_free, units_free_end(), space.committed);
    bool any = totals.idle < before;
    units_unlock();
    return any;
}

/* ---- Growing ---------------------------------------------------------------------------------------------------- */

/* Whether a run is likely to be written from unit FROM on. If it has grown, what was written of it tells, as far as it
 * was not much smaller. */
static bool is_worth_advice(const struct unit *run, size_t from, size_t now) {
    enum density density = from >= now / GROWN_TIMES ? density_of(run, units_bytes(from)) : DENSITY_UNKNOWN;
    return density == DENSITY_UNKNOWN ? density_expects(units_bytes(now)) : density == DENSITY_HIGH;
}

void units_expect_use(struct unit *run, size_t from, size_t now) {
    size_t first = place_of(run), end = first + now;
    if (from)
        run->run.is_new = false;
    if (!os_facts.takes_advice || now < huge_units() || !is_worth_advice(run, from, now))
        return;
    units_lock();
    size_t headroom = headroom_of(run), beyond = huge_beyond(first, end);
    bool is_free = bits_all_set(space.free, end, beyond);
    if (is_free)
        huge_commit_beyond(end, beyond);
    units_unlock();
    if (is_free || headroom >= beyond)
        end += beyond;
    from = align_down(first + from, huge_units());
    from = from < first ? first : from;
    os_expect_use(address_of(from), units_bytes(end - from));
}

/* Whether [first, first + count) is free, or becomes so by a region that is added where the last one ends. */
static bool make_free(size_t first, size_t count) {
    size_t end = first + count, known = units_known();
    if (first > known || end > space.units)
        return false;
    size_t known_end = end < known ? end : known;
    size_t stop = bits_find_clear(space.free, first, known_end);
    if (stop == end)
        return true;
    if (stop < known && bits_get(space.owned, stop))
        return false;
    return region_add_at(stop, end - stop) && bits_all_set(space.free, stop, end - stop);
}

bool units_extend(struct unit *run, size_t now, size_t more, size_t *from_headroom) {
    units_lock();
    size_t first = place_of(run) + now, headroom = headroom_of(run);
    size_t used = headroom < more ? headroom : more;
    bool done = more <= space.units && (used == more || make_free(first + used, more - used)) &&
                units_commit(first, more, NULL);
    if (done && used)
        headroom_set(run, first + used, headroom - used);
    else if (!done && headroom)
        headroom_forget_lost(run);
    *from_headroom = used;
    units_unlock();
    return done;
}

/* Takes LEFT free units before FIRST and RIGHT units behind a run that ends at END. */
static bool commit_both(size_t first, size_t left, size_t end, size_t right) {
    if (left > first || bits_set_stretch_before(space.free, first - left, first) != first - left ||
        !units_commit(first - left, left, NULL))
        return false;
    if (right == 0 || units_commit(end, right, NULL))
        return true;
    give_locked(first - left, left, IDLE_AFTER_RUN);
    return false;
}

size_t units_extend_both(struct unit *run, size_t now, size_t more, size_t alignment) {
    units_lock();
    size_t first = place_of(run), headroom = headroom_of(run), end = first + now + headroom;
    size_t right = headroom + (end < units_known() ? bits_find_clear(space.free, end, units_known()) - end : 0);
    size_t left = right < more ? align_up(more - right, alignment) : 0;
    bool done = left && left <= more && commit_both(first, left, first + now, more - left);
    if (done) {
        right = more - left; /* less than there is, if alignment wants more on the left */
        headroom_set(run, first + now + right, headroom > right ? headroom - right : 0);
        if (headroom > right)
            headroom_free(run);
    } else if (headroom) {
        headroom_forget_lost(run);
    }
    units_unlock();
    return done ? left : 0;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

static bool overlaps(uintptr_t address, size_t size, uintptr_t start, size_t length) {
    return address < start + length && start < address + size;
}

bool units_touch(const void *address, size_t size) {
    uintptr_t from = (uintptr_t)address;
    size_t known = units_known();
    if (window_tables_touch(from, size))
        return true;
    if (!overlaps(from, size, window.base, WINDOW_IS_EVERYTHING ? UINTPTR_MAX : units_bytes(known)))
        return false;
    size_t first = from > window.base ? (from - window.base) >> UNIT_SHIFT : 0;
    size_t end = ((from + size - 1 - window.base) >> UNIT_SHIFT) + 1;
    if (end > known)
        end = known;
    return bits_find_set(space.owned, first, end) < end;
}

/* How many units of one kind begin with UNIT. Each unit of a slab has a kind. */
static size_t units_of(const struct unit *unit, unsigned kind) {
    return kind == UNIT_SLAB || kind == UNIT_SUB || kind == UNIT_BLOCKS
               ? 1
               : (run_size(unit) + UNIT_SIZE - 1) >> UNIT_SHIFT;
}

/* Only the first unit of a run knows the rest. None of a run is free, and none is uncommitted. What lies behind its end
 * and is not free either, is kept in the cache. */
struct unit *units_find(const void *address) {
    if (!window_contains(address))
        return NULL;
    size_t wanted = ((uintptr_t)address - window.base) >> UNIT_SHIFT;
    for (size_t at = wanted;; at--) {
        struct unit *unit = unit_at(address_of(at));
        if (!bits_get(space.owned, at) || bits_get(space.free, at) || !bits_get(space.committed, at))
            return NULL;
        unsigned kind = unit_kind(unit);
        if (kind != UNIT_NONE)
            return wanted - at < units_of(unit, kind) ? unit : NULL;
        if (at == 0)
            return NULL;
    }
}

struct unit *units_next_used(size_t from) {
    size_t end = units_known();
    for (size_t word = from / 64; word * 64 < end; word++) {
        uint64_t used = space.committed[word] & ~space.free[word];
        if (word == from / 64)
            used &= ~(uint64_t)0 << (from % 64);
        if (used) /* no bit is set behind the end */
            return unit_from_number((uint32_t)(word * 64) + bits_lowest(used) + 1);
    }
    return NULL;
}

void units_note_outside(ptrdiff_t more) {
    units_lock();
    totals.outside += (size_t)more;
    totals_note_committed();
    units_unlock();
}

void units_figures(struct units_figures *figures) {
    units_lock();
    figures->used = totals.used;
    figures->idle = totals.idle;
    figures->headroom = totals.headroom;
    figures->held_back = reserve_kept();
    figures->reserved = units_bytes(space.owned_units);
    window_table_figures(&figures->table, &figures->table_committed);
    figures->outside = totals.outside;
    figures->committed_most = totals.committed_most;
    figures->purges = totals.purges;
    figures->purged = totals.purged;
    figures->moved = totals.moved;
    figures->changes = totals.changes;
    units_unlock();
}
