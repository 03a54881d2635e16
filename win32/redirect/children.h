/* SPDX-License-Identifier: MIT */
/* children.h (Windows): the functions that start a process, so that the heap gets into child processes, too. Like the
 * C run-times' functions they are replaced in tables of imports and exports, but only if that is wished. */
#ifndef BRAINMM_REDIRECT_CHILDREN_H
#define BRAINMM_REDIRECT_CHILDREN_H

#include "redirect/libraries.h"

extern struct library child_libraries[];
extern unsigned child_library_count; /* 0 until it is wished */

/* Wishes it, with the WISHes of process.h for the child processes. Called before anything is redirected. */
void children_start(uint32_t wishes);

#endif
