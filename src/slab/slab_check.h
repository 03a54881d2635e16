/* SPDX-License-Identifier: MIT */
/* slab_check.h: whether the structures of the slab floor agree with each other and with slab.h. */
#ifndef BRAINMM_SLAB_CHECK_H
#define BRAINMM_SLAB_CHECK_H

/* NULL if they do; else what is wrong. Nobody may use the heap meanwhile. */
const char *slab_check(void);

#endif
