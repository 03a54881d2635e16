/* SPDX-License-Identifier: MIT */
/* reserve.c: see reserve.h. To the rest of the memory floor the units of the reserve are in use, like those in the
 * cache of runs.
 */
#include "memory/reserve.h"
#include "base/align.h"
#include "memory/commit.h"
#include "memory/idle.h"

#define PLENTY (3 * RESERVE_UNITS) /* free units: 1 MiB for the reserve, and 2 MiB for the program */
#define THREADS RESERVE_UNITS      /* each thread needs a slab of its own, so the reserve serves no more */

static struct {
    size_t first, count;        /* what is held back, in units */
    bool was_whole;             /* at any time */
    uintptr_t threads[THREADS]; /* it is open to the threads with these ids; 0: nobody */
    unsigned next;              /* of `threads`: where the next one goes */
    bool is_open;               /* to anybody */
    size_t found;               /* units found elsewhere since then */
    size_t refused_at;          /* units that were committed when the system refused to fill it up; 0: it did not */
} reserve;

size_t reserve_kept(void) { return reserve.count; }

static bool is_open_to(uintptr_t thread) {
    for (unsigned i = 0; reserve.is_open && i < THREADS; i++)
        if (reserve.threads[i] == thread)
            return true;
    return false;
}

void reserve_open(void) {
    uintptr_t thread = os_thread_id();
    if (is_open_to(thread))
        return;
    reserve.threads[reserve.next] = thread;
    reserve.next = (reserve.next + 1) % THREADS;
    reserve.is_open = true;
    reserve.found = 0;
}

static void close_to_all(void) {
    for (unsigned i = 0; i < THREADS; i++)
        reserve.threads[i] = 0;
    reserve.is_open = false;
}

/* Who gets that much is not handling a failure any more. A failure may have come from one large request, while there
 * was room for small ones. The next thread that meets the limit is to meet it first, and then to have the reserve. */
void reserve_note_found(size_t count) {
    if (reserve.is_open && (reserve.found += count) >= RESERVE_UNITS)
        close_to_all();
}

/* Units of the reserve become idle. */
static void let_go(size_t first, size_t end) {
    if (first == end)
        return;
    bits_set(space.free, first, end - first);
    space_note_free(first, end - first);
    totals.idle += end - first;
    totals.used -= end - first;
}

/* Takes from the end: one store changes what is left, and what is given away is no longer ours by then. So a process
 * that is copied in the middle may lose units, but has none twice. */
size_t reserve_take(size_t count, size_t alignment) {
    size_t end = reserve.first + reserve.count;
    if (count > reserve.count || !is_open_to(os_thread_id()))
        return SIZE_MAX;
    size_t first = align_down(end - count, alignment);
    if (first < reserve.first)
        return SIZE_MAX;
    reserve.count = first - reserve.first;
    store_order();
    let_go(first + count, end);
    return first;
}

/* The first of COUNT idle units in a row; SIZE_MAX if there are none. */
static size_t find_idle(size_t count) {
    size_t known = units_known(), end;
    for (size_t at = space.lowest_free; at < known; at = end) {
        size_t first = bits_find_set(space.free, at, known);
        first = bits_find_set(space.committed, first, known);
        end = bits_find_clear(space.free, first, known);
        end = bits_find_clear(space.committed, first, end);
        if (end - first >= count)
            return first;
        end = end > at ? end : at + 1;
    }
    return SIZE_MAX;
}

/* Whether the heap has about as much committed memory as when the system last refused some. */
static bool refused_lately(size_t committed) {
    size_t then = reserve.refused_at;
    return then && committed < then + RESERVE_UNITS && then < committed + RESERVE_UNITS;
}

/* Finds and commits the units of a new reserve, and more if it says so in *COUNT. That units are free does not mean
 * that the system commits them. So all that counts as plenty is committed once, unless nothing has failed so far. */
static size_t find_plenty(size_t *count) {
    size_t committed = totals.used + totals.idle, first = SIZE_MAX;
    *count = RESERVE_UNITS;
    if (totals.idle >= PLENTY)
        first = find_idle(RESERVE_UNITS);
    if (first == SIZE_MAX && !refused_lately(committed)) {
        *count = reserve.was_whole ? PLENTY : RESERVE_UNITS;
        first = hole_find(*count, 1);
    }
    if (first == SIZE_MAX)
        return SIZE_MAX;
    bool done = units_commit(first, *count, NULL);
    reserve.refused_at = done ? 0 : committed;
    return done ? first : SIZE_MAX;
}

void reserve_look(void) {
    size_t count, first;
    if (reserve_kept() == RESERVE_UNITS || space.owned_units - totals.used - totals.headroom < PLENTY ||
        (first = find_plenty(&count)) == SIZE_MAX)
        return;
    close_to_all();
    size_t old = reserve.first, left = reserve.count;
    reserve.count = 0; /* as in reserve_take() */
    store_order();
    reserve.first = first;
    store_order();
    reserve.count = RESERVE_UNITS;
    reserve.was_whole = true;
    store_order();
    let_go(old, old + left);
    let_go(first + RESERVE_UNITS, first + count);
}
