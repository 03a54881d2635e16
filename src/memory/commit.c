/* SPDX-License-Identifier: MIT */
/* commit.c: see commit.h. */
#include "memory/commit.h"
#include "base/align.h"
#include "memory/idle.h"
#include "memory/instrument.h"
#include "sync/assert.h"

#define BEST_FIT_FROM 16u /* units, 1 MiB: from here on all holes are looked at */
#define BEYOND_PART 4u    /* of a run, its last huge page may reach beyond its end */
#define HUGE_FROM (os_facts.huge_pages_everywhere ? 256u : 512u) /* units in use: 16 or 32 MiB */

/* ---- Holes ------------------------------------------------------------------------------------------------------ */

/* Few units come from the first hole that has them. That is quick and keeps low addresses in use. Many come from where
 * most is still committed, because new pages cost more than anything here (32 bit, where addresses count: from
 * anywhere). Among equals the smallest hole is taken, so that large ones stay for what needs them. */
size_t hole_find(size_t count, size_t alignment) {
    size_t end = units_free_end(), last = SIZE_MAX, best = SIZE_MAX, best_missing = SIZE_MAX, best_size = SIZE_MAX;
    size_t at = space.lowest_free = bits_find_set(space.free, space.lowest_free, end);
    while (at < end) {
        size_t first = at, stop = bits_find_inline(space.free, at, end, ~(uint64_t)0), size = stop - first;
        at = bits_find_inline(space.free, stop, end, 0);
        last = stop;
        if (size < count)
            continue;
        size_t aligned = align_up(first, alignment);
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
    space.free_end = last;
    return best;
}

/* ---- Huge pages ------------------------------------------------------------------------------------------------- */

size_t huge_beyond(size_t first, size_t end) {
    size_t beyond = (0 - end) & (huge_units() - 1);
    return os_facts.takes_advice && beyond * BEYOND_PART <= end - first ? beyond : 0;
}

void huge_commit_beyond(size_t end, size_t beyond) {
    totals.idle += beyond - bits_count(space.committed, end, beyond);
    bits_set(space.committed, end, beyond);
    totals_note_committed();
}

void huge_expect_more(size_t first, size_t count) {
    if (!os_facts.takes_advice || totals.used < HUGE_FROM)
        return;
    for (size_t at = align_down(first, huge_units()); at < first + count; at += huge_units())
        if (bits_all_set(space.free, at, huge_units()) && bits_all_clear(space.committed, at, huge_units())) {
            os_expect_use(address_of(at), os_facts.huge_page);
            huge_commit_beyond(at, huge_units());
        }
}

/* ---- Idle memory that is moved ---------------------------------------------------------------------------------- */

/* Units that are being committed: no source of a move. */
struct target {
    size_t first, end;
};

/* The first unit from FROM on of whole huge pages that are free and committed, outside TARGET; SIZE_MAX if there are
 * none. *MOST is how many units are wanted, and becomes how many of the kind follow each other there. */
static size_t find_idle(size_t from, const struct target *target, size_t *most) {
    size_t end = units_known();
    while ((from = align_up(from, huge_units())) + huge_units() <= end) {
        size_t stop = from + huge_units(), next = bits_find_set(space.committed, from, end);
        if (from < target->end && target->first < stop)
            from = target->end;
        else if (next >= stop)
            from = next;
        else if (next > from || bits_find_clear(space.committed, from, stop) < stop ||
                 bits_find_clear(space.free, from, stop) < stop)
            from = stop;
        else {
            end = from < target->first && target->first < from + *most ? target->first
                  : end < from + *most                                 ? end
                                                                       : from + *most;
            end = bits_find_clear(space.committed, stop, end);
            *most = align_down(bits_find_clear(space.free, stop, end) - from, huge_units());
            return from;
        }
    }
    return SIZE_MAX;
}

/* Moves the pages of PART idle units at SOURCE to AT, where nothing is committed. Returns how many units that gave, and
 * SIZE_MAX if the system has lost addresses of the target. Those are not ours from then on. The target counts as
 * committed before anything comes there: if the thread ends in between, nobody takes it for empty. */
static size_t move_idle(size_t at, size_t source, size_t part) {
    bool lost = false;
    idle_clear_marks(source, part);
    bits_set(space.committed, at, part);
    store_order();
    size_t bytes = os_move_pages(address_of(at), address_of(source), units_bytes(part), &lost);
    size_t moved = bytes >> UNIT_SHIFT, filled = moved;
    if (lost) {
        region_forget(at, part);
        return SIZE_MAX;
    }
    bits_clear(space.committed, source, moved);
    bits_clear(space.idle, source, moved);
    totals.moved += moved;
    /* Of the next unit a part may have been moved, which the source has lost. It is empty again, or idle with that. */
    if (bytes % UNIT_SIZE && !os_decommit(address_of(at + moved), UNIT_SIZE)) {
        filled++;
        totals.idle++;
    }
    bits_clear(space.committed, at + filled, part - filled);
    return moved;
}

/* Gives back what was moved to headroom in [first, end): headroom has no memory. What was moved to free units is idle
 * there. */
static void unmove_headroom(size_t first, size_t end) {
    for (size_t at = first; at < end;) {
        size_t from = bits_find_clear(space.free, at, end);
        from = bits_find_set(space.committed, from, end);
        at = bits_find_set(space.free, from, end);
        at = bits_find_clear(space.committed, from, at);
        if (from == at || bits_get(space.free, from))
            continue;
        totals.idle -= at - from;
        if (os_decommit(address_of(from), units_bytes(at - from))) {
            bits_clear(space.committed, from, at - from);
        } else { /* it cannot be headroom again: headroom_forget_lost() */
            totals.used += at - from;
            totals.lost += at - from;
        }
    }
}

/* Large memory that is to be committed gets pages that lie idle elsewhere, as far as the system moves them. They need
 * not be cleared, nor each be asked for when it is first touched. Only whole huge pages are moved: the system moves
 * those as such, and few mappings come of it. False if the system has lost addresses. */
static bool move_idle_to(size_t first, size_t count) {
    struct target target = {first, first + count};
    size_t source = space.lowest_free, part;
    for (size_t at = align_up(first, huge_units()); at + huge_units() <= target.end; at += part) {
        part = align_down(bits_find_set(space.committed, at, target.end) - at, huge_units());
        if (part == 0) {
            part = huge_units();
            continue;
        }
        if ((source = find_idle(source, &target, &part)) == SIZE_MAX)
            return true;
        size_t moved = move_idle(at, source, part);
        if (moved == SIZE_MAX) {
            unmove_headroom(first, at);
            return false;
        }
        if (moved < part)
            return true;
    }
    return true;
}

/* A part of [first, end) may have been committed before the system refused. Nothing of it is to stay so. What the
 * system does not take back is idle, if it was. */
static void uncommit(size_t first, size_t end) {
    for (size_t at = first, stop; at < end; at = stop) {
        bool is_free = bits_get(space.free, at);
        stop = is_free ? bits_find_clear(space.free, at, end) : bits_find_set(space.free, at, end);
        if (!os_decommit(address_of(at), units_bytes(stop - at)) || !is_free)
            continue;
        idle_forget_marks(at, stop - at);
        totals.idle -= bits_count(space.committed, at, stop - at);
        bits_clear(space.committed, at, stop - at);
    }
}

/* ---- Committing ------------------------------------------------------------------------------------------------- */

bool units_commit(size_t first, size_t count, bool *fresh) {
    size_t ready = bits_count(space.committed, first, count);
    if (count - ready >= huge_units() && totals.idle - ready >= huge_units()) {
        if (!move_idle_to(first, count))
            return false;
        ready = bits_count(space.committed, first, count);
    }
    if (ready < count && !os_commit(address_of(first), units_bytes(count))) {
        unmove_headroom(first, first + count);
        uncommit(first, first + count);
        return false;
    }
    ASSERT(totals.idle >= ready);
    if (fresh)
        *fresh = ready == 0;
    INSTRUMENT_ALLOW(address_of(first), units_bytes(count)); /* whatever it was before */
    idle_clear_marks(first, count);
    bits_set(space.committed, first, count);
    bits_clear(space.idle, first, count);
    store_order(); /* in use by nobody, if the thread ends behind this; free, if before */
    bits_clear(space.free, first, count);
    totals.idle -= ready;
    totals.used += count;
    totals.changes++;
    totals_note_committed();
    return true;
}
