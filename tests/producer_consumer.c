/* SPDX-License-Identifier: MIT */
/* producer_consumer.c: some threads only allocate and others only free. All contents arrive whole. Memory that other
 * threads free is used again, so that the process needs little more than what is live. This holds when the producers
 * end first, when the consumers end first, and when pieces wander in a ring through all threads.
 */
#include "heap_support.h"

#include "brainmm.h"

enum { PAIRS = 3, RING = 256, PIECES = UNDER_SANITIZER ? 40000 : 150000 };

/* A bounded queue of many writers and many readers. A spin lock of the test's own keeps it simple. */
static struct {
    int lock;
    void *slots[RING];
    unsigned count;
} queue;

static bool queue_try(bool put, void **piece) {
    while (__atomic_exchange_n(&queue.lock, 1, __ATOMIC_ACQUIRE)) /* pairs with the release below */
        thread_yield();
    bool possible = put ? queue.count < RING : queue.count > 0;
    if (possible && put)
        queue.slots[queue.count++] = *piece;
    else if (possible)
        *piece = queue.slots[--queue.count];
    __atomic_store_n(&queue.lock, 0, __ATOMIC_RELEASE);
    return possible;
}

struct header { /* at the start of each piece */
    size_t size;
    uint64_t seed;
};

static void *make(random_source *random) {
    size_t size = sizeof(struct header) + random_below(random, (size_t)1 << (4 + random_below(random, 12)));
    struct header *piece = random_next(random) % 8 ? brainmm_alloc(size) : brainmm_alloc_aligned(256, size);
    CHECK(piece != NULL);
    piece->size = size;
    piece->seed = random_next(random) >> 32;
    pattern_fill(piece + 1, size - sizeof *piece, piece->seed);
    return piece;
}

static void verify(const struct header *piece) {
    CHECK(brainmm_usable_size(piece) >= piece->size);
    CHECK(pattern_holds(piece + 1, piece->size - sizeof *piece, piece->seed));
}

static void producer_runs(void *seed) {
    random_source random = {(uintptr_t)seed};
    for (unsigned i = 0; i < PIECES; i++) {
        void *piece = make(&random);
        while (!queue_try(true, &piece))
            thread_yield();
    }
}

static void consumer_runs(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < PIECES; i++) {
        void *piece;
        while (!queue_try(false, &piece))
            thread_yield();
        verify(piece);
        CHECK(brainmm_free(piece) == BRAINMM_OK);
    }
}

static void all_pairs(void) {
    thread producers[PAIRS], consumers[PAIRS];
    for (unsigned i = 0; i < PAIRS; i++) {
        thread_start(&producers[i], producer_runs, (void *)(uintptr_t)(i + 1));
        thread_start(&consumers[i], consumer_runs, NULL);
    }
    for (unsigned i = 0; i < PAIRS; i++) {
        thread_join(&producers[i]);
        thread_join(&consumers[i]);
    }
}

/* Each thread takes any piece, resizes or replaces it, and puts it back. So one thread allocates a piece, another grows
 * it and a third frees it. */
static void wanderer_runs(void *seed) {
    random_source random = {(uintptr_t)seed};
    for (unsigned i = 0; i < PIECES / 2; i++) {
        void *taken;
        if (!queue_try(false, &taken)) {
            taken = make(&random);
        } else if (i % 2) {
            struct header *piece = taken;
            verify(piece);
            size_t size = sizeof *piece + random_below(&random, 40000), kept = size < piece->size ? size : piece->size;
            piece = brainmm_realloc(piece, size);
            CHECK(piece != NULL);
            CHECK(pattern_holds(piece + 1, kept - sizeof *piece, piece->seed));
            piece->size = size;
            pattern_fill(piece + 1, size - sizeof *piece, piece->seed);
            taken = piece;
        }
        if (!queue_try(true, &taken)) {
            verify(taken);
            CHECK(brainmm_free(taken) == BRAINMM_OK);
        }
    }
}

int main(void) {
    watchdog_start(300);
    all_pairs(); /* allocates what the second round needs, too */
    brainmm_thread_heap_minimize();
    size_t before = resident_bytes();
    all_pairs();
    size_t growth = resident_growth(before);
    printf("second round: %zu KiB more\n", growth / KIB);
    /* RING pieces of at most 32 KiB are live at any time, and far fewer of the large ones */
    CHECK_MSG(UNDER_SANITIZER || under_valgrind() || growth < 32 * MIB, "%zu KiB", growth / KIB);
    thread wanderers[4];
    for (unsigned i = 0; i < 4; i++)
        thread_start(&wanderers[i], wanderer_runs, (void *)(uintptr_t)(100 + i));
    for (unsigned i = 0; i < 4; i++)
        thread_join(&wanderers[i]);
    void *left;
    while (queue_try(false, &left)) {
        verify(left);
        CHECK(brainmm_free(left) == BRAINMM_OK);
    }
    return TEST_PASSED;
}
