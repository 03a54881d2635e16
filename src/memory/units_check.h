/* SPDX-License-Identifier: MIT */
/* units_check.h: whether the structures of the memory floor agree with each other. */
#ifndef BRAINMM_UNITS_CHECK_H
#define BRAINMM_UNITS_CHECK_H

#include <stddef.h>

/* NULL if they do; else what is wrong. STOCKED is how many units all stocks have (unit_cache.h). Nobody may use the
 * heap meanwhile. */
const char *units_check(size_t stocked);

#endif
