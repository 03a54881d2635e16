/* jit.c: heaps of memory for machine code; see brainmm.h.
 *
 * A heap has chunks of executable memory, 64 KiB or more. What is free in a chunk is not written down in it but in ordinary
 * memory: two bits for each granule of 16 bytes, one for "in use" and one for "an allocation starts here". So nothing
 * of the heap's own lies where code runs, code that overruns itself cannot reach it, and any pointer can be told from
 * the start of an allocation. Allocations share pages down to the granule: what they share has the same rights anyway,
 * for good or, with two views, at each of its two addresses.
 *
 * The heap's own records are pieces that look free, or runs of a kind of their own: the walk does not report them, and
 * nobody can free them.
 *
 * Memory of the one kind is runs of mode BRAINMM_JIT, which become ordinary before they are anything else; memory of the
 * other kind is mapped twice from the system and goes back there.
 */
#include "jit.h"
#include "heap.h"
#include "instrument.h"
#include "lock.h"
#include "manager.h"
#include "os.h"
#include "run.h"
#include "slab.h"
#include <string.h>

#define GRANULE 16u
#define CHUNK_LEAST ((size_t)1 << 16)
#define CHUNK_MOST ((size_t)1 << 20) /* chunks double up to this; a larger allocation has one of its own */

struct chunk {
    struct object looks_free; /* record_make() */
    struct chunk *next;
    char *code;      /* where it runs */
    char *writable;  /* where it is written: the same, or the other view */
    size_t granules; /* in all */
    size_t used;     /* in use */
    size_t too_many; /* so many in a row are not free; SIZE_MAX: not known */
    size_t search;   /* no granule below is free */
    uint64_t bits[]; /* in use, then starts; whole words */
};

struct brainmm_jit_heap {
    struct object looks_free; /* its `next` is live_heap() */
    uintptr_t kind;           /* enum brainmm_jit_kind */
    struct brainmm_jit_heap *next;
    size_t next_size; /* of a chunk */
    struct chunk *chunks;
};

static struct lock lock;               /* of everything below and in every heap, but for what is_heap() looks at */
static struct brainmm_jit_heap *heaps; /* all there are */
static uint64_t changes;

void jit_lock(void) { lock_take(&lock); }
void jit_unlock(void) { lock_open(&lock); }

/* ---- Bits ------------------------------------------------------------------------------------------------------- */

static size_t words_of(size_t granules) { return (granules + 63) / 64; }
static uint64_t *starts_of(struct chunk *chunk) { return chunk->bits + words_of(chunk->granules); }
static bool bit(const uint64_t *bits, size_t at) { return bits[at / 64] >> at % 64 & 1; }

static void bits_set(uint64_t *bits, size_t from, size_t count, bool value) {
    for (size_t at = from; at < from + count; at++)
        bits[at / 64] = value ? bits[at / 64] | (uint64_t)1 << at % 64 : bits[at / 64] & ~((uint64_t)1 << at % 64);
}

/* The first bit of VALUE from FROM on, or the number of granules. */
static size_t bits_next(const struct chunk *chunk, size_t from, bool value) {
    size_t at = from;
    while (at < chunk->granules) {
        uint64_t word = (value ? chunk->bits[at / 64] : ~chunk->bits[at / 64]) >> at % 64;
        if (word) {
            at += (size_t)__builtin_ctzll(word);
            return at < chunk->granules ? at : chunk->granules;
        }
        at = (at / 64 + 1) * 64;
    }
    return chunk->granules;
}

/* ---- Records and memory ------------------------------------------------------------------------------------------- */

static void *run_make(size_t size, unsigned mode) {
    void *run = run_get(size, UNIT_SIZE, UNIT_JIT, mode);
    return run || !heap_thread_heap_minimize() ? run : run_get(size, UNIT_SIZE, UNIT_JIT, mode);
}

/* Zeroed, but for a mark in its first words if it is a piece. */
static void *record_make(size_t size) {
    void *record = size > MEDIUM_MAX ? run_make(size, BRAINMM_USER) : heap_alloc(size);
    if (!record)
        return NULL;
    memset(record, 0, size);
    if (size <= MEDIUM_MAX)
        object_mark(record, slab_of(record));
    return record;
}

static void record_free(void *record) {
    if (run_free(record, UNIT_JIT, BRAINMM_USER))
        return;
    object_mark(record, NULL);
    heap_free(record);
}

/* ---- Chunks ----------------------------------------------------------------------------------------------------- */

static void chunk_release(const struct brainmm_jit_heap *heap, struct chunk *chunk) {
    size_t size = chunk->granules * GRANULE;
    if (heap->kind == BRAINMM_JIT_TWO_VIEWS) {
        os_unmap_views(size, chunk->writable, chunk->code);
        window_note_outside(-(ptrdiff_t)size);
    } else {
        run_free(chunk->code, UNIT_JIT, BRAINMM_JIT);
    }
    record_free(chunk);
}

/* A chunk of SIZE bytes, a multiple of CHUNK_LEAST, all of it free. */
static struct chunk *chunk_make(const struct brainmm_jit_heap *heap, size_t size) {
    size_t granules = size / GRANULE;
    struct chunk *chunk = record_make(sizeof *chunk + 2 * words_of(granules) * sizeof(uint64_t));
    if (!chunk)
        return NULL;
    void *writable = NULL, *code = NULL;
    if (heap->kind == BRAINMM_JIT_TWO_VIEWS)
        os_map_views(size, &writable, &code);
    else
        code = run_make(size, BRAINMM_JIT);
    if (!code) {
        record_free(chunk);
        return NULL;
    }
    if (heap->kind == BRAINMM_JIT_TWO_VIEWS)
        window_note_outside((ptrdiff_t)size);
    else
        writable = code;
    chunk->code = code;
    chunk->writable = writable;
    chunk->granules = granules;
    chunk->too_many = SIZE_MAX;
    return chunk;
}

static char *chunk_take(struct chunk *chunk, size_t count, void **writable) {
    if (count > chunk->granules - chunk->used || count >= chunk->too_many)
        return NULL;
    size_t first = chunk->search = bits_next(chunk, chunk->search, false), end;
    for (; first < chunk->granules; first = bits_next(chunk, end, false)) {
        end = bits_next(chunk, first, true);
        if (end - first >= count)
            break;
    }
    if (first >= chunk->granules) {
        chunk->too_many = count;
        return NULL;
    }
    bits_set(chunk->bits, first, count, true);
    bits_set(starts_of(chunk), first, 1, true);
    chunk->used += count;
    changes++;
    *writable = chunk->writable + first * GRANULE;
    return chunk->code + first * GRANULE;
}

static bool chunk_contains(const struct chunk *chunk, const char *code) {
    return (uintptr_t)code - (uintptr_t)chunk->code < chunk->granules * GRANULE;
}

/* The granules of the allocation that starts with granule FIRST. */
static size_t chunk_length(struct chunk *chunk, size_t first) {
    size_t end = first + 1;
    while (end < chunk->granules && bit(chunk->bits, end) && !bit(starts_of(chunk), end))
        end++;
    return end - first;
}

/* The granules of the allocation that starts at CODE, in the chunk, and the first of them; 0 if there is none. */
static size_t chunk_find(struct chunk *chunk, const char *code, size_t *first) {
    *first = (size_t)(code - chunk->code) / GRANULE;
    return (uintptr_t)code % GRANULE == 0 && bit(starts_of(chunk), *first) ? chunk_length(chunk, *first) : 0;
}

/* Frees the allocation that starts at CODE; false if there is none. */
static bool chunk_give(struct chunk *chunk, const char *code) {
    size_t first, length = chunk_find(chunk, code, &first);
    if (!length)
        return false;
    bits_set(starts_of(chunk), first, 1, false);
    bits_set(chunk->bits, first, length, false);
    chunk->used -= length;
    changes++;
    chunk->too_many = SIZE_MAX;
    if (first < chunk->search)
        chunk->search = first;
    return true;
}

/* ---- Heaps ------------------------------------------------------------------------------------------------------ */

/* What a live heap has where a free piece has a link: a pointer into another slab, which the link never is. */
static struct object *live_heap(const struct brainmm_jit_heap *heap) {
    return (struct object *)((uintptr_t)heap ^ 0x4A495448);
}

/* Whether HEAP is one, for any pointer: only the first words of a piece, live or free, are looked at. */
static bool is_heap(const struct brainmm_jit_heap *heap) {
    const struct unit *slab = slab_of(heap);
    if (!slab)
        return false;
    INSTRUMENT_LOOK(heap);
    return object_is_free(&heap->looks_free, slab) && heap->looks_free.next == live_heap(heap);
}

static void heap_clear(struct brainmm_jit_heap *heap) {
    changes++;
    for (struct chunk *chunk; (chunk = heap->chunks) != NULL;) {
        heap->chunks = chunk->next;
        chunk_release(heap, chunk);
    }
    heap->next_size = CHUNK_LEAST;
}

static char *heap_take(struct brainmm_jit_heap *heap, size_t count, void **writable) {
    for (struct chunk *chunk = heap->chunks; chunk; chunk = chunk->next) {
        char *code = chunk_take(chunk, count, writable);
        if (code)
            return code;
    }
    size_t size = (count * GRANULE + CHUNK_LEAST - 1) & ~(CHUNK_LEAST - 1);
    struct chunk *chunk = size < heap->next_size ? chunk_make(heap, heap->next_size) : NULL;
    if (!chunk && (chunk = chunk_make(heap, size)) == NULL)
        return NULL;
    if (heap->next_size < CHUNK_MOST)
        heap->next_size *= 2;
    chunk->next = heap->chunks;
    heap->chunks = chunk;
    return chunk_take(chunk, count, writable);
}

/* An empty chunk goes back, but for the last one. */
static bool heap_give(struct brainmm_jit_heap *heap, const char *code) {
    for (struct chunk **link = &heap->chunks, *chunk; (chunk = *link) != NULL; link = &chunk->next) {
        if (!chunk_contains(chunk, code))
            continue;
        if (!chunk_give(chunk, code))
            return false;
        if (chunk->used == 0 && (heap->chunks != chunk || chunk->next)) {
            *link = chunk->next;
            chunk_release(heap, chunk);
        }
        return true;
    }
    return false;
}

/* ---- What others ask ---------------------------------------------------------------------------------------------- */

static struct chunk *chunk_at(const char *code) {
    for (struct brainmm_jit_heap *heap = heaps; heap; heap = heap->next)
        for (struct chunk *chunk = heap->chunks; chunk; chunk = chunk->next)
            if (chunk_contains(chunk, code))
                return chunk;
    return NULL;
}

bool jit_describe(const void *address, brainmm_options *options) {
    size_t first, length = 0;
    lock_take(&lock);
    struct chunk *chunk = chunk_at(address);
    if (chunk && (length = chunk_find(chunk, address, &first)) != 0) {
        void *page = (void *)((uintptr_t)address & ~(uintptr_t)(OS_PAGE - 1));
        struct unit *run = run_of(chunk->code, UNIT_JIT);
        unsigned rights = BRAINMM_READ | BRAINMM_EXECUTE;
        if (run)
            rights = run_rights(run, page, BRAINMM_JIT);
        else
            os_page_rights(page, &rights);
        options->size = length * GRANULE;
        options->kind = BRAINMM_JIT_MEMORY;
        options->rights = (uint8_t)rights;
    }
    lock_open(&lock);
    return length != 0;
}

uintptr_t jit_next(uintptr_t from) {
    uintptr_t next = UINTPTR_MAX;
    lock_take(&lock);
    for (struct brainmm_jit_heap *heap = heaps; heap; heap = heap->next)
        for (struct chunk *chunk = heap->chunks; chunk; chunk = chunk->next)
            if ((uintptr_t)chunk->code >= from && (uintptr_t)chunk->code < next)
                next = (uintptr_t)chunk->code;
    lock_open(&lock);
    return next;
}

void jit_scan(uintptr_t start, void (*visit)(void *context, const struct found *found), void *context) {
    uint64_t live = 1;
    struct found found = {.places = 1,
                          .live = &live,
                          .alignment = GRANULE,
                          .bin = SCAN_NO_BIN,
                          .kind = BRAINMM_JIT_MEMORY,
                          .mode = BRAINMM_JIT};
    lock_take(&lock);
    struct chunk *chunk = chunk_at((const char *)start);
    if (chunk && (uintptr_t)chunk->code != start)
        chunk = NULL; /* another one by now, which may begin below what was visited already */
    for (size_t at = 0; chunk && (at = bits_next(chunk, at, true)) < chunk->granules;) {
        size_t length = chunk_length(chunk, at);
        found.start = (uintptr_t)chunk->code + at * GRANULE;
        found.size = length * GRANULE;
        visit(context, &found);
        at += length;
    }
    lock_open(&lock);
}

uint64_t jit_changes(void) {
    lock_take(&lock);
    uint64_t result = changes;
    lock_open(&lock);
    return result;
}

/* ---- The functions of brainmm.h --------------------------------------------------------------------------------- */

int BRAINMM_CALL heap_jit_heap_create(unsigned kind, brainmm_jit_heap **result) {
    if (!manager_start())
        return manager_active.jit_heap_create(kind, result);
    if (kind > BRAINMM_JIT_TWO_VIEWS || !result)
        return BRAINMM_E_ARGUMENT;
    struct brainmm_jit_heap *heap = record_make(sizeof *heap);
    if (!heap)
        return BRAINMM_E_MEMORY;
    heap->kind = kind;
    heap->next_size = CHUNK_LEAST;
    lock_take(&lock);
    heap->chunks = chunk_make(heap, CHUNK_LEAST); /* whether the system allows it is known now */
    if (heap->chunks) {
        heap->next = heaps;
        heaps = heap;
    }
    lock_open(&lock);
    if (!heap->chunks) {
        record_free(heap);
        return BRAINMM_E_REFUSED;
    }
    heap->looks_free.next = live_heap(heap);
    *result = heap;
    return BRAINMM_OK;
}

int BRAINMM_CALL heap_jit_heap_clear(brainmm_jit_heap *heap) {
    if (!manager_start())
        return manager_active.jit_heap_clear(heap);
    if (!is_heap(heap))
        return BRAINMM_E_POINTER;
    lock_take(&lock);
    heap_clear(heap);
    lock_open(&lock);
    return BRAINMM_OK;
}

int BRAINMM_CALL heap_jit_heap_destroy(brainmm_jit_heap *heap) {
    if (!manager_start())
        return manager_active.jit_heap_destroy(heap);
    if (!heap)
        return BRAINMM_OK;
    if (!is_heap(heap))
        return BRAINMM_E_POINTER;
    lock_take(&lock);
    heap->looks_free.next = NULL;
    heap_clear(heap);
    struct brainmm_jit_heap **link = &heaps;
    while (*link != heap)
        link = &(*link)->next;
    *link = heap->next;
    lock_open(&lock);
    record_free(heap);
    return BRAINMM_OK;
}

void *BRAINMM_CALL heap_jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable) {
    void *written;
    if (!manager_start())
        return manager_active.jit_alloc(heap, size, writable);
    if (!is_heap(heap) || size == 0 || size > PTRDIFF_MAX - CHUNK_MOST)
        return NULL;
    lock_take(&lock);
    char *code = heap_take(heap, (size + GRANULE - 1) / GRANULE, &written);
    lock_open(&lock);
    if (code && writable)
        *writable = written;
    return code;
}

int BRAINMM_CALL heap_jit_free(brainmm_jit_heap *heap, void *code) {
    if (!manager_start())
        return manager_active.jit_free(heap, code);
    if (!is_heap(heap))
        return BRAINMM_E_POINTER;
    if (!code)
        return BRAINMM_OK;
    lock_take(&lock);
    bool given = heap_give(heap, code);
    lock_open(&lock);
    return given ? BRAINMM_OK : BRAINMM_E_POINTER;
}

void BRAINMM_CALL brainmm_jit_flush(const void *code, size_t size) { os_flush_code(code, size); }
__typeof(brainmm_jit_flush) heap_jit_flush __attribute__((alias("brainmm_jit_flush"), visibility("hidden")));
