/* window.c: taking and giving units of 64 KiB: who has them, room to grow, two caches for slabs.
 *
 * A unit is free (its bit in space.free is set), cached for slabs, room that a run may grow into, or in use. A free unit
 * may still be committed; the bit in space.committed says so. This idle memory is the cache of freed runs: whoever asks
 * next gets it, in any size. It goes back to the system when it has lain idle for PURGE_DELAY_MS to twice that, at
 * once where there is more of it than idle_bound(), and on request. There is no background thread: whoever takes or
 * gives units looks at the clock.
 */
#include "window.h"
#include "instrument.h"
#include "lock.h"
#include "region.h"
#include "slab.h"
#include "stack.h"

#define PURGE_DELAY_MS 250u
#define IDLE_UNITS_ALWAYS 128u                               /* 8 MiB may lie idle in any case: idle_bound() */
#define IDLE_UNITS_MAX 1408u                                 /* 88 MiB */
#define IDLE_SLABS_MAX (WINDOW_IS_EVERYTHING ? 512u : 2048u) /* when a slab is given: 32 or 128 MiB */
#define BEST_FIT_FROM 16u                       /* units, 1 MiB: the least that is worth to look at all holes for */
#define HUGE_UNITS (OS_HUGE_PAGE >> UNIT_SHIFT) /* a huge page; what idle memory is moved in */
#define HUGE_FROM (os_huge_pages_always ? 256u : 4096u) /* units in use, 16 or 256 MiB: slabs use huge pages then */
#define BEYOND_PART 4u                                  /* of a run its last huge page may reach beyond its end */
#define CACHED_ONE_MAX 64                               /* slabs of one unit, and blocks of 64 KiB */
#define CACHED_LARGE_MAX 16                             /* slabs of SLAB_UNITS_LARGE */

#if WINDOW_IS_EVERYTHING
#define ROOM_UNITS_MAX (((size_t)128 << 20) >> UNIT_SHIFT) /* of all runs */
#define SPARE_UNITS(used) ((used) / 32 + 256u)             /* free units that may stay reserved: 16 MiB and a 32nd */
#else
#define ROOM_UNITS_MAX (((size_t)4 << 30) >> UNIT_SHIFT) /* or three times what is in use */
#define SPARE_UNITS(used) ((void)(used), SIZE_MAX)       /* there are enough addresses */
#endif

/* All below belongs to the lock, except for the caches. */
static struct lock lock;
static size_t used_units;                                   /* in somebody's hands, or cached */
static size_t idle_units;                                   /* free and committed */
static size_t room_units;                                   /* in nobody's hands, but not free */
static uint32_t rooms_first;                                /* runs with room, linked by next and prev */
static uint64_t last_look_ms;                               /* when idle memory was last looked for */
static size_t outside;                                      /* bytes: window_note_outside() */
static size_t committed_most;                               /* bytes, those too */
static uint64_t purges, purged_units, moved_units, changes; /* see struct window_figures */

static struct {
    struct stack stack;
    _Atomic int32_t count;
} cache_one, cache_large;

/* ---- Idle memory ------------------------------------------------------------------------------------------------ */

/* IN_MEMORY: or else the memory itself goes, and with it the marks. */
static void clear_marks(size_t first, size_t count, bool in_memory) {
    size_t end = first + count;
    for (size_t at = first; (at = bits_find(space.marked, at, end, true)) < end; at++) {
        if (in_memory)
            slab_clear_marks(unit_at(address_of(at)));
        else
            atomic_store_explicit(&unit_at(address_of(at))->carved, 0, memory_order_relaxed);
        bits_fill(space.marked, at, 1, false);
    }
}

/* Free committed units of [first, end) that have a bit in ONLY go back to the system. */
static void purge(size_t first, size_t end, const uint64_t *only) {
    for (size_t at = first; at < end;) {
        size_t next = bits_find(only, at, end, true);
        next = bits_find(space.free, next, end, true);
        next = bits_find(space.committed, next, end, true);
        if (next > at) {
            at = next;
            continue;
        }
        size_t stop = bits_find(only, at, end, false);
        stop = bits_find(space.free, at, stop, false);
        stop = bits_find(space.committed, at, stop, false);
        clear_marks(at, stop - at, false);
        os_decommit(address_of(at), (stop - at) << UNIT_SHIFT);
        bits_fill(space.committed, at, stop - at, false);
        idle_units -= stop - at;
        purges++;
        purged_units += stop - at;
        at = stop;
    }
}

/* What was idle at the last look and has not been used since goes back; what is idle now is noted for the next. */
static void look_for_idle(void) {
    uint64_t now = os_clock_ms();
    if (now - last_look_ms < PURGE_DELAY_MS)
        return;
    size_t end = units_known();
    last_look_ms = now;
    purge(space.lowest_free, end, space.idle);
    for (size_t word = space.lowest_free / 64; word < (end + 63) / 64; word++)
        space.idle[word] = space.free[word] & space.committed[word];
}

/* How much may lie idle when a slab or a run is given. A slab: as much as is in use and 128 MiB in any case, because programs
 * fill and empty themselves with pieces in turn. A run: as much as is in use, 8 MiB in any case; in a large heap 88 MiB, out of
 * which a few buffers of tens of MiB are replaced with few new pages, or a twelfth: a heap of 1 GiB and more stays within a
 * tenth of what is live. */
static size_t idle_bound(bool slab) {
    size_t least = slab ? IDLE_SLABS_MAX : IDLE_UNITS_ALWAYS;
    size_t most = slab ? SIZE_MAX : used_units / 12 > IDLE_UNITS_MAX ? used_units / 12 : IDLE_UNITS_MAX;
    return used_units > most ? most : used_units > least ? used_units : least;
}

static void purge_if_due(void) {
    if (idle_units)
        look_for_idle();
}

/* ---- Taking ----------------------------------------------------------------------------------------------------- */

/* COUNT free units at a multiple of ALIGNMENT, or SIZE_MAX: few from the first hole that has them, which is quick and keeps
 * what is low in use; many from where most is still committed, as new pages cost more than anything here (32 bit, where
 * addresses count: anywhere), and there from the smallest hole, so that large ones stay for what needs them. */
static size_t find_run(size_t count, size_t alignment) {
    size_t end = units_known(), best = SIZE_MAX, best_missing = SIZE_MAX, best_size = SIZE_MAX;
    size_t at = space.lowest_free = bits_find(space.free, space.lowest_free, end, true);
    while (at < end) {
        size_t stop = bits_find(space.free, at, end, false), size = stop - at;
        size_t aligned = (at + alignment - 1) & ~(alignment - 1);
        at = bits_find(space.free, stop, end, true);
        if (aligned + count > stop)
            continue;
        if (count < BEST_FIT_FROM)
            return aligned;
        size_t missing = WINDOW_IS_EVERYTHING ? 0 : count - bits_count(space.committed, aligned, count);
        if (missing < best_missing || (missing == best_missing && size < best_size)) {
            best = aligned;
            best_missing = missing;
            best_size = size;
        }
    }
    return best;
}

/* The next HUGE_UNITS from FROM on that are all free and committed, at a multiple, outside [first, first + count), and
 * how many of their kind follow, MOST in all; SIZE_MAX: there are none. */
static size_t find_idle(size_t from, size_t first, size_t count, size_t *most) {
    size_t end = units_known();
    while ((from = (from + HUGE_UNITS - 1) & ~(HUGE_UNITS - 1)) + HUGE_UNITS <= end) {
        size_t stop = from + HUGE_UNITS, next = bits_find(space.committed, from, end, true);
        if (from < first + count && first < stop)
            from = first + count;
        else if (next >= stop)
            from = next;
        else if (next > from || bits_find(space.committed, from, stop, false) < stop ||
                 bits_find(space.free, from, stop, false) < stop)
            from = stop;
        else {
            end = from < first && first < from + *most ? first : end < from + *most ? end : from + *most;
            end = bits_find(space.committed, stop, end, false);
            *most = (bits_find(space.free, stop, end, false) - from) & ~(HUGE_UNITS - 1);
            return from;
        }
    }
    return SIZE_MAX;
}

/* Large memory that is to be committed gets pages that lie idle elsewhere, as far as the system moves them: they need not be
 * cleared, nor each be asked for when it is first touched. Whole huge pages only, which are moved as such, and leave few
 * mappings. False if the system has lost addresses; they are nobody's from here on. */
static bool move_idle_to(size_t first, size_t count) {
    size_t source = space.lowest_free, end = first + count, part;
    for (size_t at = (first + HUGE_UNITS - 1) & ~(HUGE_UNITS - 1); at + HUGE_UNITS <= end; at += part) {
        bool lost = false;
        part = (bits_find(space.committed, at, end, true) - at) & ~(HUGE_UNITS - 1);
        if (part == 0) {
            part = HUGE_UNITS;
            continue;
        }
        if ((source = find_idle(source, first, count, &part)) == SIZE_MAX)
            return true;
        clear_marks(source, part, true);
        size_t bytes = os_move_pages(address_of(at), address_of(source), part << UNIT_SHIFT, &lost);
        size_t moved = bytes >> UNIT_SHIFT;
        if (lost) {
            bits_fill(space.free, at, part, false);
            used_units += part;
            return false;
        }
        bits_fill(space.committed, at, moved, true);
        bits_fill(space.committed, source, moved, false);
        bits_fill(space.idle, source, moved, false);
        moved_units += moved;
        if (moved < part) {
            if (bytes % UNIT_SIZE)
                os_decommit(address_of(at + moved), UNIT_SIZE);
            return true;
        }
    }
    return true;
}

static size_t units_bytes(size_t units) { return units << UNIT_SHIFT; }

static void note_committed(void) {
    size_t committed = units_bytes(used_units + idle_units) + outside;
    if (committed > committed_most)
        committed_most = committed;
}

/* Makes units usable that are free or room. */
static bool commit(size_t first, size_t count, bool *fresh) {
    size_t ready = bits_count(space.committed, first, count);
    if (count - ready >= HUGE_UNITS && idle_units - ready >= HUGE_UNITS) {
        if (!move_idle_to(first, count))
            return false;
        ready = bits_count(space.committed, first, count);
    }
    if (ready < count && !os_commit(address_of(first), count << UNIT_SHIFT)) {
        clear_marks(first, count, false);
        os_decommit(address_of(first), count << UNIT_SHIFT); /* part of it may have been committed */
        bits_fill(space.committed, first, count, false);
        idle_units -= ready;
        return false;
    }
    if (fresh)
        *fresh = ready == 0;
    INSTRUMENT_ALLOW(address_of(first), count << UNIT_SHIFT); /* whatever it was before */
    clear_marks(first, count, true);
    bits_fill(space.committed, first, count, true);
    bits_fill(space.idle, first, count, false);
    bits_fill(space.free, first, count, false);
    idle_units -= ready;
    used_units += count;
    changes++;
    note_committed();
    return true;
}

static _Atomic uint32_t *unit_link(uint32_t index) { return &unit_from_index(index)->next; }
static void link_set(_Atomic uint32_t *link, uint32_t value) {
    atomic_store_explicit(link, value, memory_order_relaxed);
}
static uint32_t link_get(_Atomic uint32_t *link) { return atomic_load_explicit(link, memory_order_relaxed); }

/* A run's room becomes ROOM units from FIRST on. Its place is kept beside its length, for what the run itself says of its
 * length belongs to whoever resizes it, and not to this lock. */
static void room_set(struct unit *run, size_t first, size_t room) {
    uint32_t index = unit_index(run), before = link_get(&run->remote);
    room_units += room - before;
    run->room_at = first;
    link_set(&run->remote, (uint32_t)room);
    if (!before && room) {
        link_set(&run->prev, 0);
        link_set(&run->next, rooms_first);
        if (rooms_first)
            link_set(&unit_from_index(rooms_first)->prev, index);
        rooms_first = index;
    } else if (before && !room) {
        uint32_t next = link_get(&run->next), prev = link_get(&run->prev);
        if (next)
            link_set(&unit_from_index(next)->prev, prev);
        if (prev)
            link_set(&unit_from_index(prev)->next, next);
        else
            rooms_first = next;
    }
}

/* How many units the last huge page of a run [first, end) reaches beyond its end, if it may. */
static size_t units_beyond(size_t first, size_t end) {
    size_t beyond = (0 - end) & (HUGE_UNITS - 1);
    return OS_HUGE_PAGES && beyond * BEYOND_PART <= end - first ? beyond : 0;
}

/* What is free becomes idle: the system commits it with the run before it. */
static void commit_beyond(size_t end, size_t beyond) {
    idle_units += beyond - bits_count(space.committed, end, beyond);
    bits_fill(space.committed, end, beyond, true);
    note_committed();
}

/* Room is not committed, except for what the run's last huge page may have of it. */
static void room_free(struct unit *run) {
    size_t first = run->room_at, room = link_get(&run->remote), beyond = units_beyond(unit_index(run) - 1, first);
    bits_fill(space.free, first, room, true);
    if (beyond <= room)
        commit_beyond(first, beyond);
    if (room && first < space.lowest_free)
        space.lowest_free = first;
    room_set(run, 0, 0);
}

static bool rooms_free_all(void) {
    bool any = rooms_first != 0;
    while (rooms_first)
        room_free(unit_from_index(rooms_first));
    return any;
}

/* The huge pages of which [first, first + count) takes a part first are committed as a whole: what follows of the same kind
 * will use the rest, which is idle till then, and at most a hundredth of the heap; an eighth, where the administrator wants
 * huge pages everywhere. */
static void expect_more(size_t first, size_t count) {
    if (!OS_HUGE_PAGES || used_units < HUGE_FROM)
        return;
    for (size_t at = first & ~(HUGE_UNITS - 1); at < first + count; at += HUGE_UNITS)
        if (bits_find(space.free, at, at + HUGE_UNITS, false) == at + HUGE_UNITS &&
            bits_find(space.committed, at, at + HUGE_UNITS, true) == at + HUGE_UNITS) {
            os_expect_use(address_of(at), OS_HUGE_PAGE);
            commit_beyond(at, HUGE_UNITS);
        }
}

static struct unit *take_locked(size_t count, size_t room, size_t alignment, bool *fresh, bool touched) {
    size_t first;
    while ((first = find_run(count + room, alignment)) == SIZE_MAX) {
        if (space_add(count + room, alignment))
            continue;
        if (room == 0 && !rooms_free_all())
            return NULL;
        room = 0;
    }
    if (touched)
        expect_more(first, count);
    if (!commit(first, count, fresh))
        return NULL;
    struct unit *run = unit_at(address_of(first));
    link_set(&run->remote, 0);
    if (room) {
        purge(first + count, first + count + room, space.committed);
        bits_fill(space.free, first + count, room, false);
        room_set(run, first + count, room);
    }
    return run;
}

static struct unit *take(size_t count, size_t alignment, bool *fresh, bool touched) {
    if (count > space.units || alignment > space.units)
        return NULL;
    lock_take(&lock);
    struct unit *first = take_locked(count, 0, alignment, fresh, touched);
    purge_if_due();
    lock_open(&lock);
    return first;
}

struct unit *window_take(size_t count, size_t alignment, bool *fresh) {
    return take(count, alignment, fresh, false);
}

struct unit *window_take_with_room(size_t count, size_t room, size_t alignment) {
    if (count > space.units || alignment > space.units)
        return NULL;
    lock_take(&lock);
    size_t most = ROOM_UNITS_MAX;
    if (!WINDOW_IS_EVERYTHING && most < 3 * used_units)
        most = 3 * used_units;
    if (room_units + room > most)
        room = most > room_units ? most - room_units : 0;
    struct unit *run = take_locked(count, room, alignment, NULL, false);
    purge_if_due();
    lock_open(&lock);
    return run;
}

static void give_locked(size_t first, size_t count, bool slab) {
    bits_fill(space.free, first, count, true);
    if (first < space.lowest_free)
        space.lowest_free = first;
    idle_units += bits_count(space.committed, first, count);
    used_units -= count;
    changes++;
    size_t bound = idle_bound(slab);
    if (idle_units > bound) /* what has been idle for long first */
        purge(space.lowest_free, units_known(), space.idle);
    if (idle_units > bound) /* the last huge page as a whole */
        purge(first, first + count + units_beyond(first, first + count), space.committed);
    size_t spare = SPARE_UNITS(used_units), free_units = space.owned_units - used_units - room_units;
    if (free_units > spare)
        idle_units -= space_release(first, count, spare, free_units);
    purge_if_due();
}

void window_expect_use(struct unit *run, size_t from, size_t now) {
    size_t first = unit_index(run) - 1, end = first + now;
    if (!OS_HUGE_PAGES || now < HUGE_UNITS)
        return;
    lock_take(&lock);
    size_t room = link_get(&run->remote), beyond = units_beyond(first, end);
    bool free = bits_find(space.free, end, end + beyond, false) == end + beyond;
    if (free)
        commit_beyond(end, beyond);
    lock_open(&lock);
    if (free || room >= beyond)
        end += beyond;
    from = (first + from) & ~(HUGE_UNITS - 1);
    from = from < first ? first : from;
    os_expect_use(address_of(from), (end - from) << UNIT_SHIFT);
}

/* Whether [first, first + count) is free, or becomes so by a region that is added where the last one ends. */
static bool is_free(size_t first, size_t count) {
    size_t end = first + count, known = units_known();
    if (first > known || end > space.units)
        return false;
    size_t known_end = end < known ? end : known;
    size_t stop = bits_find(space.free, first, known_end, false);
    return stop == end || ((stop >= known || !bits_get(space.owned, stop)) && space_add_at(stop, end - stop) &&
                           bits_find(space.free, stop, end, false) == end);
}

bool window_extend(struct unit *run, size_t now, size_t more, size_t *from_room) {
    lock_take(&lock);
    size_t first = unit_index(run) - 1 + now, room = link_get(&run->remote);
    size_t used = room < more ? room : more;
    bool done =
        more <= space.units && (used == more || is_free(first + used, more - used)) && commit(first, more, NULL);
    if (done && used)
        room_set(run, first + used, room - used);
    *from_room = used;
    lock_open(&lock);
    return done;
}

size_t window_extend_both(struct unit *run, size_t now, size_t more) {
    lock_take(&lock);
    size_t first = unit_index(run) - 1, room = link_get(&run->remote), end = first + now + room;
    size_t right = room + (end < units_known() ? bits_find(space.free, end, units_known(), false) - end : 0);
    size_t left = right < more ? more - right : 0;
    bool done = left && left <= first && bits_stretch_before(space.free, first - left, first, true) == first - left &&
                commit(first - left, left, NULL);
    if (done && right && !commit(first + now, right, NULL)) {
        give_locked(first - left, left, false);
        done = false;
    }
    if (done)
        room_set(run, 0, 0);
    lock_open(&lock);
    return done ? left : 0;
}

/* ---- Giving ----------------------------------------------------------------------------------------------------- */

void window_give(struct unit *first, size_t count) {
    lock_take(&lock);
    give_locked(unit_index(first) - 1, count, false);
    lock_open(&lock);
}

void window_give_empty(struct unit *first, size_t count) {
    lock_take(&lock);
    bits_fill(space.committed, unit_index(first) - 1, count, false);
    give_locked(unit_index(first) - 1, count, false);
    lock_open(&lock);
}

void window_drop_room(struct unit *run) {
    if (!link_get(&run->remote)) /* only taken back by others, never given */
        return;
    lock_take(&lock);
    room_free(run);
    lock_open(&lock);
}

static void give_slab_locked(struct unit *slab, unsigned units) {
    size_t first = unit_index(slab) - 1;
    if (atomic_load_explicit(&slab->carved, memory_order_relaxed) != 0)
        bits_fill(space.marked, first, 1, true);
    give_locked(first, units, true);
}

/* ---- Caches for slabs ------------------------------------------------------------------------------------------- */

struct unit *window_take_slab(unsigned units, bool touched) {
    bool one = units == 1;
    uint32_t index = stack_pop(one ? &cache_one.stack : &cache_large.stack, unit_link);
    if (!index)
        return take(units, 1, NULL, touched);
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
        purge(space.lowest_free, units_known(), space.committed);
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

bool window_touches(const void *address, size_t size) {
    uintptr_t from = (uintptr_t)address;
    size_t tables, in_use, known = units_known();
    space_table_figures(&tables, &in_use);
    if (overlaps(from, size, (uintptr_t)window.table, tables))
        return true;
    if (!overlaps(from, size, window.base, WINDOW_IS_EVERYTHING ? UINTPTR_MAX : known << UNIT_SHIFT))
        return false;
    size_t first = from > window.base ? (from - window.base) >> UNIT_SHIFT : 0;
    size_t end = ((from + size - 1 - window.base) >> UNIT_SHIFT) + 1;
    if (end > known)
        end = known;
    return bits_find(space.owned, first, end, true) < end;
}

/* Only the first unit of a run knows the rest. None of a run is free, and none is uncommitted. */
struct unit *window_find(const void *address) {
    if (!window_contains(address))
        return NULL;
    for (size_t at = ((uintptr_t)address - window.base) >> UNIT_SHIFT;; at--) {
        struct unit *unit = unit_at(address_of(at));
        if (!bits_get(space.owned, at) || bits_get(space.free, at) || !bits_get(space.committed, at))
            return NULL;
        if (unit->kind != UNIT_NONE)
            return unit;
        if (at == 0)
            return NULL;
    }
}

void window_lock(void) { lock_take(&lock); }
void window_unlock(void) { lock_open(&lock); }

/* ---- Questions -------------------------------------------------------------------------------------------------- */

struct unit *window_next_used(size_t from) {
    size_t end = units_known();
    for (size_t word = from / 64; word * 64 < end; word++) {
        uint64_t used = space.committed[word] & ~space.free[word];
        if (word == from / 64)
            used &= ~(uint64_t)0 << (from % 64);
        if (used) /* no bit is set behind the end */
            return unit_from_index((uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(used) + 1);
    }
    return NULL;
}

void window_note_outside(ptrdiff_t more) {
    lock_take(&lock);
    outside += (size_t)more;
    note_committed();
    lock_open(&lock);
}

void window_figures(struct window_figures *figures) {
    lock_take(&lock);
    int32_t one = atomic_load_explicit(&cache_one.count, memory_order_relaxed);
    int32_t large = atomic_load_explicit(&cache_large.count, memory_order_relaxed);
    /* The counts are adjusted before a push and after a pop, so they are never too low. */
    figures->cached = (size_t)one + SLAB_UNITS_LARGE * (size_t)large;
    figures->used = used_units - figures->cached;
    figures->idle = idle_units;
    figures->room = room_units;
    figures->reserved = space.owned_units << UNIT_SHIFT;
    space_table_figures(&figures->table, &figures->table_committed);
    figures->outside = outside;
    figures->committed_most = committed_most;
    figures->purges = purges;
    figures->purged = purged_units;
    figures->moved = moved_units;
    figures->changes = changes;
    lock_open(&lock);
}
