/* SPDX-License-Identifier: MIT */
/* manager.h: the functions that brainmm.h declares, and which heap they lead to.
 *
 * They jump through `manager_active`. Until the module has its heap, its entries lead to manager_start(). Afterwards
 * they are the functions of this module's heap, those of another module's version-2 table, or the adapter over a
 * version-1 table.
 */
#ifndef BRAINMM_MANAGER_H
#define BRAINMM_MANAGER_H

#include "brainmm.h"
#include <stdbool.h>

/* Function pointers only: the members of struct brainmm_manager from `alloc` on, in the same order. */
extern struct brainmm_manager manager_active;

/* Finds or founds the process's heap, once. Later calls return at once. True if this module owns the heap. Safe in any
 * thread, in DllMain and in a constructor: it never waits for another thread without a bound. */
bool manager_start(void);

/* The process ends. Only the first call does anything. */
void manager_end(void);

#endif
