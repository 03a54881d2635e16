/* SPDX-License-Identifier: MIT */
/* density.c: see density.h. */
#include "memory/density.h"
#include "base/bits.h"
#include "memory/instrument.h"

#define SAMPLES 8u
#define SAMPLES_MISSED 1u /* so many may be unused where use is dense */

/* What was seen of runs of a size, to the power of eight below it: 2 to 16 MiB, 16 to 128 MiB and so on. A full run
 * gives a point, a sparse one takes two. So a program that fills its runs may fill one with zeros now and then. */
#define POINTS_MOST 4
#define POINTS_LEAST (-1)
static ATOMIC(int8_t) points[8 * sizeof(size_t)];

static unsigned class_of(size_t size) { return (63 - bits_above_highest(size)) / 3; }

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
    if (INSTRUMENTED || load_relaxed(&run->run.rights_changed) || part < 2 * UNIT_SIZE)
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
    return load_relaxed(&points[class_of(size)]) >= (os_facts.huge_pages_everywhere ? 0 : 1);
}

void density_note_end(const struct unit *run) {
    size_t size = run_size(run);
    if (!os_facts.takes_advice || size < os_facts.huge_page || !run->run.is_new)
        return;
    enum density density = density_of(run, size);
    if (density == DENSITY_UNKNOWN)
        return;
    int now = load_relaxed(&points[class_of(size)]) + (density == DENSITY_HIGH ? 1 : -2);
    now = now > POINTS_MOST ? POINTS_MOST : now < POINTS_LEAST ? POINTS_LEAST : now;
    store_relaxed(&points[class_of(size)], (int8_t)now);
}
