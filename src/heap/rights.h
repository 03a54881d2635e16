/* SPDX-License-Identifier: MIT */
/* rights.h: access rights of pages, the heap's or anybody's; see brainmm.h. */
#ifndef BRAINMM_RIGHTS_H
#define BRAINMM_RIGHTS_H

#include <stddef.h>

/* As brainmm_pages_set_rights and brainmm_pages_get_rights. */
int rights_set(void *pages, size_t count, unsigned rights);
int rights_get(const void *page, unsigned *rights);

#endif
