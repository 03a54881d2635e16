/* SPDX-License-Identifier: MIT */
/* pages.h: runs of pages of 4 KiB; see brainmm.h. */
#ifndef BRAINMM_PAGES_H
#define BRAINMM_PAGES_H

#include "heap/resize.h"

/* NULL: COUNT is 0 or too large, there is no such MODE, or out of memory. */
void *pages_take(size_t count, unsigned mode);

/* As brainmm_pages_realloc and brainmm_pages_reget. */
void *pages_resize(void *pages, size_t count, unsigned mode, enum contents contents);

/* Returns BRAINMM_OK, _E_ARGUMENT (no such MODE), or _E_POINTER if no run of pages of MODE starts at PAGES. */
int pages_give(void *pages, unsigned mode);

#endif
