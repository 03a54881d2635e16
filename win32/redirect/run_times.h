/* SPDX-License-Identifier: MIT */
/* run_times.h (Windows): the C run-times, and what replaces their malloc family: that of malloc/crt_malloc.h, with each
 * run-time's own functions as the original. */
#ifndef BRAINMM_REDIRECT_RUN_TIMES_H
#define BRAINMM_REDIRECT_RUN_TIMES_H

#include "redirect/libraries.h"

extern struct library run_times[];
extern const unsigned run_time_count;

#endif
