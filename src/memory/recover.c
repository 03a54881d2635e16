/* SPDX-License-Identifier: MIT */
/* recover.c: see recover.h.
 *
 * The thread may have ended between any two stores. What the others rely on is the order of these:
 *   taking         `committed` is set, then `free` is cleared, then the units are described
 *   giving         the units are described as nothing, `marked` is set, then `free` is set
 *   moving pages   `committed` is set at the target before any page comes there
 *   headroom       its length is 0 while its place changes
 *   a region       `owned` is cleared before the system gets it back, and set after it has given it
 * So a unit that is free is described as nothing. What is owned, neither free nor committed, and no run's headroom, is
 * nobody's, and becomes free. Whether free memory reads as zero is not known. So all of it goes back to the system.
 * What the thread had taken and nobody knows of is lost. Figures are counted anew.
 */
#include "memory/recover.h"
#include "memory/headroom.h"
#include "memory/idle.h"

/* No bit is set that another one denies. */
static COLD void recover_bits(void) {
    for (size_t word = 0; word < bits_words(units_known()); word++) {
        uint64_t owned = space.owned[word];
        space.starts[word] &= owned;
        space.committed[word] &= owned;
        space.free[word] &= owned;
        space.marked[word] &= space.free[word] & space.committed[word];
    }
}

/* Nobody's units become free. Those of headroom have a bit in space.idle. */
static COLD void recover_nobodys(void) {
    for (size_t word = 0; word < bits_words(units_known()); word++)
        space.free[word] |= space.owned[word] & ~space.committed[word] & ~space.idle[word];
}

/* If the system does not take it, free memory is idle with what is in it. If that cannot be either, it is lost. */
static COLD void give_back(size_t first, size_t count) {
    if (os_decommit(address_of(first), units_bytes(count))) {
        idle_forget_marks(first, count);
        bits_clear(space.committed, first, count);
        return;
    }
    bool usable = os_commit(address_of(first), units_bytes(count));
    bits_set(space.committed, first, count);
    if (!usable) {
        bits_clear(space.free, first, count);
        bits_clear(space.marked, first, count);
        totals.lost += count;
    }
}

static COLD void recover_free(void) {
    size_t end = units_known();
    for (size_t at = 0, stop; (at = bits_find_set(space.free, at, end)) < end; at = stop) {
        stop = bits_find_clear(space.free, at, end);
        give_back(at, stop - at);
    }
}

static COLD void recover_figures(void) {
    size_t end = units_known(), free_units = 0;
    space.owned_units = totals.idle = 0;
    for (size_t word = 0; word < bits_words(end); word++) {
        space.owned_units += bits_population(space.owned[word]);
        free_units += bits_population(space.free[word]);
        totals.idle += bits_population(space.free[word] & space.committed[word]);
    }
    totals.used = space.owned_units - free_units - totals.headroom;
    totals.changes++;
    space.lowest_free = bits_find_set(space.free, 0, end);
    space.free_end = SIZE_MAX;
    totals_note_committed();
}

COLD void space_recover(void) {
    recover_bits();
    headroom_recover();
    recover_nobodys();
    recover_free();
    recover_figures();
    bits_clear(space.idle, 0, units_known());
}
