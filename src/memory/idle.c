/* SPDX-License-Identifier: MIT */
/* idle.c: see idle.h. */
#include "memory/idle.h"
#include "base/align.h"
#include "memory/mark.h"

#define PURGE_DELAY_MS 250u
#define RUNS_LEAST 128u                                   /* units that may lie idle in any case: 8 MiB of runs */
#define SLABS_LEAST (WINDOW_IS_EVERYTHING ? 512u : 2048u) /* 32 or 128 MiB of slabs */
#define RUNS_MOST 1280u                                   /* 80 MiB, or a part of what is in use */
#define RUNS_PART 13u

struct unit_totals totals;
atomic_i32 units_kept;
bool idle_never;

static uint64_t last_look_ms; /* when idle memory was last looked for */

void totals_note_committed(void) {
    size_t committed = units_bytes(totals.used + totals.idle) + totals.outside;
    if (committed > totals.committed_most)
        totals.committed_most = committed;
}

void idle_clear_marks(size_t first, size_t count) {
    for (size_t at = first, end = first + count; (at = bits_find_set(space.marked, at, end)) < end; at++) {
        marks_clear(unit_at(address_of(at)));
        bits_clear(space.marked, at, 1);
    }
}

void idle_forget_marks(size_t first, size_t count) {
    for (size_t at = first, end = first + count; (at = bits_find_set(space.marked, at, end)) < end; at++) {
        marks_forget(unit_at(address_of(at)));
        bits_clear(space.marked, at, 1);
    }
}

/* If the system refuses, the memory stays idle with what is in it. */
static void purge_stretch(size_t first, size_t count) {
    if (!os_decommit(address_of(first), units_bytes(count)))
        return;
    idle_forget_marks(first, count);
    bits_clear(space.committed, first, count);
    totals.idle -= count;
    totals.purges++;
    totals.purged += count;
}

void idle_purge(size_t first, size_t end, const uint64_t *only) {
    for (size_t at = first; at < end;) {
        size_t next = bits_find_set(only, at, end);
        next = bits_find_set(space.free, next, end);
        next = bits_find_set(space.committed, next, end);
        if (next > at) {
            at = next;
            continue;
        }
        size_t stop = bits_find_clear(only, at, end);
        stop = bits_find_clear(space.free, at, stop);
        stop = bits_find_clear(space.committed, at, stop);
        purge_stretch(at, stop - at);
        at = stop;
    }
}

/* What was idle at the last look and has not been used since goes back. What is idle now is noted for the next look. */
void idle_look(void) {
    uint64_t now = os_clock_ms();
    if (now - last_look_ms < PURGE_DELAY_MS)
        return;
    size_t end = units_free_end();
    last_look_ms = now;
    idle_purge(space.lowest_free, end, space.idle);
    for (size_t word = space.lowest_free / 64; word < bits_words(end); word++)
        space.idle[word] = space.free[word] & space.committed[word];
}

/* In both cases: as much as is in use, but at least some MiB. For slabs these are many, because programs fill and empty
 * themselves with pieces in turn. Runs have an upper bound. A few buffers of tens of MiB can be replaced out of it with
 * few new pages, and a heap of 1 GiB and more stays within a tenth of what is live. What the cache of runs keeps counts
 * as well. */
size_t idle_bound(enum idle_use use) {
    size_t least = use == IDLE_AFTER_SLAB ? SLABS_LEAST : RUNS_LEAST, most = SIZE_MAX;
    size_t kept = (size_t)load_relaxed(&units_kept);
    if (idle_never)
        return 0;
    if (use == IDLE_AFTER_RUN) {
        most = totals.used / RUNS_PART > RUNS_MOST ? totals.used / RUNS_PART : RUNS_MOST;
        most -= kept < most ? kept : most;
    }
    return totals.used > most ? most : totals.used > least ? totals.used : least;
}
