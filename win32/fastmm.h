/* SPDX-License-Identifier: MIT */
/* fastmm.h (Windows): a second audience for the owner's table. */
#ifndef BRAINMM_FASTMM_H
#define BRAINMM_FASTMM_H

/* Publishes MEMORY_MANAGER, six pointers as in Delphi's TMemoryManagerEx, under FastMM's name, if the user has asked
 * for that (the option fastmm) and nobody has published there. Needs no heap. */
void fastmm_publish(void *const *memory_manager);

#endif
