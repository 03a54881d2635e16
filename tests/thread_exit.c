/* SPDX-License-Identifier: MIT */
/* thread_exit.c: threads end while the heap is busy. Waves of threads allocate and free each other's pieces through a
 * shared table. They end at arbitrary moments, while some of their pieces are live and other threads free some.
 * Contents are checked at each free, and memory must not grow from wave to wave.
 */
#include "heap_support.h"

#include "brainmm.h"

enum { THREADS = 8, WAVES = UNDER_SANITIZER ? 20 : 60, TABLE = 1024, STEPS = 4000 };

struct header {
    size_t size;
    uint64_t seed;
};

static struct header *table[TABLE]; /* pieces of any thread, taken and put by any thread with an atomic exchange */

static void verify_and_free(struct header *piece) {
    if (piece) {
        CHECK(pattern_holds(piece + 1, piece->size - sizeof *piece, piece->seed));
        CHECK(brainmm_free(piece) == BRAINMM_OK);
    }
}

static void thread_runs(void *seed) {
    random_source random = {(uintptr_t)seed};
    unsigned steps = (unsigned)random_below(&random, STEPS); /* so that ends and starts of threads overlap */
    for (unsigned i = 0; i < steps; i++) {
        size_t size = sizeof(struct header) + random_below(&random, (size_t)1 << (4 + random_below(&random, 13)));
        struct header *piece = brainmm_alloc(size);
        CHECK(piece != NULL);
        piece->size = size;
        piece->seed = random_next(&random) >> 32;
        pattern_fill(piece + 1, size - sizeof *piece, piece->seed);
        /* acquire for the contents of the piece that comes out, release for those of the one that goes in */
        verify_and_free(__atomic_exchange_n(&table[random_below(&random, TABLE)], piece, __ATOMIC_ACQ_REL));
    }
    if (steps % 3 == 0)
        brainmm_thread_done(); /* first the announced end, then the real one */
}

int main(void) {
    thread threads[THREADS];
    size_t after_a_third = 0;
    watchdog_start(300);
    /* thread i of wave n ends before thread i of wave n + 1 begins; the other threads are at any point */
    for (unsigned wave = 0; wave < WAVES; wave++)
        for (unsigned i = 0; i < THREADS; i++) {
            if (wave > 0)
                thread_join(&threads[i]);
            if (wave == WAVES / 3 && i == 0)
                after_a_third = resident_bytes();
            thread_start(&threads[i], thread_runs, (void *)(uintptr_t)(wave * THREADS + i + 1));
        }
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    brainmm_thread_heap_minimize(); /* idle memory stays for a second or two, and is no growth */
    size_t growth = resident_growth(after_a_third);
    printf("growth after a third of the waves: %zu KiB\n", growth / KIB);
    CHECK_MSG(UNDER_SANITIZER || under_valgrind() || growth < 32 * MIB, "%zu KiB", growth / KIB);
    for (unsigned i = 0; i < TABLE; i++)
        verify_and_free(table[i]);
    return TEST_PASSED;
}
