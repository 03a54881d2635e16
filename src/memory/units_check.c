/* SPDX-License-Identifier: MIT */
/* units_check.c: see units_check.h. */
#include "memory/units_check.h"
#include "memory/headroom.h"
#include "memory/idle.h"
#include "memory/reserve.h"
#include "memory/unit_cache.h"
#include "sync/lock.h"
#include <stddef.h>

#define EXPECT(condition, sentence)                                                                                    \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return sentence;                                                                                           \
    } while (0)

/* ---- Bitmaps ---------------------------------------------------------------------------------------------------- */

static const char *check_words(void) {
    size_t owned = 0, free_units = 0, idle = 0, uncommitted = 0;
    for (size_t word = 0; word < bits_words(units_known()); word++) {
        uint64_t ours = space.owned[word], is_free = space.free[word], committed = space.committed[word];
        EXPECT((space.starts[word] & ~ours) == 0, "a region starts where nothing is reserved");
        EXPECT((is_free & ~ours) == 0, "a unit is free that is not reserved");
        EXPECT((committed & ~ours) == 0, "a unit is committed that is not reserved");
        EXPECT((space.marked[word] & ~(is_free & committed)) == 0, "a unit has marks that is not idle");
        owned += bits_population(ours);
        free_units += bits_population(is_free);
        idle += bits_population(is_free & committed);
        uncommitted += bits_population(ours & ~is_free & ~committed);
    }
    EXPECT(owned == space.owned_units, "the number of reserved units is wrong");
    EXPECT(idle == totals.idle, "the number of idle units is wrong");
    EXPECT(owned - free_units - uncommitted == totals.used, "the number of used units is wrong");
    EXPECT(uncommitted == totals.headroom, "units are neither free nor committed nor headroom");
    EXPECT(bits_find_set(space.free, 0, units_known()) >= space.lowest_free, "a free unit lies below the lowest one");
    EXPECT(bits_find_set(space.free, units_free_end(), units_known()) == units_known(),
           "a free unit lies where none is expected");
    return NULL;
}

static const char *check_headroom(void) {
    size_t sum = 0;
    uint32_t before = 0;
    for (struct unit *run = headroom_first(); run; run = unit_or_null(link_get(&run->next))) {
        size_t count = headroom_of(run);
        EXPECT((unit_kind(run) != UNIT_NONE || locks_were_cut()) && count > 0, "what has headroom is no run");
        EXPECT(link_get(&run->prev) == before, "the list of runs with headroom is broken");
        EXPECT(bits_all_set(space.owned, run->run.headroom_at, count), "headroom is not reserved");
        EXPECT(bits_all_clear(space.free, run->run.headroom_at, count) &&
                   bits_all_clear(space.committed, run->run.headroom_at, count),
               "headroom is in use");
        before = unit_number(run);
        sum += count;
        EXPECT(sum <= totals.headroom, "the list of runs with headroom has a circle, or too much in it");
    }
    EXPECT(sum == totals.headroom, "the sum of headroom is wrong");
    return NULL;
}

/* ---- Descriptors ------------------------------------------------------------------------------------------------ */

static const char *check_unused(const struct unit *unit) {
    EXPECT(unit_kind(unit) == UNIT_NONE, "a unit that is not in use has a kind");
    EXPECT(load_relaxed(&unit->owner) == NULL && load_relaxed(&unit->limit) == 0,
           "a unit that is not in use looks like a slab");
    return NULL;
}

static const char *check_slab_units(const struct unit *slab, size_t units) {
    EXPECT(load_relaxed(&slab->owner) != NULL, "a slab has neither an owner nor nobody");
    for (uint32_t i = 1; i < units; i++) {
        const struct unit *further = unit_from_number(unit_number(slab) + i);
        EXPECT(unit_kind(further) == UNIT_SUB && link_get(&further->next) == unit_number(slab),
               "a further unit of a slab does not lead to the first");
    }
    return NULL;
}

/* Checks what begins with the used unit at place AT. *UNITS becomes how many it has. */
static const char *check_used(size_t at, size_t *units) {
    const struct unit *unit = unit_from_number((uint32_t)at + 1);
    *units = 1;
    switch (unit_kind(unit)) {
    case UNIT_NONE: return locks_were_cut() ? NULL : check_unused(unit); /* a slab may have begun, or be ending */
    case UNIT_SLAB: *units = unit->slab.state & SLAB_LARGE ? SLAB_UNITS_LARGE : 1; break;
    case UNIT_SUB: return "a further unit of a slab follows none";
    case UNIT_BLOCKS: break;
    default:
        EXPECT(unit->start - (uintptr_t)unit_address(unit) < (unit_kind(unit) == UNIT_RUN ? os_facts.page : 1) &&
                   run_size(unit) > 0,
               "a run does not know its place");
        *units = (run_size(unit) + UNIT_SIZE - 1) >> UNIT_SHIFT;
    }
    EXPECT(bits_all_clear(space.free, at, *units) && bits_all_set(space.committed, at, *units),
           "a part of what is in use is free or not committed");
    return unit_kind(unit) == UNIT_SLAB ? check_slab_units(unit, *units) : NULL;
}

static const char *check_descriptors(size_t stocked) {
    size_t nobodys = 0, units;
    for (size_t at = 0, end = units_known(); (at = bits_find_set(space.owned, at, end)) < end; at += units) {
        const struct unit *unit = unit_from_number((uint32_t)at + 1);
        bool used = !bits_get(space.free, at) && bits_get(space.committed, at);
        units = 1;
        const char *wrong = used ? check_used(at, &units) : check_unused(unit);
        EXPECT(!wrong, wrong);
        nobodys += used && unit_kind(unit) == UNIT_NONE;
    }
    if (!locks_were_cut())
        EXPECT(nobodys == unit_cache_kept() + stocked + totals.lost + reserve_kept(), "units are in use by nobody");
    return NULL;
}

/* ---- The cache -------------------------------------------------------------------------------------------------- */

static const char *check_stack(unsigned index, size_t *sum) {
    for (uint32_t number = unit_cache_top(index); number; number = link_get(unit_link(number))) {
        size_t count = unit_cache_length(index, unit_from_number(number));
        for (uint32_t i = 0; i < count; i++) {
            const char *wrong = check_unused(unit_from_number(number + i));
            EXPECT(!wrong, wrong);
        }
        *sum += count;
        EXPECT(*sum <= unit_cache_kept(), "the cache of units has a circle, or too much in it");
    }
    return NULL;
}

static const char *check_cache(void) {
    size_t sum = 0;
    for (unsigned index = 0; index < CACHE_STACKS; index++) {
        const char *wrong = check_stack(index, &sum);
        EXPECT(!wrong, wrong);
    }
    EXPECT(sum == unit_cache_kept() || locks_were_cut(), "the count of the cache of units is wrong");
    return NULL;
}

const char *units_check(size_t stocked) {
    units_lock();
    const char *wrong = check_words();
    if (!wrong)
        wrong = check_headroom();
    if (!wrong)
        wrong = check_descriptors(stocked);
    if (!wrong)
        wrong = check_cache();
    units_unlock();
    return wrong;
}
