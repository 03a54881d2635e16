/* SPDX-License-Identifier: MIT */
/* no_marks_given.c: memory that the heap hands out never contains a mark of a free piece, whatever it was used for
 * before. A program may copy bytes that it has never written: a realloc of a half filled array does. Such a copy must
 * not make a live piece look like a free one. Threads allocate, resize and free pieces of all sizes, blocks and pages,
 * also those of other threads. They search all memory that they get for addresses of descriptors.
 *
 * A second part tests the same from outside: a program moves unwritten contents about, and its pieces are still known
 * as live.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "memory/mark.h"

enum { SLOTS = 3000, THREADS = 3, STEPS = 60000, PHASES = 12 };

static void *_Atomic slots[SLOTS];

static void search(void *piece, size_t size) {
    uintptr_t first = (uintptr_t)window.table;
    uintptr_t span = load_relaxed(&window.mask) + sizeof(struct unit);
    uintptr_t *words = piece;
    for (size_t i = 0; i < size / sizeof *words; i++)
        CHECK_MSG(words[i] - first >= span, "word %zu of %zu bytes at %p is a mark: %#" PRIxPTR, i, size, piece,
                  words[i]);
}

/* Each thread prefers other sizes in each phase, so that memory goes from one size to another. */
static void *take(random_source *random, unsigned phase) {
    size_t size = (size_t)16 << (phase + random_below(random, 3)) % 14;
    size += random_below(random, size);
    void *piece = random_below(random, 8) ? brainmm_alloc(size)
                                          : brainmm_alloc_aligned((size_t)32 << random_below(random, 11), size);
    CHECK(piece != NULL);
    return piece;
}

static void worker_runs(void *number) {
    random_source random = {(uintptr_t)number};
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned phase = step / (STEPS / PHASES);
        void *mine = NULL;
        if (random_below(&random, 100) < 48 + (step / 1000) % 8) { /* fills the slots, then empties them */
            mine = take(&random, phase);
            search(mine, brainmm_usable_size(mine));
        }
        void *old = atomic_exchange(&slots[random_below(&random, SLOTS)], mine);
        CHECK_MSG(brainmm_free(old) == BRAINMM_OK, "a live piece was not freed");
        if (step % 200 == 0) {
            void *block = brainmm_block_get(step % 400 ? 4 * KIB : 64 * KIB, BRAINMM_USER);
            search(block, step % 400 ? 4 * KIB : 64 * KIB);
            CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK);
            void *pages = brainmm_pages_get(40, BRAINMM_USER);
            search(pages, 40 * BRAINMM_PAGE_SIZE);
            pages = brainmm_pages_reget(pages, 100, BRAINMM_USER);
            search(pages, 100 * BRAINMM_PAGE_SIZE);
            CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
        }
        if (step % 20000 == 0)
            brainmm_thread_heap_minimize();
    }
}

static void empty_slots(void) {
    for (unsigned i = 0; i < SLOTS; i++)
        CHECK(brainmm_free(atomic_exchange(&slots[i], NULL)) == BRAINMM_OK);
}

/* BYTES in pieces of SIZE are freed and pieces of NEXT_SIZE take their place. The program moves what it finds in each
 * to the beginning of the piece. */
static void move_what_is_found(size_t size, size_t next_size, size_t bytes) {
    static void *pieces[65536];
    for (size_t i = 0; i < bytes / size; i++)
        CHECK((pieces[i] = brainmm_alloc(size)) != NULL);
    for (size_t i = 0; i < bytes / size; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    size_t count = bytes / next_size, distance = size < next_size ? size : next_size / 2;
    for (size_t i = 0; i < count; i++) {
        CHECK((pieces[i] = brainmm_alloc(next_size)) != NULL);
        search(pieces[i], brainmm_usable_size(pieces[i]));
        memmove(pieces[i], (char *)pieces[i] + distance, next_size - distance);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_MSG(brainmm_usable_size(pieces[i]) >= next_size, "a live piece of %zu bytes looks free", next_size);
        CHECK_MSG(brainmm_free(pieces[i]) == BRAINMM_OK, "a live piece of %zu bytes was not freed", next_size);
        CHECK(brainmm_free(pieces[i]) != BRAINMM_OK);
    }
}

/* Large slabs are freed. Some units of a slab become part of a block and some do not, because blocks have another
 * alignment than slabs. */
static void units_go_different_ways(void) {
    enum { PIECES = 300, BLOCKS = 30, SHIFTS = 4, SIZE = 30000 };
    static void *pieces[PIECES], *blocks[BLOCKS], *shifts[SHIFTS];
    for (unsigned shift = 0; shift < SHIFTS; shift++) {
        CHECK((shifts[shift] = brainmm_pages_get(1, BRAINMM_USER)) != NULL);
        for (unsigned i = 0; i < PIECES; i++)
            CHECK((pieces[i] = brainmm_alloc(SIZE)) != NULL);
        for (unsigned i = 0; i < PIECES; i++)
            CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
        for (unsigned i = 0; i < BLOCKS; i++) {
            CHECK((blocks[i] = brainmm_block_get(256 * KIB, BRAINMM_USER)) != NULL);
            search(blocks[i], 256 * KIB);
        }
        for (unsigned i = 0; i < BLOCKS; i++)
            CHECK(brainmm_block_free(blocks[i], BRAINMM_USER) == BRAINMM_OK);
    }
    for (unsigned shift = 0; shift < SHIFTS; shift++)
        CHECK(brainmm_pages_free(shifts[shift], BRAINMM_USER) == BRAINMM_OK);
}

int main(void) {
    units_go_different_ways();
    for (size_t size = 16; size <= 128; size += 16)
        for (size_t next = size + 16; next <= 1024; next += 48)
            move_what_is_found(size, next, 4 * UNIT_SIZE);
    static const size_t beyond_caches[][2] = {
        {10000, 256}, {10000, 40000}, {256, 200000}, {30000, 1000}, {300, 300000}};
    for (unsigned i = 0; i < sizeof beyond_caches / sizeof beyond_caches[0]; i++)
        move_what_is_found(beyond_caches[i][0], beyond_caches[i][1], 16 * MIB);
    for (unsigned round = 0; round < 2; round++) {
        thread workers[THREADS];
        for (unsigned i = 0; i < THREADS; i++)
            thread_start(&workers[i], worker_runs, (void *)(uintptr_t)(round * THREADS + i + 1));
        for (unsigned i = 0; i < THREADS; i++)
            thread_join(&workers[i]);
        empty_slots();
    }
    return TEST_PASSED;
}
