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
#include "os_inline.h"
#include <string.h>

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

static void *run_create(size_t size, unsigned mode, bool *fresh) {
    void *run = run_take(size, UNIT_SIZE, UNIT_JIT, mode, fresh);
    return run || !reclaim_all() ? run : run_take(size, UNIT_SIZE, UNIT_JIT, mode, fresh);
}

struct jit_checks jit_checks;
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

static size_t guard_bytes(void) { return jit_checks.guards ? os_facts.granule : 0; }

const char *jit_chunk_run(const struct jit_chunk *chunk) { return chunk->code - guard_bytes(); }

/* Both sides of SIZE bytes at START, which lie between guards. If the system refuses, there are none. */
static void guard(char *start, size_t size) {
    if (guard_bytes()) {
        os_protect(start - guard_bytes(), guard_bytes(), 0);
        os_protect(start + size, guard_bytes(), 0);
    }
}

/* The memory that CHUNK says it has. */
static bool memory_create(struct jit_chunk *chunk) {
    size_t size = chunk->granules * JIT_GRANULE, all = size + 2 * guard_bytes();
    void *writable = NULL, *code = NULL;
    if (chunk->kind == BRAINMM_JIT_TWO_VIEWS) {
        if (!os_map_views(all, &writable, &code))
            return false;
        units_note_outside((ptrdiff_t)all);
    } else if ((writable = code = run_create(all, BRAINMM_JIT, NULL)) == NULL) {
        return false;
    }
    chunk->code = (char *)code + guard_bytes();
    chunk->writable = (char *)writable + guard_bytes();
    guard(chunk->code, size);
    if (code != writable)
        guard(chunk->writable, size);
    return true;
}

static void memory_destroy(const struct jit_chunk *chunk) {
    size_t all = chunk->granules * JIT_GRANULE + 2 * guard_bytes();
    char *code = chunk->code - guard_bytes();
    if (chunk->kind == BRAINMM_JIT_TWO_VIEWS) {
        if (os_unmap_views(all, chunk->writable - guard_bytes(), code)) /* else it stays for ever, and is counted */
            units_note_outside(-(ptrdiff_t)all);
    } else {
        run_give(code, UNIT_JIT, BRAINMM_JIT);
    }
}

/* The system is asked for the memory first. What it refuses costs no record, whose size is a 64th of it. */
struct jit_chunk *jit_chunk_create(enum brainmm_jit_kind kind, size_t size) {
    size_t granules = size / JIT_GRANULE;
    struct jit_chunk made = {.kind = kind, .granules = granules, .too_many = SIZE_MAX, .process = os_process_id()};
    if (size > JIT_CHUNK_MOST || !memory_create(&made))
        return NULL;
    size_t bitmaps = jit_checks.on ? 3 : 2;
    struct jit_chunk *chunk = jit_record_create(sizeof *chunk + bitmaps * bits_words(granules) * sizeof(uint64_t));
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

/* Of pieces that wait. */
static uint64_t *waiting_of(struct jit_chunk *chunk) { return chunk->bits + 2 * bits_words(chunk->granules); }

/* The views of a process are also those of its children. */
static bool is_shared(const struct jit_chunk *chunk) {
    return chunk->kind == BRAINMM_JIT_TWO_VIEWS && chunk->process != os_process_id();
}

/* COUNT granules from FIRST become traps. */
static void fill(struct jit_chunk *chunk, size_t first, size_t count) {
    if (count == 0 || is_shared(chunk))
        return;
    os_write_code(true);
    memset(chunk->writable + first * JIT_GRANULE, JIT_TRAP, count * JIT_GRANULE);
    os_write_code(false);
    os_flush_code(chunk->code + first * JIT_GRANULE, count * JIT_GRANULE);
}

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
    fill(chunk, first + count - JIT_TRAP_GRANULES, JIT_TRAP_GRANULES);
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

static size_t granule_of(const struct jit_chunk *chunk, const char *code) {
    return (size_t)(code - chunk->code) / JIT_GRANULE;
}

static bool starts_at(struct jit_chunk *chunk, const char *code) {
    return (uintptr_t)code % JIT_GRANULE == 0 && bits_get(jit_chunk_starts(chunk), granule_of(chunk, code));
}

static bool waits(struct jit_chunk *chunk, size_t first) { return jit_checks.on && bits_get(waiting_of(chunk), first); }

bool jit_chunk_waits(struct jit_chunk *chunk, const char *code) {
    return starts_at(chunk, code) && waits(chunk, granule_of(chunk, code));
}

size_t jit_chunk_find(struct jit_chunk *chunk, const char *code) {
    size_t first = granule_of(chunk, code);
    return starts_at(chunk, code) && !waits(chunk, first) ? length_of(chunk, first) - JIT_TRAP_GRANULES : 0;
}

size_t jit_chunk_next(struct jit_chunk *chunk, size_t from, size_t *length) {
    size_t first = bits_find_set(jit_chunk_starts(chunk), from, chunk->granules);
    while (first < chunk->granules && waits(chunk, first))
        first = bits_find_set(jit_chunk_starts(chunk), first + 1, chunk->granules);
    *length = first < chunk->granules ? length_of(chunk, first) - JIT_TRAP_GRANULES : 0;
    return first;
}

/* LENGTH granules from FIRST, a piece, become free. */
static void release(struct jit_chunk *chunk, size_t first, size_t length) {
    bits_clear(chunk->bits, first, length);
    store_order(); /* jit_chunk_recover() */
    bits_clear(jit_chunk_starts(chunk), first, 1);
    chunk->used -= length;
    chunk->too_many = SIZE_MAX;
    if (first < chunk->search)
        chunk->search = first;
}

bool jit_chunk_free(struct jit_chunk *chunk, const char *code) {
    size_t length = jit_chunk_find(chunk, code);
    if (length)
        release(chunk, granule_of(chunk, code), length);
    return length != 0;
}

/* ---- Checked mode ----------------------------------------------------------------------------------------------- */

/* Looks at what has to be traps of the piece at FIRST: the last granule, or all of it if it waits. */
static bool look(struct jit_chunk *chunk, size_t first, struct jit_damage *damage) {
    size_t length = length_of(chunk, first), from = waits(chunk, first) ? 0 : length - 1;
    const char *code = chunk->writable + first * JIT_GRANULE;
    size_t at = from * JIT_GRANULE, end = length * JIT_GRANULE;
    while (at < end && (unsigned char)code[at] == JIT_TRAP)
        at++;
    if (at == end || is_shared(chunk))
        return false;
    damage->kind = from ? BRAINMM_ERROR_OVERFLOW : BRAINMM_ERROR_USE_AFTER_FREE;
    damage->code = chunk->code + first * JIT_GRANULE;
    damage->address = damage->code + at;
    damage->size = (length - 1) * JIT_GRANULE;
    fill(chunk, first + from, length - from);
    return true;
}

size_t jit_chunk_retire(struct jit_chunk *chunk, const char *code, struct jit_damage *damage) {
    size_t first = granule_of(chunk, code);
    if (!jit_chunk_find(chunk, code))
        return 0;
    size_t length = length_of(chunk, first);
    look(chunk, first, damage);
    fill(chunk, first, length);
    bits_set(waiting_of(chunk), first, 1);
    return length;
}

size_t jit_chunk_release(struct jit_chunk *chunk, const char *code, struct jit_damage *damage) {
    size_t first = granule_of(chunk, code);
    if (!jit_chunk_waits(chunk, code))
        return 0;
    size_t length = length_of(chunk, first);
    look(chunk, first, damage);
    bits_clear(waiting_of(chunk), first, 1);
    release(chunk, first, length);
    return length;
}

bool jit_chunk_damage(struct jit_chunk *chunk, struct jit_damage *damage) {
    const uint64_t *starts = jit_chunk_starts(chunk);
    for (size_t at = 0; (at = bits_find_set(starts, at, chunk->granules)) < chunk->granules; at++)
        if (look(chunk, at, damage))
            return true;
    return false;
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
    for (size_t word = 0; jit_checks.on && word < bits_words(chunk->granules); word++)
        waiting_of(chunk)[word] &= starts[word];
    chunk->used = bits_count(chunk->bits, 0, chunk->granules);
    chunk->too_many = SIZE_MAX;
    chunk->search = 0;
}
