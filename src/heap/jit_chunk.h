/* SPDX-License-Identifier: MIT */
/* jit_chunk.h: executable memory, cut into pieces of code.
 *
 * A chunk is 64 KiB of executable memory or more. What of it is free is not written down in it but in ordinary memory:
 * two bits for each granule of 16 bytes, one for "in use" and one for "a piece starts here". So nothing of the heap's
 * own lies where code runs, code that overruns itself cannot reach it, and any pointer can be told from the start of a
 * piece. Pieces share pages down to the granule. What they share has the same rights anyway: for good or, with two
 * views, at each of its two addresses.
 *
 * The records of JIT heaps and chunks are pieces that look free, or runs of a kind of their own. So the walk does not
 * report them, and nobody can free them.
 *
 * Nothing here takes a lock: jit.c does.
 */
#ifndef BRAINMM_JIT_CHUNK_H
#define BRAINMM_JIT_CHUNK_H

#include "brainmm.h"
#include "memory/mark.h"
#include <stdbool.h>

#define JIT_GRANULE 16u
#define JIT_CHUNK_LEAST ((size_t)1 << 16)
#define JIT_CHUNK_MOST ((size_t)1 << 31) /* code calls no further than 2 GiB */

struct jit_chunk {
    struct object looks_free; /* jit_record_create() */
    struct jit_chunk *next;
    enum brainmm_jit_kind kind;
    char *code;      /* where it runs */
    char *writable;  /* where it is written: the same address, or the other view */
    size_t granules; /* in all */
    size_t used;     /* in use */
    size_t too_many; /* so many in a row are not free; SIZE_MAX: not known */
    size_t search;   /* no granule below is free */
    uint64_t bits[]; /* in use, then starts; whole words */
};

/* Zeroed memory for a record, except for a mark in its first words if it is a piece. NULL: out of memory. */
void *jit_record_create(size_t size);

/* Is told of each such piece, before it is written: its memory is no allocation of the program's. NULL: nobody. Is set
 * before the heap starts. */
extern void (*jit_record_noticed)(void *piece) HIDDEN_DATA;

void jit_record_destroy(void *record);

/* A chunk of SIZE bytes, a multiple of JIT_CHUNK_LEAST, all of it free. NULL: out of memory, SIZE is above
 * JIT_CHUNK_MOST, or the system refuses. */
struct jit_chunk *jit_chunk_create(enum brainmm_jit_kind kind, size_t size);
void jit_chunk_destroy(struct jit_chunk *chunk);

/* COUNT granules in a row. NULL if the chunk has none. *WRITABLE becomes where they are written. */
char *jit_chunk_alloc(struct jit_chunk *chunk, size_t count, void **writable);

/* Frees the piece that starts at CODE, in the chunk. False if there is none. */
bool jit_chunk_free(struct jit_chunk *chunk, const char *code);

bool jit_chunk_contains(const struct jit_chunk *chunk, const char *code);

/* The granules of the piece that starts at CODE, in the chunk; 0 if there is none. */
size_t jit_chunk_find(struct jit_chunk *chunk, const char *code);

/* The first piece that starts with granule FROM or behind, and its LENGTH; `granules` if there is none. */
size_t jit_chunk_next(struct jit_chunk *chunk, size_t from, size_t *length);

/* A thread has ended in the midst of a change: makes the bits and figures agree. What it was about to allocate or free
 * is free, or in use by nobody. */
void jit_chunk_recover(struct jit_chunk *chunk);

/* The bits that say where pieces start. */
uint64_t *jit_chunk_starts(struct jit_chunk *chunk);

#endif
