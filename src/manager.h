/* manager.h: which heap this module is on.
 *
 * The functions that brainmm.h declares jump through `manager_active`. Until the module has its heap, the entries lead
 * to manager_start(), which owns the decision; afterwards they are the core's own functions (this module owns the
 * heap), those of another module's version-2 table, or the adapter over a version-1 table.
 */
#ifndef BRAINMM_MANAGER_H
#define BRAINMM_MANAGER_H

#include "brainmm.h"
#include <stdbool.h>

/* Function pointers only: the members of struct brainmm_manager from `alloc` on, in the same order. */
extern struct brainmm_manager manager_active;

/* Finds or founds the process's heap, once; later calls return at once. True if this module owns the heap. Safe in
 * any thread, in DllMain and in a constructor: never waits for another thread without a bound. */
bool manager_start(void);

#endif
