/* SPDX-License-Identifier: MIT */
/* companion.h: what the companion DLLs share.
 *
 * A companion has the name and the exports of a DLL that existing programs load to share memory, and passes each call
 * to the process's heap. It finds the heap as any client does (brainmm_attach.h): the one that is published, else that
 * of the brainmm.dll in its own folder. So a program that contains the static core needs no brainmm.dll, and a
 * plug-in's folder may hold both DLLs where the program's folder holds none. Linked to an import library, neither would
 * work.
 */
#ifndef BRAINMM_COMPANION_H
#define BRAINMM_COMPANION_H

#include "brainmm.h"
#include <stdbool.h>

/* Pascal's `register` convention, as in version1.h. */
#if defined(__i386__)
#define PASCAL_CALL __attribute__((regparm(3)))
#else
#define PASCAL_CALL
#endif

/* The process's heap. A companion does not load without one, so its functions need not ask. */
extern const struct brainmm_manager *companion_heap;

/* Pascal's sizes are signed, whatever a declaration says: a negative one is an error, not much. */
static inline bool companion_is_size(size_t size) { return (ptrdiff_t)size > 0; }

/* Figures of the heap for the status records; all 0, which means unknown, if the heap is that of an owner that cannot
 * tell. They are counted when asked for, so a program should not ask often. */
brainmm_stats companion_stats(void);

/* A figure in a record whose members have only 32 bits, or 31: as much of it as fits. */
static inline uint32_t companion_limited(uint64_t figure, uint32_t most) {
    return figure < most ? (uint32_t)figure : most;
}

/* Writes the companion's file name and a sentence about what went wrong to standard error and to a debugger. */
void companion_print(const char *sentence, const char *detail);

#endif
