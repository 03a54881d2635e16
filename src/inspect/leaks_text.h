/* SPDX-License-Identifier: MIT */
/* leaks_text.h: groups of allocations as text: docs/leaks.md shows it. */
#ifndef BRAINMM_LEAKS_TEXT_H
#define BRAINMM_LEAKS_TEXT_H

#include "brainmm.h"
#include "inspect/groups.h"

/* What a report has besides its groups. */
struct leaks_sums {
    uint64_t expected_count, expected_bytes;
    bool uncertain; /* other threads used the heap meanwhile */
};

/* Both write sorted groups, and call WRITE only if there is something to tell. BRAINMM_E_STOPPED: WRITE wants no more.
 */
int leaks_write(const struct groups *groups, const struct leaks_sums *sums, brainmm_write write, void *context);
int leaks_write_difference(const struct groups *groups, brainmm_write write, void *context);

#endif
