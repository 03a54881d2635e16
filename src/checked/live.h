/* SPDX-License-Identifier: MIT */
/* live.h (checked): what a look at the whole heap finds in checked mode: allocations, in place of their raw pieces. */
#ifndef BRAINMM_CHECKED_LIVE_H
#define BRAINMM_CHECKED_LIVE_H

#include "checked/record.h"

/* From now on scan_heap() shows allocations. Once. */
void live_start(void);

/* The enum brainmm_kind of an allocation. */
unsigned live_kind(enum family family, unsigned mode, size_t size);

#endif
