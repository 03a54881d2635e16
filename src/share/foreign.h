/* SPDX-License-Identifier: MIT */
/* foreign.h: an owner that has only the original's version-1 table, seen as a heap with the functions of brainmm.h. */
#ifndef BRAINMM_FOREIGN_H
#define BRAINMM_FOREIGN_H

#include "share/version1.h"

/* A copy of the owner's table; written during the start only (OS_TABLE). */
extern struct version1 foreign_owner;

/* Fills the functions of *manager with ones that call the slots of TABLE, a checked copy. Once, before use.
 * FREE_PASCAL: the owner's FreeMem returns 0 for an invalid pointer, not for success. */
void foreign_attach(const struct version1 *table, bool free_pascal, struct brainmm_manager *manager);

#endif
