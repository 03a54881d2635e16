/* SPDX-License-Identifier: MIT */
/* jit.h: heaps of memory for machine code; see brainmm.h. One lock serves all of them. It is acquired before any other
 * of the heap's locks.
 */
#ifndef BRAINMM_JIT_H
#define BRAINMM_JIT_H

#include "heap/jit_chunk.h"
#include "heap/live.h"

/* As the functions of brainmm.h. */
int jit_heap_create(unsigned kind, brainmm_jit_heap **heap);
int jit_heap_clear(brainmm_jit_heap *heap);
int jit_heap_destroy(brainmm_jit_heap *heap);
void *jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable);
int jit_free(brainmm_jit_heap *heap, void *code, struct jit_damage *damage); /* *DAMAGE: in checked mode */
void BRAINMM_CALL jit_flush(const void *code, size_t size);

/* Checked mode: the first damage there is, in HEAP or, if that is NULL, in all JIT heaps. It is mended. */
bool jit_find_damage(const brainmm_jit_heap *heap, struct jit_damage *damage);

/* Describes the piece of code that starts at ADDRESS, where it runs. False if there is none. */
bool jit_describe(const void *address, brainmm_options *options);

/* The lowest address, FROM or above, at which a chunk of code lies; UINTPTR_MAX: there is none. */
uintptr_t jit_next_chunk(uintptr_t from);

/* Calls VISIT for each piece of the chunk at START, by ascending address, with the lock held. Nothing, if there is no
 * such chunk any more. */
void jit_visit_chunk(uintptr_t start, live_visit *visit, void *context);

/* How often pieces came or went. */
uint64_t jit_changes(void);

/* Whether the bits and counts of all chunks agree. Nobody may use the heap meanwhile. */
bool jit_is_consistent(void);

void jit_lock(void);
void jit_unlock(void);

#endif
