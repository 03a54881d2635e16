/* SPDX-License-Identifier: MIT */
/* no_lock.c: the heap takes no lock for pieces, pages and blocks of up to 4 MiB in a steady state, whatever multiple of
 * up to 32 KiB a piece is to be at. One thread holds
 * every lock of the library. Two others allocate, free, resize in place, and free each other's pieces. They must
 * finish; the watchdog ends a wait.
 *
 * Steady state means that the same work was done before the locks were taken. To take more memory from the system the
 * heap may lock. To use what it already has it may not. What nobody uses for some ticks of the clock goes back to the
 * system, so the clock stands still. At the end it runs, while a thread frees: a tick waits for no lock either.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "heap_locks.h"
#include "heap_clock.h"
#include "heap_whole.h"

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
    BLOCKS = 8,
    LARGE_BASE = 100000, /* an allocation above 32 KiB that one thread makes and the other frees */
    LARGE_ROUNDS = 400,
    LAST_PIECES = 64 * 20 /* freed while the clock runs: a thread looks at it with each 64th */
};

/* Of each of these sizes a thread has a piece, and pages, at a time; and a block of each of those. */
static const size_t large_sizes[] = {40000,     64 * KIB,  LARGE_BASE, 220000,
                                     256 * KIB, 600 * KIB, 1024 * KIB, sizeof(void *) > 4 ? 4096 * KIB : 700 * KIB};
static const size_t block_sizes[] = {64 * KIB, 256 * KIB, 1024 * KIB, sizeof(void *) > 4 ? 4096 * KIB : 64 * KIB};
enum { LARGE_SIZES = sizeof large_sizes / sizeof *large_sizes, BLOCK_SIZES = sizeof block_sizes / sizeof *block_sizes };

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

static void touch(unsigned char *memory, size_t size) {
    CHECK(memory != NULL);
    memory[0] = memory[size - 1] = 1;
}

static void *page_run_get(size_t size) { return brainmm_pages_get((size + 4095) / 4096, BRAINMM_USER); }

/* Has one of each at a time. A resize within the 64 KiB in which a piece ends leaves it where it is. */
static void work_with_large(void) {
    unsigned char *pieces[LARGE_SIZES], *pages[LARGE_SIZES], *blocks[BLOCK_SIZES];
    for (unsigned i = 0; i < LARGE_SIZES; i++) {
        touch(pieces[i] = brainmm_alloc(large_sizes[i]), large_sizes[i]);
        touch(pages[i] = page_run_get(large_sizes[i]), large_sizes[i]);
    }
    for (unsigned i = 0; i < BLOCK_SIZES; i++) {
        touch(blocks[i] = brainmm_block_get(block_sizes[i], BRAINMM_SYSTEM), block_sizes[i]);
        CHECK(is_aligned(blocks[i], block_sizes[i]));
    }
    for (unsigned i = 0; i < LARGE_SIZES; i++) {
        CHECK(brainmm_realloc(pieces[i], large_sizes[i] - 5000) == pieces[i]);
        CHECK(brainmm_realloc(pieces[i], large_sizes[i]) == pieces[i]);
        CHECK(brainmm_usable_size(pieces[i]) >= large_sizes[i]);
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK && brainmm_pages_free(pages[i], BRAINMM_USER) == BRAINMM_OK);
    }
    for (unsigned i = 0; i < BLOCK_SIZES; i++)
        CHECK(brainmm_block_free(blocks[i], BRAINMM_SYSTEM) == BRAINMM_OK);
}

/* Lets the heap keep what both threads will have, on their way and in their stocks, and what slabs may need. */
static void keep_large(void) {
    static void *pieces[LARGE_SIZES][2 * RING], *blocks[BLOCK_SIZES][2];
    static const unsigned of_each[] = {88, 30, RING + 60, 16, 16, 4, 4, 4};
    for (unsigned i = 0; i < LARGE_SIZES; i++)
        for (unsigned k = 0; k < of_each[i]; k++)
            CHECK((pieces[i][k] = brainmm_alloc(large_sizes[i])) != NULL);
    for (unsigned i = 0; i < BLOCK_SIZES; i++)
        for (unsigned k = 0; k < 2; k++)
            CHECK((blocks[i][k] = brainmm_block_get(block_sizes[i], BRAINMM_SYSTEM)) != NULL);
    for (unsigned i = 0; i < LARGE_SIZES; i++)
        for (unsigned k = 0; k < of_each[i]; k++)
            CHECK(brainmm_free(pieces[i][k]) == BRAINMM_OK);
    for (unsigned i = 0; i < BLOCK_SIZES; i++)
        for (unsigned k = 0; k < 2; k++)
            CHECK(brainmm_block_free(blocks[i][k], BRAINMM_SYSTEM) == BRAINMM_OK);
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

static void *last_pieces[LAST_PIECES];

static void allocate_last_pieces(void) {
    for (unsigned i = 0; i < LAST_PIECES; i++)
        CHECK((last_pieces[i] = brainmm_alloc(60000)) != NULL);
}

static void free_last_pieces(void) {
    for (unsigned i = 0; i < LAST_PIECES; i++) {
        if (i % 32 == 0)
            heap_clock_add(100);
        CHECK(brainmm_free(last_pieces[i]) == BRAINMM_OK);
    }
}

static event warm[2], locked, finished[2], ticked;

static void allocator_runs(void *unused) {
    (void)unused;
    static void *kept[SIZES][ROOM];
    keep_room(kept);
    for (int round = 0; round < 2; round++) {
        for (int again = 0; again < 2 - round; again++) { /* twice to warm up: once is not yet steady */
            work_locally();
            for (unsigned i = 0; i < REMOTE_PIECES; i++) {
                void *piece = i % 8 == 0 ? brainmm_alloc(LARGE_BASE) : take(i % SIZES);
                CHECK(piece != NULL);
                *(unsigned char *)piece = 1;
                ring_put(piece);
            }
        }
        for (unsigned i = 0; i < 200 * (unsigned)round; i++)
            work_with_blocks(BLOCKS);
        for (unsigned i = 0; i < LARGE_ROUNDS * (unsigned)round; i++)
            work_with_large();
        if (round == 0) {
            work_with_blocks(4 * BLOCKS); /* more than both threads will need at once */
            event_raise(&warm[0]);
            CHECK(event_wait(&locked, 60000));
        }
    }
    event_raise(&finished[0]);
    CHECK(event_wait(&finished[1], 60000));
    free_last_pieces();
    event_raise(&ticked);
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
        for (unsigned i = 0; i < LARGE_ROUNDS * (unsigned)round; i++)
            work_with_large();
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
    allocate_last_pieces();
    thread_start(&allocator, allocator_runs, NULL);
    thread_start(&releaser, releaser_runs, NULL);
    CHECK(event_wait(&warm[0], 60000) && event_wait(&warm[1], 60000));
    keep_large();
    heap_lock_all();
    event_raise(&locked);
    bool allocated = event_wait(&finished[0], 30000), released = event_wait(&finished[1], 30000);
    bool has_ticked = event_wait(&ticked, 30000);
    heap_unlock_all();
    CHECK_MSG(allocated, "the allocating thread waited for a lock");
    CHECK_MSG(released, "the releasing thread waited for a lock");
    CHECK_MSG(has_ticked, "a tick waited for a lock");
    thread_join(&allocator);
    thread_join(&releaser);
    heap_is_whole("all of that");
    return TEST_PASSED;
}
