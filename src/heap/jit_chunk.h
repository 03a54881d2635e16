/* SPDX-License-Identifier: MIT */
/* jit_chunk.h: executable memory, cut into pieces of code.
 *
 * A chunk is 64 KiB of executable memory or more. What of it is free is not written down in it but in ordinary memory:
 * two bits for each granule of 16 bytes, one for "in use" and one for "a piece starts here". So nothing of the heap's
 * own lies where code runs, code that overruns itself cannot reach it, and any pointer can be told from the start of a
 * piece. Pieces share pages down to the granule. What they share has the same rights anyway: for good or, with two
 * views, at each of its two addresses.
 *
 * Checked mode asks for more (struct jit_checks). A chunk then has guard pages on both sides, and each piece a granule
 * of traps behind it. A piece that was freed is traps as a whole, and stays in use for a while: it waits. Such pieces
 * have a third bit.
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

/* What checked mode asks for. Is set before the heap starts. */
struct jit_checks {
    bool on;
    bool guards;
    size_t quarantine; /* bytes of freed code that wait, of each JIT heap */
};
extern struct jit_checks jit_checks HIDDEN_DATA;

/* That lie behind each piece. */
#define JIT_TRAP_GRANULES ((size_t)jit_checks.on)

/* A byte that is no instruction to go on from. */
#if defined(__x86_64__) || defined(__i386__)
#define JIT_TRAP 0xCC
#else
#define JIT_TRAP 0
#endif

/* Bytes that are traps no more: the program has written there. */
struct jit_damage {
    enum brainmm_error_kind kind;
    const char *address; /* where it runs; NULL: there is no damage */
    const char *code;    /* the piece */
    size_t size;
};

struct jit_chunk {
    struct object looks_free; /* jit_record_create() */
    struct jit_chunk *next;
    enum brainmm_jit_kind kind;
    char *code;        /* where it runs */
    char *writable;    /* where it is written: the same address, or the other view */
    size_t granules;   /* in all */
    size_t used;       /* in use */
    size_t too_many;   /* so many in a row are not free; SIZE_MAX: not known */
    size_t search;     /* no granule below is free */
    uintptr_t process; /* that made it */
    uint64_t bits[];   /* in use, then starts; in checked mode also starts of those that wait; whole words */
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

/* COUNT granules in a row, the last of which becomes the traps of checked mode. NULL if the chunk has none. *WRITABLE
 * becomes where they are written. */
char *jit_chunk_alloc(struct jit_chunk *chunk, size_t count, void **writable);

/* Frees the piece that starts at CODE, in the chunk. False if there is none. */
bool jit_chunk_free(struct jit_chunk *chunk, const char *code);

bool jit_chunk_contains(const struct jit_chunk *chunk, const char *code);

/* Checked mode: the piece that starts at CODE, in the chunk, begins to wait. Returns its granules, with the traps; 0 if
 * there is none. */
size_t jit_chunk_retire(struct jit_chunk *chunk, const char *code, struct jit_damage *damage);

/* It is free. Returns its granules; 0 if there is none that waits. */
size_t jit_chunk_release(struct jit_chunk *chunk, const char *code, struct jit_damage *damage);

/* Whether a piece waits that starts at CODE, in the chunk. */
bool jit_chunk_waits(struct jit_chunk *chunk, const char *code);

/* The first damage there is in a chunk. It is mended. False if there is none. */
bool jit_chunk_damage(struct jit_chunk *chunk, struct jit_damage *damage);

/* The granules of the piece that starts at CODE, in the chunk; 0 if there is none. */
size_t jit_chunk_find(struct jit_chunk *chunk, const char *code);

/* The first piece that starts with granule FROM or behind, and its LENGTH; `granules` if there is none. */
size_t jit_chunk_next(struct jit_chunk *chunk, size_t from, size_t *length);

/* A thread has ended in the midst of a change: makes the bits and figures agree. What it was about to allocate or free
 * is free, or in use by nobody. */
void jit_chunk_recover(struct jit_chunk *chunk);

/* The start of the run or view that the code lies in, with its guard. */
const char *jit_chunk_run(const struct jit_chunk *chunk);

/* The bits that say where pieces start. */
uint64_t *jit_chunk_starts(struct jit_chunk *chunk);

#endif
