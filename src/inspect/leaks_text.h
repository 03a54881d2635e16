/* SPDX-License-Identifier: MIT */
/* leaks_text.h: groups of allocations as text: docs/leaks.md shows it. */
#ifndef BRAINMM_LEAKS_TEXT_H
#define BRAINMM_LEAKS_TEXT_H

#include "base/text.h"
#include "brainmm.h"
#include "inspect/groups.h"

/* What a report has besides its groups. */
struct leaks_sums {
    uint64_t expected_count, expected_bytes;
    bool uncertain; /* other threads used the heap meanwhile */
};

/* How call stacks are shown: the functions of checked/stacks.h. During the start. Until then none is known. */
void leaks_use_stacks(unsigned(BRAINMM_CALL *frames)(uint32_t stack, brainmm_frame *frames, unsigned capacity),
                      bool (*line)(struct text *text, uint32_t stack, unsigned frame));

/* brainmm_stack_frames(), which needs checked mode; 0 without. */
unsigned leaks_stack_frames(uint32_t stack, brainmm_frame *frames, unsigned capacity);

/* Both write sorted groups, and call WRITE only if there is something to tell. BRAINMM_E_STOPPED: WRITE wants no more.
 */
int leaks_write(const struct groups *groups, const struct leaks_sums *sums, brainmm_write write, void *context);
int leaks_write_difference(const struct groups *groups, brainmm_write write, void *context);

#endif
