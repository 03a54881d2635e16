/* SPDX-License-Identifier: MIT */
/* fastmm.h (Windows): a second audience for the owner's table. */
#ifndef BRAINMM_FASTMM_H
#define BRAINMM_FASTMM_H

/* Publishes MEMORY_MANAGER, six pointers as in Delphi's TMemoryManagerEx, under FastMM's name. BRAINMM_OK, also if it
 * is there already; BRAINMM_E_TAKEN or BRAINMM_E_REFUSED. Needs no heap. */
int fastmm_publish(void *const *memory_manager);

#endif
