/* SPDX-License-Identifier: MIT */
/* no_lock.c: the heap takes no lock for pieces up to 32 KiB, also at multiples of up to 32 KiB, and for blocks of
 * 64 KiB in a steady state. One thread holds every lock of the library. Two others allocate, free, and free each
 * other's pieces. They must finish; the watchdog ends a wait.
 *
 * Steady state means that the same work was done before the locks were taken. To take more memory from the system the
 * heap may lock. To use what a thread already has it may not.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "heap_locks.h"

static const size_t sizes[] = {1,    16,   48,   100,  128,  144,   400,   1000,  1024,
                               1040, 1500, 3000, 4096, 8192, 10000, 16384, 20000, 32768};
static const struct {
    size_t alignment, size;
} aligned[] = {{64, 100}, {4096, 512}, {4096, 9000}, {8192, 20000}, {32768, 100}};
enum {
    PLAIN = sizeof sizes / sizeof *sizes,
    SIZES = PLAIN + sizeof aligned / sizeof *aligned,
    LIVE = 32,
    RING = 64,
    LOCAL_ROUNDS = 4000,
    ROOM = 600,
    REMOTE_PIECES = 20000,
    BLOCKS = 8
};

static void *take(size_t k) {
    return k < PLAIN ? brainmm_alloc(sizes[k])
                     : brainmm_alloc_aligned(aligned[k - PLAIN].alignment, aligned[k - PLAIN].size);
}

/* A queue for one writer and one reader. */
static struct {
    void *slots[RING];
    size_t written, read;
} ring;

static void ring_put(void *piece) {
    size_t at = __atomic_load_n(&ring.written, __ATOMIC_RELAXED);
    while (at - __atomic_load_n(&ring.read, __ATOMIC_ACQUIRE) == RING) /* pairs with the release in ring_take */
        thread_yield();
    ring.slots[at % RING] = piece;
    __atomic_store_n(&ring.written, at + 1, __ATOMIC_RELEASE); /* pairs with the acquire in ring_take */
}

static void *ring_take(void) {
    size_t at = __atomic_load_n(&ring.read, __ATOMIC_RELAXED);
    while (__atomic_load_n(&ring.written, __ATOMIC_ACQUIRE) == at)
        thread_yield();
    void *piece = ring.slots[at % RING];
    __atomic_store_n(&ring.read, at + 1, __ATOMIC_RELEASE);
    return piece;
}

static void work_locally(void) {
    void *live[LIVE] = {NULL};
    random_source random = {1};
    for (unsigned i = 0; i < SIZES * LOCAL_ROUNDS; i++) {
        size_t k = random_below(&random, LIVE);
        CHECK(brainmm_free(live[k]) == BRAINMM_OK);
        live[k] = take(i / LOCAL_ROUNDS);
        CHECK(live[k] != NULL);
        *(unsigned char *)live[k] = 1;
    }
    for (unsigned k = 0; k < LIVE; k++)
        CHECK(brainmm_free(live[k]) == BRAINMM_OK);
}

/* Takes COUNT blocks and then frees them. */
static void work_with_blocks(unsigned count) {
    unsigned char *blocks[4 * BLOCKS];
    for (unsigned i = 0; i < count; i++) {
        blocks[i] = brainmm_block_get(64 * KIB, i % 2 ? BRAINMM_USER : BRAINMM_SYSTEM);
        CHECK(blocks[i] != NULL && is_aligned(blocks[i], 64 * KIB));
        *blocks[i] = 1;
    }
    for (unsigned i = 0; i < count; i++)
        CHECK(brainmm_block_free(blocks[i], i % 2 ? BRAINMM_USER : BRAINMM_SYSTEM) == BRAINMM_OK);
}

/* Leaves free room in the slabs of each size. How many pieces are on their way between the threads depends on timing,
 * and they must never need more memory than the thread has. */
static void keep_room(void *kept[SIZES][ROOM]) {
    for (unsigned k = 0; k < SIZES; k++) {
        for (unsigned i = 0; i < ROOM; i++)
            CHECK((kept[k][i] = take(k)) != NULL);
        for (unsigned i = 0; i < ROOM; i++)
            if (i % 4 != 0) {
                CHECK(brainmm_free(kept[k][i]) == BRAINMM_OK);
                kept[k][i] = NULL;
            }
    }
}

static event warm[2], locked, finished[2];

static void allocator_runs(void *unused) {
    (void)unused;
    static void *kept[SIZES][ROOM];
    keep_room(kept);
    for (int round = 0; round < 2; round++) {
        for (int again = 0; again < 2 - round; again++) { /* twice to warm up: once is not yet steady */
            work_locally();
            for (unsigned i = 0; i < REMOTE_PIECES; i++) {
                void *piece = take(i % SIZES);
                CHECK(piece != NULL);
                *(unsigned char *)piece = 1;
                ring_put(piece);
            }
        }
        for (unsigned i = 0; i < 200 * (unsigned)round; i++)
            work_with_blocks(BLOCKS);
        if (round == 0) {
            work_with_blocks(4 * BLOCKS); /* more than both threads will need at once */
            event_raise(&warm[0]);
            CHECK(event_wait(&locked, 60000));
        }
    }
    event_raise(&finished[0]);
}

static void releaser_runs(void *unused) {
    (void)unused;
    static void *kept[SIZES][ROOM];
    keep_room(kept);
    for (int round = 0; round < 2; round++) {
        for (int again = 0; again < 2 - round; again++) {
            for (unsigned i = 0; i < REMOTE_PIECES; i++)
                CHECK(brainmm_free(ring_take()) == BRAINMM_OK);
            work_locally();
        }
        for (unsigned i = 0; i < 200 * (unsigned)round; i++)
            work_with_blocks(BLOCKS);
        if (round == 0) {
            work_with_blocks(4 * BLOCKS);
            event_raise(&warm[1]);
            CHECK(event_wait(&locked, 60000));
        }
    }
    event_raise(&finished[1]);
}

int main(void) {
    thread allocator, releaser;
    watchdog_start(120);
    thread_start(&allocator, allocator_runs, NULL);
    thread_start(&releaser, releaser_runs, NULL);
    CHECK(event_wait(&warm[0], 60000) && event_wait(&warm[1], 60000));
    heap_lock_all();
    event_raise(&locked);
    bool allocated = event_wait(&finished[0], 30000), released = event_wait(&finished[1], 1000);
    heap_unlock_all();
    CHECK_MSG(allocated, "the allocating thread waited for a lock");
    CHECK_MSG(released, "the releasing thread waited for a lock");
    thread_join(&allocator);
    thread_join(&releaser);
    return TEST_PASSED;
}
