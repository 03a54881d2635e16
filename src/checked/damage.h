/* SPDX-License-Identifier: MIT */
/* damage.h: brainmm_check in checked mode: all allocations, live or freed, of all threads. */
#ifndef BRAINMM_DAMAGE_H
#define BRAINMM_DAMAGE_H

#include "brainmm.h"

/* See brainmm.h. */
int BRAINMM_CALL checked_check(void);

#endif
