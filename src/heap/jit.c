/* SPDX-License-Identifier: MIT */
/* jit.c: see jit.h; how chunks are cut is in jit_chunk.h. */
#include "heap/jit.h"
#include "base/align.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "heap/jit_chunk.h"
#include "heap/reclaim.h"
#include "heap/run.h"
#include "memory/instrument.h"
#include "slab/slab.h"
#include "sync/lock.h"

#define CHUNK_MOST ((size_t)1 << 20) /* chunks double up to this; a larger piece has one of its own */

/* Freed code that waits, in checked mode: first in, first out. */
#define WAITING_MOST 256u
struct waiting {
    struct jit_chunk *chunk;
    const char *code;
};

struct brainmm_jit_heap {
    struct object looks_free; /* its `next` is live_link() */
    enum brainmm_jit_kind kind;
    bool views_instead; /* its maker asked for the other kind, which the system forbids */
    struct brainmm_jit_heap *next;
    size_t next_size; /* of a chunk */
    struct jit_chunk *chunks;
    size_t waiting_granules;
    uint32_t waiting_first, waiting_count;
    struct waiting waiting[]; /* WAITING_MOST in checked mode, else none */
};

/* The lock is of all this and of what is in every heap, except for what is_jit_heap() looks at. */
static struct brainmm_jit_heap *jit_heaps; /* all there are */
static uint64_t changes;

void jit_unlock(void) { lock_release(LOCK_JIT); }

/* ---- Heaps ------------------------------------------------------------------------------------------------------ */

/* What a live heap has where a free piece has a link: a pointer into another slab, which a link never is. */
static struct object *live_link(const struct brainmm_jit_heap *heap) {
    return (struct object *)((uintptr_t)heap ^ 0x4A495448);
}

/* Whether HEAP is one, for any pointer. Only the first words of a piece, live or free, are looked at. */
static bool is_jit_heap(const struct brainmm_jit_heap *heap) {
    const struct unit *slab = slab_of(heap);
    if (!slab)
        return false;
    INSTRUMENT_LOOK(heap);
    return object_is_free(&heap->looks_free, slab) && heap->looks_free.next == live_link(heap);
}

/* The lock was taken from a dead thread. What it had taken and not listed, or unlisted and not given back, is lost. */
static COLD void recover(void) {
    for (struct brainmm_jit_heap **link = &jit_heaps, *heap; (heap = *link) != NULL;) {
        for (struct jit_chunk *chunk = heap->chunks; chunk; chunk = chunk->next)
            jit_chunk_recover(chunk);
        if (is_jit_heap(heap))
            link = &heap->next;
        else /* it was being destroyed */
            *link = heap->next;
    }
    changes++;
}

void jit_lock(void) {
    if (lock_acquire(LOCK_JIT))
        recover();
}

static void clear(struct brainmm_jit_heap *heap) {
    changes++;
    heap->waiting_count = 0;
    heap->waiting_granules = 0;
    for (struct jit_chunk *chunk; (chunk = heap->chunks) != NULL;) {
        heap->chunks = chunk->next;
        store_order();
        jit_chunk_destroy(chunk);
    }
    heap->next_size = JIT_CHUNK_LEAST;
}

static bool add_chunk(struct brainmm_jit_heap *heap, size_t least) {
    struct jit_chunk *chunk = least < heap->next_size ? jit_chunk_create(heap->kind, heap->next_size) : NULL;
    if (!chunk && (chunk = jit_chunk_create(heap->kind, least)) == NULL)
        return false;
    if (heap->next_size < CHUNK_MOST)
        heap->next_size *= 2;
    chunk->next = heap->chunks;
    store_order(); /* a list is whole at any time: recover() */
    heap->chunks = chunk;
    return true;
}

/* COUNT: with the traps. */
static char *alloc_locked(struct brainmm_jit_heap *heap, size_t count, void **writable) {
    for (struct jit_chunk *chunk = heap->chunks; chunk; chunk = chunk->next) {
        char *code = jit_chunk_alloc(chunk, count, writable);
        if (code)
            return code;
    }
    if (!add_chunk(heap, align_up(count * JIT_GRANULE, JIT_CHUNK_LEAST)))
        return NULL;
    return jit_chunk_alloc(heap->chunks, count, writable);
}

static struct jit_chunk *chunk_of(struct brainmm_jit_heap *heap, const char *code) {
    struct jit_chunk *chunk = heap->chunks;
    while (chunk && !jit_chunk_contains(chunk, code))
        chunk = chunk->next;
    return chunk;
}

/* An empty chunk goes back, unless it is the last one. */
static void drop_if_empty(struct brainmm_jit_heap *heap, struct jit_chunk *chunk) {
    struct jit_chunk **link = &heap->chunks;
    if (chunk->used != 0 || (heap->chunks == chunk && !chunk->next))
        return;
    while (*link != chunk)
        link = &(*link)->next;
    *link = chunk->next;
    store_order();
    jit_chunk_destroy(chunk);
}

/* Who ends in between has lost the piece. */
static void release_first(struct brainmm_jit_heap *heap, struct jit_damage *damage) {
    struct waiting first = heap->waiting[heap->waiting_first];
    heap->waiting_first = (heap->waiting_first + 1) % WAITING_MOST;
    heap->waiting_count--;
    store_order();
    heap->waiting_granules -= jit_chunk_release(first.chunk, first.code, damage);
    if (heap->waiting_count == 0)
        heap->waiting_granules = 0; /* those of a thread that ended are lost */
    drop_if_empty(heap, first.chunk);
}

static void retire_locked(struct brainmm_jit_heap *heap, struct jit_chunk *chunk, const char *code,
                          struct jit_damage *damage) {
    heap->waiting_granules += jit_chunk_retire(chunk, code, damage);
    heap->waiting[(heap->waiting_first + heap->waiting_count) % WAITING_MOST] = (struct waiting){chunk, code};
    store_order();
    heap->waiting_count++;
    while (heap->waiting_count == WAITING_MOST ||
           (heap->waiting_count && heap->waiting_granules * JIT_GRANULE > jit_checks.quarantine))
        release_first(heap, damage);
}

static int free_locked(struct brainmm_jit_heap *heap, const char *code, struct jit_damage *damage) {
    struct jit_chunk *chunk = chunk_of(heap, code);
    if (!chunk || !jit_chunk_find(chunk, code))
        return chunk && jit_chunk_waits(chunk, code) ? BRAINMM_E_DOUBLE_FREE : BRAINMM_E_POINTER;
    if (jit_checks.on) {
        retire_locked(heap, chunk, code, damage);
    } else {
        jit_chunk_free(chunk, code);
        drop_if_empty(heap, chunk);
    }
    return BRAINMM_OK;
}

/* ---- What others ask -------------------------------------------------------------------------------------------- */

static struct jit_chunk *chunk_at(const char *code) {
    struct jit_chunk *chunk = NULL;
    for (struct brainmm_jit_heap *heap = jit_heaps; heap && !chunk; heap = heap->next)
        chunk = chunk_of(heap, code);
    return chunk;
}

/* The rights of the page that ADDRESS lies in. */
static unsigned rights_at(const struct jit_chunk *chunk, const void *address) {
    const void *page = (const void *)align_down((uintptr_t)address, os_facts.page);
    const struct unit *run = run_of(jit_chunk_run(chunk), UNIT_JIT);
    unsigned rights = BRAINMM_READ | BRAINMM_EXECUTE;
    if (run)
        return run_rights(run, page);
    os_page_rights(page, &rights);
    return rights;
}

bool jit_describe(const void *address, brainmm_options *options) {
    jit_lock();
    struct jit_chunk *chunk = chunk_at(address);
    size_t length = chunk ? jit_chunk_find(chunk, address) : 0;
    if (length) {
        options->size = length * JIT_GRANULE;
        options->kind = BRAINMM_JIT_MEMORY;
        options->rights = (uint8_t)rights_at(chunk, address);
    }
    jit_unlock();
    return length != 0;
}

uintptr_t jit_next_chunk(uintptr_t from) {
    uintptr_t next = UINTPTR_MAX;
    jit_lock();
    for (struct brainmm_jit_heap *heap = jit_heaps; heap; heap = heap->next)
        for (struct jit_chunk *chunk = heap->chunks; chunk; chunk = chunk->next)
            if ((uintptr_t)chunk->code >= from && (uintptr_t)chunk->code < next)
                next = (uintptr_t)chunk->code;
    jit_unlock();
    return next;
}

void jit_visit_chunk(uintptr_t start, live_visit *visit, void *context) {
    uint64_t live = 1;
    struct live_row row = {.places = 1,
                           .live = &live,
                           .alignment = JIT_GRANULE,
                           .bin = LIVE_NO_BIN,
                           .kind = BRAINMM_JIT_MEMORY,
                           .mode = BRAINMM_JIT};
    jit_lock();
    struct jit_chunk *chunk = chunk_at((const char *)start);
    if (chunk && (uintptr_t)chunk->code != start)
        chunk = NULL; /* another one by now, which may begin below what was visited already */
    size_t length;
    for (size_t at = 0; chunk && (at = jit_chunk_next(chunk, at, &length)) < chunk->granules; at += length) {
        row.start = (uintptr_t)chunk->code + at * JIT_GRANULE;
        row.size = length * JIT_GRANULE;
        visit(context, &row);
    }
    jit_unlock();
}

uint64_t jit_changes(void) {
    jit_lock();
    uint64_t result = changes;
    jit_unlock();
    return result;
}

static bool chunk_is_consistent(struct jit_chunk *chunk) {
    uint64_t *starts = jit_chunk_starts(chunk);
    for (size_t word = 0; word < bits_words(chunk->granules); word++)
        if (starts[word] & ~chunk->bits[word])
            return false; /* a piece starts where nothing is in use */
    return bits_count(chunk->bits, 0, chunk->granules) == chunk->used && bits_all_set(chunk->bits, 0, chunk->search);
}

bool jit_is_consistent(void) {
    bool consistent = true;
    jit_lock();
    for (struct brainmm_jit_heap *heap = jit_heaps; heap; heap = heap->next) {
        consistent = consistent && is_jit_heap(heap);
        for (struct jit_chunk *chunk = heap->chunks; chunk; chunk = chunk->next)
            consistent = consistent && chunk_is_consistent(chunk);
    }
    jit_unlock();
    return consistent;
}

/* Whether memory that may be written cannot become executable, and not only because memory is short. */
static bool system_forbids_both(void) {
    void *probe = run_take(UNIT_SIZE, UNIT_SIZE, UNIT_JIT, BRAINMM_USER, NULL);
    bool forbids = probe && !os_protect(probe, UNIT_SIZE, run_mode_rights(BRAINMM_JIT));
    if (probe && !forbids)
        os_protect(probe, UNIT_SIZE, run_mode_rights(BRAINMM_USER));
    if (probe)
        run_give(probe, UNIT_JIT, BRAINMM_USER);
    return forbids;
}

/* The first chunk, from which it is known what the system allows. */
static struct jit_chunk *first_chunk(struct brainmm_jit_heap *heap) {
    struct jit_chunk *chunk = jit_chunk_create(heap->kind, JIT_CHUNK_LEAST);
    if (chunk || heap->kind == BRAINMM_JIT_TWO_VIEWS || !system_forbids_both())
        return chunk;
    heap->kind = BRAINMM_JIT_TWO_VIEWS;
    heap->views_instead = true;
    return jit_chunk_create(heap->kind, JIT_CHUNK_LEAST);
}

/* ---- The functions of brainmm.h --------------------------------------------------------------------------------- */

int jit_heap_create(unsigned kind, brainmm_jit_heap **result) {
    if (kind > BRAINMM_JIT_TWO_VIEWS || !result)
        return BRAINMM_E_ARGUMENT;
    struct brainmm_jit_heap *heap =
        jit_record_create(sizeof *heap + (jit_checks.on ? WAITING_MOST * sizeof *heap->waiting : 0));
    if (!heap)
        return BRAINMM_E_MEMORY;
    heap->kind = kind;
    heap->next_size = JIT_CHUNK_LEAST;
    jit_lock();
    heap->chunks = first_chunk(heap);
    if (heap->chunks) {
        heap->looks_free.next = live_link(heap);
        heap->next = jit_heaps;
        store_order();
        jit_heaps = heap;
    }
    jit_unlock();
    if (!heap->chunks) {
        jit_record_destroy(heap);
        return BRAINMM_E_REFUSED;
    }
    *result = heap;
    return BRAINMM_OK;
}

int jit_heap_clear(brainmm_jit_heap *heap) {
    if (!is_jit_heap(heap))
        return BRAINMM_E_POINTER;
    jit_lock();
    clear(heap);
    jit_unlock();
    return BRAINMM_OK;
}

int jit_heap_destroy(brainmm_jit_heap *heap) {
    if (!heap)
        return BRAINMM_OK;
    if (!is_jit_heap(heap))
        return BRAINMM_E_POINTER;
    jit_lock();
    heap->looks_free.next = NULL;
    clear(heap);
    struct brainmm_jit_heap **link = &jit_heaps;
    while (*link != heap)
        link = &(*link)->next;
    *link = heap->next;
    jit_unlock();
    jit_record_destroy(heap);
    return BRAINMM_OK;
}

void *jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable) {
    void *written;
    if (!is_jit_heap(heap) || size == 0 || size > PTRDIFF_MAX - CHUNK_MOST || (heap->views_instead && !writable))
        return NULL;
    jit_lock();
    char *code = alloc_locked(heap, (size + JIT_GRANULE - 1) / JIT_GRANULE + JIT_TRAP_GRANULES, &written);
    changes += code != NULL;
    jit_unlock();
    if (!code)
        return size > JIT_CHUNK_MOST ? NULL : reclaim_failed();
    if (writable)
        *writable = written;
    return code;
}

int jit_free(brainmm_jit_heap *heap, void *code, struct jit_damage *damage) {
    if (!is_jit_heap(heap))
        return BRAINMM_E_POINTER;
    if (!code)
        return BRAINMM_OK;
    jit_lock();
    int result = free_locked(heap, code, damage);
    changes += result == BRAINMM_OK;
    jit_unlock();
    return result;
}

bool jit_find_damage(const brainmm_jit_heap *only, struct jit_damage *damage) {
    bool found = false;
    jit_lock();
    for (struct brainmm_jit_heap *heap = jit_heaps; heap && !found; heap = heap->next)
        for (struct jit_chunk *chunk = !only || heap == only ? heap->chunks : NULL; chunk && !found;
             chunk = chunk->next)
            found = jit_chunk_damage(chunk, damage);
    jit_unlock();
    return found;
}

void BRAINMM_CALL brainmm_jit_flush(const void *code, size_t size) { os_flush_code(code, size); }
HIDDEN_ALIAS(jit_flush, brainmm_jit_flush);
