/* SPDX-License-Identifier: MIT */
/* patch.h (Windows): writing to an image's tables, whose pages are mostly read-only; code that lies near an image. */
#ifndef BRAINMM_REDIRECT_PATCH_H
#define BRAINMM_REDIRECT_PATCH_H

#include "redirect/pe.h"

/* Writes in one store, so that other threads may read meanwhile. The caller holds the lock, so that nobody else changes
 * the rights of the page. False: the system does not allow it, and nothing has changed. */
bool patch_slot(volatile pe_slot *slot, uintptr_t value);
bool patch_offset(DWORD *offset, DWORD value);

/* The offset of ADDRESS from the image, as tables of exports have them, and whether there is one: on 64 bit, an offset
 * of 32 bits only reaches what lies behind the image. */
bool patch_reaches(const struct pe_image *image, const void *address, DWORD *offset);

enum { PATCH_STUBS = 256 }; /* the most that patch_stubs() makes */

/* A page of jumps to the COUNT addresses TARGETS, which the image can reach. NULL: the system gives none. */
char *patch_stubs(const struct pe_image *image, const void *const *targets, size_t count);

/* The jump to target number INDEX. */
char *patch_stub(char *stubs, size_t index);

#endif
