/* SPDX-License-Identifier: MIT */
/* density.c: see density.h. */
#include "memory/density.h"
#include "base/bits.h"
#include "memory/instrument.h"

#define SAMPLES 8u
#define SAMPLES_MISSED 1u /* so many may be unused where use is dense */
#define FULL_MOST 3u      /* as many full runs are enough to expect more after one that was sparse; else one is */

/* What was seen of runs of one size, to the power of two below it. */
struct seen {
    atomic_u8 full;   /* runs that were used from end to end, since the last one that was not; at most FULL_MOST */
    atomic_u8 sparse; /* not 0 if there ever was one that was not */
};

static struct seen seen[8 * sizeof(size_t)];

static struct seen *seen_of(size_t size) { return &seen[63 - bits_above_highest(size)]; }

static bool page_is_used(const uintptr_t *words) {
    for (size_t i = 0; i < os_facts.page / sizeof *words; i++)
        if (words[i])
            return true;
    return false;
}

/* Looks at a page anywhere in each of some equal parts, because programs use pages at regular distances. At both ends
 * of a piece, programs have pages that nobody may read, and do not tell (guards of stacks): none is looked at there. */
enum density density_of(const struct unit *run, size_t size) {
    size_t part = size / SAMPLES, missed = 0, chance = run->start >> UNIT_SHIFT;
    if (INSTRUMENTED || run->run.rights_changed || part < 2 * UNIT_SIZE)
        return DENSITY_UNKNOWN;
    for (unsigned i = 0; i < SAMPLES && missed <= SAMPLES_MISSED; i++) {
        chance = chance * 2654435769u + 1;
        size_t offset = i * part + UNIT_SIZE + (chance >> 8) % (part - 2 * UNIT_SIZE + 1);
        missed += !page_is_used((const uintptr_t *)(run->start + (offset & ~(os_facts.page - 1))));
    }
    return missed > SAMPLES_MISSED ? DENSITY_LOW : DENSITY_HIGH;
}

/* Where the administrator wants huge pages, it takes a run that was sparse to do without. */
bool density_expects(size_t size) {
    const struct seen *of_size = seen_of(size);
    unsigned needed = load_relaxed(&of_size->sparse) ? FULL_MOST : os_facts.huge_pages_everywhere ? 0 : 1;
    return load_relaxed(&of_size->full) >= needed;
}

void density_note_end(const struct unit *run) {
    size_t size = run->run.size;
    if (!os_facts.takes_advice || size < os_facts.huge_page || !run->run.is_new)
        return;
    struct seen *of_size = seen_of(size);
    enum density density = density_of(run, size);
    unsigned full = load_relaxed(&of_size->full);
    if (density == DENSITY_HIGH && full < FULL_MOST)
        store_relaxed(&of_size->full, (uint8_t)(full + 1));
    if (density == DENSITY_LOW) {
        store_relaxed(&of_size->full, 0);
        store_relaxed(&of_size->sparse, 1);
    }
}
