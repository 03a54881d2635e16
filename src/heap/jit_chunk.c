/* SPDX-License-Identifier: MIT */
/* jit_chunk.c: see jit_chunk.h.
 *
 * Memory of the one kind is runs of mode BRAINMM_JIT, which become ordinary before they are anything else. Memory of
 * the other kind is mapped twice from the system and goes back there.
 */
#include "heap/jit_chunk.h"
#include "base/bits.h"
#include "heap/piece.h"
#include "heap/reclaim.h"
#include "heap/run.h"
#include "memory/instrument.h"
#include <string.h>

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

static void *run_create(size_t size, unsigned mode, bool *fresh) {
    void *run = run_take(size, UNIT_SIZE, UNIT_JIT, mode, fresh);
    return run || !reclaim_all() ? run : run_take(size, UNIT_SIZE, UNIT_JIT, mode, fresh);
}

void (*jit_record_noticed)(void *piece);

void *jit_record_create(size_t size) {
    bool fresh = false;
    void *record = size > MEDIUM_MAX ? run_create(size, BRAINMM_USER, &fresh) : piece_alloc(size);
    if (!record)
        return NULL;
    if (size <= MEDIUM_MAX && jit_record_noticed)
        jit_record_noticed(record);
    if (!fresh || INSTRUMENTED)
        memset(record, 0, size);
    if (size <= MEDIUM_MAX)
        object_mark(record, slab_of(record));
    return record;
}

void jit_record_destroy(void *record) {
    if (run_give(record, UNIT_JIT, BRAINMM_USER))
        return;
    object_clear_mark(record);
    piece_free(record);
}

/* The memory that CHUNK says it has. */
static bool memory_create(struct jit_chunk *chunk) {
    size_t size = chunk->granules * JIT_GRANULE;
    void *writable = NULL, *code = NULL;
    if (chunk->kind == BRAINMM_JIT_TWO_VIEWS) {
        if (!os_map_views(size, &writable, &code))
            return false;
        units_note_outside((ptrdiff_t)size);
    } else {
        writable = code = run_create(size, BRAINMM_JIT, NULL);
    }
    chunk->code = code;
    chunk->writable = writable;
    return code != NULL;
}

static void memory_destroy(const struct jit_chunk *chunk) {
    size_t size = chunk->granules * JIT_GRANULE;
    if (chunk->kind == BRAINMM_JIT_TWO_VIEWS) {
        if (os_unmap_views(size, chunk->writable, chunk->code)) /* else it stays in use for ever, and is counted */
            units_note_outside(-(ptrdiff_t)size);
    } else {
        run_give(chunk->code, UNIT_JIT, BRAINMM_JIT);
    }
}

/* The system is asked for the memory first. What it refuses costs no record, whose size is a 64th of it. */
struct jit_chunk *jit_chunk_create(enum brainmm_jit_kind kind, size_t size) {
    size_t granules = size / JIT_GRANULE;
    struct jit_chunk made = {.kind = kind, .granules = granules, .too_many = SIZE_MAX};
    if (size > JIT_CHUNK_MOST || !memory_create(&made))
        return NULL;
    struct jit_chunk *chunk = jit_record_create(sizeof *chunk + 2 * bits_words(granules) * sizeof(uint64_t));
    if (!chunk) {
        memory_destroy(&made);
        return NULL;
    }
    made.looks_free = chunk->looks_free;
    *chunk = made;
    return chunk;
}

void jit_chunk_destroy(struct jit_chunk *chunk) {
    memory_destroy(chunk);
    jit_record_destroy(chunk);
}

/* ---- Pieces of code --------------------------------------------------------------------------------------------- */

uint64_t *jit_chunk_starts(struct jit_chunk *chunk) { return chunk->bits + bits_words(chunk->granules); }

char *jit_chunk_alloc(struct jit_chunk *chunk, size_t count, void **writable) {
    if (count > chunk->granules - chunk->used || count >= chunk->too_many)
        return NULL;
    size_t first = chunk->search = bits_find_clear(chunk->bits, chunk->search, chunk->granules), end;
    for (; first < chunk->granules; first = bits_find_clear(chunk->bits, end, chunk->granules)) {
        end = bits_find_set(chunk->bits, first, chunk->granules);
        if (end - first >= count)
            break;
    }
    if (first >= chunk->granules) {
        chunk->too_many = count;
        return NULL;
    }
    bits_set(jit_chunk_starts(chunk), first, 1);
    store_order(); /* jit_chunk_recover() */
    bits_set(chunk->bits, first, count);
    chunk->used += count;
    *writable = chunk->writable + first * JIT_GRANULE;
    return chunk->code + first * JIT_GRANULE;
}

bool jit_chunk_contains(const struct jit_chunk *chunk, const char *code) {
    return (uintptr_t)code - (uintptr_t)chunk->code < chunk->granules * JIT_GRANULE;
}

/* The granules of the piece that starts with granule FIRST. */
static size_t length_of(struct jit_chunk *chunk, size_t first) {
    size_t end = bits_find_clear(chunk->bits, first, chunk->granules);
    return bits_find_set(jit_chunk_starts(chunk), first + 1, end) - first;
}

size_t jit_chunk_find(struct jit_chunk *chunk, const char *code) {
    size_t first = (size_t)(code - chunk->code) / JIT_GRANULE;
    bool starts = (uintptr_t)code % JIT_GRANULE == 0 && bits_get(jit_chunk_starts(chunk), first);
    return starts ? length_of(chunk, first) : 0;
}

size_t jit_chunk_next(struct jit_chunk *chunk, size_t from, size_t *length) {
    size_t first = bits_find_set(jit_chunk_starts(chunk), from, chunk->granules);
    *length = first < chunk->granules ? length_of(chunk, first) : 0;
    return first;
}

bool jit_chunk_free(struct jit_chunk *chunk, const char *code) {
    size_t first = (size_t)(code - chunk->code) / JIT_GRANULE, length = jit_chunk_find(chunk, code);
    if (!length)
        return false;
    bits_clear(chunk->bits, first, length);
    store_order(); /* jit_chunk_recover() */
    bits_clear(jit_chunk_starts(chunk), first, 1);
    chunk->used -= length;
    chunk->too_many = SIZE_MAX;
    if (first < chunk->search)
        chunk->search = first;
    return true;
}

/* A piece has a start while any of its granules is in use. Granules of an allocation come into use, and those of a free
 * go, from the first one on. So a start without a granule is dropped, and granules before which there is none are
 * free. */
COLD void jit_chunk_recover(struct jit_chunk *chunk) {
    uint64_t *starts = jit_chunk_starts(chunk);
    for (size_t word = 0; word < bits_words(chunk->granules); word++)
        starts[word] &= chunk->bits[word];
    for (size_t at = 0, end; (at = bits_find_set(chunk->bits, at, chunk->granules)) < chunk->granules; at = end) {
        end = bits_find_clear(chunk->bits, at, chunk->granules);
        bits_clear(chunk->bits, at, bits_find_set(starts, at, end) - at);
    }
    chunk->used = bits_count(chunk->bits, 0, chunk->granules);
    chunk->too_many = SIZE_MAX;
    chunk->search = 0;
}
