/* jit.h: what other parts ask about the pieces of JIT heaps. */
#ifndef BRAINMM_JIT_H
#define BRAINMM_JIT_H

#include "scan.h"

/* Describes the piece of code that starts at ADDRESS, where it runs. False if there is none. */
bool jit_describe(const void *address, brainmm_options *options);

/* The lowest address at which a chunk with pieces of code lies, FROM or above; UINTPTR_MAX: there is none. */
uintptr_t jit_next(uintptr_t from);

/* Calls FOUND for each piece of the chunk at START, by ascending address, with the lock of JIT heaps held. Nothing, if
 * there is no such chunk any more. */
void jit_scan(uintptr_t start, void (*found)(void *context, const struct found *found), void *context);

/* How often pieces came or went. */
uint64_t jit_changes(void);

/* One lock for all JIT heaps, taken before any other of the heap's. */
void jit_lock(void);
void jit_unlock(void);

#endif
