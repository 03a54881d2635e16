/* SPDX-License-Identifier: MIT */
/* headroom.c: see headroom.h. */
#include "memory/headroom.h"
#include "memory/commit.h"
#include "memory/idle.h"
#include "sync/assert.h"

#if WINDOW_IS_EVERYTHING
#define HEADROOM_MOST (((size_t)128 << 20) >> UNIT_SHIFT) /* of all runs */
#else
#define HEADROOM_MOST (((size_t)4 << 30) >> UNIT_SHIFT) /* or three times what is in use */
#endif

#define LIMITED_PART 8u /* of what is in use, where addresses are limited */

static uint32_t first_with_headroom; /* a list of runs, linked by next and prev */

static void list_add(struct unit *run) {
    uint32_t number = unit_number(run);
    link_set(&run->prev, 0);
    link_set(&run->next, first_with_headroom);
    if (first_with_headroom)
        link_set(&unit_from_number(first_with_headroom)->prev, number);
    first_with_headroom = number;
}

static void list_remove(struct unit *run) {
    uint32_t next = link_get(&run->next), prev = link_get(&run->prev);
    if (next)
        link_set(&unit_from_number(next)->prev, prev);
    if (prev)
        link_set(&unit_from_number(prev)->next, next);
    else
        first_with_headroom = next;
}

size_t headroom_allowed(size_t headroom) {
    size_t most = HEADROOM_MOST;
    if (region_is_limited())
        most = totals.used / LIMITED_PART;
    else if (!WINDOW_IS_EVERYTHING && most < 3 * totals.used)
        most = 3 * totals.used;
    if (totals.headroom + headroom <= most)
        return headroom;
    return most > totals.headroom ? most - totals.headroom : 0;
}

/* The place is kept beside the length, because what the run says of its own length belongs to whoever resizes it and
 * not to this lock. The two are never of different times: a thread that ends in between leaves a run without
 * headroom. */
void headroom_set(struct unit *run, size_t first, size_t count) {
    size_t before = headroom_of(run);
    ASSERT(totals.headroom + count >= before);
    totals.headroom += count - before;
    link_set(&run->run.headroom, 0);
    store_order();
    run->run.headroom_at = first;
    store_order();
    link_set(&run->run.headroom, (uint32_t)count);
    if (!before && count)
        list_add(run);
    else if (before && !count)
        list_remove(run);
}

/* Headroom is owned, and never committed. */
static bool is_headroom(size_t at) { return bits_get(space.owned, at) && !bits_get(space.committed, at); }

void headroom_forget_lost(struct unit *run) {
    size_t first = run->run.headroom_at, end = first + headroom_of(run), lost = first;
    while (lost < end && is_headroom(lost))
        lost++;
    for (size_t at = lost; at < end; at++)
        if (is_headroom(at)) {
            bits_set(space.free, at, 1);
            space_note_free(at, 1);
        }
    headroom_set(run, first, lost - first);
}

/* Headroom is not committed, except for what the run's last huge page has of it. */
void headroom_free(struct unit *run) {
    size_t first = run->run.headroom_at, count = headroom_of(run);
    size_t beyond = huge_beyond(unit_number(run) - 1, first);
    bits_set(space.free, first, count);
    if (beyond <= count)
        huge_commit_beyond(first, beyond);
    if (count)
        space_note_free(first, count);
    headroom_set(run, 0, 0);
}

bool headroom_free_all(void) {
    bool any = first_with_headroom != 0;
    while (first_with_headroom)
        headroom_free(unit_from_number(first_with_headroom));
    return any;
}

/* ---- After a dead thread ---------------------------------------------------------------------------------------- */

/* Whether COUNT units from AT on can be headroom that no other run claims. */
static COLD bool can_be_headroom(size_t at, size_t count) {
    return at <= units_known() && count <= units_known() - at && bits_all_set(space.owned, at, count) &&
           bits_all_clear(space.free, at, count) && bits_all_clear(space.committed, at, count) &&
           bits_all_clear(space.idle, at, count);
}

/* Only a run has headroom. But it has no kind yet while its thread is about to describe it, and none any more while it
 * is about to give it back. */
static COLD void recover_run(struct unit *unit) {
    unsigned kind = unit_kind(unit);
    size_t count = kind == UNIT_SLAB || kind == UNIT_SUB ? 0 : headroom_of(unit);
    if (count == 0)
        return;
    if (can_be_headroom(unit->run.headroom_at, count)) {
        bits_set(space.idle, unit->run.headroom_at, count);
        totals.headroom += count;
        list_add(unit);
    } else {
        link_set(&unit->run.headroom, 0);
    }
}

COLD void headroom_recover(void) {
    first_with_headroom = 0;
    totals.headroom = 0;
    bits_clear(space.idle, 0, units_known());
    for (size_t word = 0; word < bits_words(units_known()); word++)
        for (uint64_t used = space.owned[word] & space.committed[word] & ~space.free[word]; used; used &= used - 1)
            recover_run(unit_from_number((uint32_t)(word * 64) + bits_lowest(used) + 1));
}

struct unit *headroom_first(void) {
    return unit_or_null(first_with_headroom);
}
