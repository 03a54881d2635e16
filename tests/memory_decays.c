/* SPDX-License-Identifier: MIT */
/* memory_decays.c: memory follows its use. What a program has freed after a peak goes back to the system within 1,000
 * calls of any thread that are spread over a second, also what waits in the stock of a thread that does nothing, or in
 * the heap of one that has ended. What a program replaces all the time stays.
 *
 * White box: the clock that the heap sees is the test's.
 */
#include "heap_clock.h"
#include "heap_whole.h"

#include "brainmm.h"
#include "memory/unit_cache.h"
#include "slab/thread_heap.h"

enum { LARGE = 400, SMALL = 60000, OTHERS = 3, ENDED = 40, REPLACED = 20, CALLS = 1000 };
#define UNUSED_MOST (3 * MIB) /* what this thread uses itself */

static void *large[LARGE], *small[SMALL];
static event freed[OTHERS], leave;

static brainmm_stats stats_now(void) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    return stats;
}

/* Free memory of all kinds that the system does not have back. */
static size_t unused(void) {
    brainmm_stats stats = stats_now();
    return (size_t)(stats.cached_bytes + stats.free_bytes);
}

static size_t stocked(void) {
    struct thread_heaps_figures heaps;
    thread_heaps_figures(&heaps);
    return heaps.stocked;
}

/* Slow calls, a millisecond of the heap's clock each. */
static void work(unsigned calls) {
    for (unsigned i = 0; i < calls; i++) {
        void *piece = brainmm_alloc(100000);
        CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
        heap_clock_add(1);
    }
}

/* Up to 200 KB; every page is written. */
static void *taken(random_source *random) {
    size_t size = 40000 + random_below(random, 160000);
    unsigned char *piece = brainmm_alloc(size);
    CHECK(piece != NULL);
    for (size_t at = 0; at < size; at += 4096)
        piece[at] = 1;
    return piece;
}

static void peak(void) {
    random_source random = {7};
    for (unsigned i = 0; i < LARGE; i++)
        large[i] = taken(&random);
    for (unsigned i = 0; i < SMALL; i++)
        CHECK((small[i] = brainmm_alloc(600 + i % 300)) != NULL);
    for (unsigned i = 0; i < LARGE; i++)
        CHECK(brainmm_free(large[i]) == BRAINMM_OK);
    for (unsigned i = 0; i < SMALL; i++)
        CHECK(brainmm_free(small[i]) == BRAINMM_OK);
}

static void fill_stock(void *number) {
    void *pieces[8];
    for (unsigned i = 0; i < 8; i++)
        CHECK((pieces[i] = brainmm_alloc(i % 2 ? 60000 : 250000)) != NULL);
    for (unsigned i = 0; i < 8; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    event_raise(&freed[(uintptr_t)number]);
    CHECK(event_wait(&leave, 60000));
}

/* Leaves the slabs of many sizes to its heap. */
static void use_sizes_and_end(void *unused) {
    void *pieces[200];
    (void)unused;
    for (unsigned i = 0; i < 200; i++)
        CHECK((pieces[i] = brainmm_alloc(16 + i * 150)) != NULL);
    for (unsigned i = 0; i < 200; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

static void decays(void) {
    thread others[OTHERS], ended[ENDED];
    for (unsigned i = 0; i < OTHERS; i++) {
        thread_start(&others[i], fill_stock, (void *)(uintptr_t)i);
        CHECK(event_wait(&freed[i], 60000));
    }
    for (unsigned i = 0; i < ENDED; i++)
        thread_start(&ended[i], use_sizes_and_end, NULL);
    for (unsigned i = 0; i < ENDED; i++)
        thread_join(&ended[i]);
    peak();
    size_t resident = resident_bytes(), before = unused();
    CHECK_MSG(before >= 16 * MIB && stocked() >= OTHERS * 10, "%zu bytes, %zu units", before, stocked());
    work(CALLS);
    printf("unused memory: %zu KiB, a second later %zu KiB\n", before / KIB, unused() / KIB);
    CHECK(unused() <= UNUSED_MOST && stocked() <= STOCK_LONGEST * STOCK_DEPTH);
    if (!UNDER_SANITIZER)
        CHECK(resident_bytes() + (before - unused()) / 2 <= resident);
    heap_is_whole("the decay");
    event_raise(&leave);
    for (unsigned i = 0; i < OTHERS; i++)
        thread_join(&others[i]);
}

/* From the second second on nothing goes back. */
static void replacement_stays(void) {
    random_source random = {8};
    void *pieces[REPLACED] = {NULL};
    uint64_t purged = 0;
    for (unsigned i = 0; i < 4 * CALLS; i++) {
        unsigned at = i % REPLACED;
        CHECK(brainmm_free(pieces[at]) == BRAINMM_OK);
        pieces[at] = taken(&random);
        heap_clock_add(1);
        if (i == 2 * CALLS)
            purged = stats_now().purged_bytes;
    }
    uint64_t more = stats_now().purged_bytes - purged;
    printf("replacing pieces: %u KiB went back\n", (unsigned)(more / KIB));
    CHECK(more <= 2 * MIB); /* of 240 MB that were replaced meanwhile */
    for (unsigned i = 0; i < REPLACED; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

int main(void) {
    watchdog_start(100);
    brainmm_free(brainmm_alloc(10));
    decays();
    replacement_stays();
    CHECK(brainmm_thread_heap_minimize() && stocked() == 0 && unit_cache_kept() == 0);
    heap_is_whole("the end");
    return TEST_PASSED;
}
