/* SPDX-License-Identifier: MIT */
/* units_check.h: whether the structures of the memory floor agree with each other. */
#ifndef BRAINMM_UNITS_CHECK_H
#define BRAINMM_UNITS_CHECK_H

/* NULL if they do; else what is wrong. Nobody may use the heap meanwhile. */
const char *units_check(void);

#endif
