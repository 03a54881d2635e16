/* SPDX-License-Identifier: MIT */
/* zero.h: pieces of size 0. Each is an address of its own, in a range of addresses that nobody may touch.
 *
 * So a program that writes to such a piece, or reads it, faults there and then. The range is reserved when the first
 * one is asked for, and never committed. One byte for each place tells whether a piece is there. Nothing here takes a
 * lock.
 */
#ifndef BRAINMM_ZERO_H
#define BRAINMM_ZERO_H

#include "heap/live.h"
#include <stddef.h>
#include <stdint.h>

/* A piece at a multiple of ALIGNMENT, a power of two from 16 on. NULL: no place is left for one. */
void *zero_alloc(size_t alignment);

/* Returns BRAINMM_OK, BRAINMM_E_DOUBLE_FREE or BRAINMM_E_POINTER. PIECE may be any pointer. */
int zero_free(const void *piece);

/* The alignment of the piece that starts at ADDRESS; 0 if there is none. */
size_t zero_alignment(const void *address);

/* Whether any of SIZE bytes at ADDRESS lies in the range. */
bool zero_touches(const void *address, size_t size);

/* Where the range begins; UINTPTR_MAX: there is none. How many bytes of addresses it has. */
uintptr_t zero_start(void);
size_t zero_reserved(void);

/* Calls VISIT for all pieces, by ascending address. */
void zero_visit(live_visit *visit, void *context);

/* How often pieces came or went. */
uint64_t zero_changes(void);

/* Whether there are as many pieces as were counted. Nobody may use the heap meanwhile. */
bool zero_is_consistent(void);

#endif
