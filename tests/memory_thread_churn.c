/* SPDX-License-Identifier: MIT */
/* memory_thread_churn.c: threads leave no memory behind when they end. 20,000 short threads run one after another. Each
 * allocates, frees most of it and passes the rest on to the next one, which frees it. The resident set may grow by at
 * most 256 KiB after the first tenth. On Windows there are 6,000, because Wine takes ten times as long for a thread.
 *
 * On Windows thread creation itself may cost resident memory, and under Wine it costs much. If the bound does not hold
 * there, the same program with HeapAlloc, in a process of its own, must not grow less, apart from the measuring error.
 */
#include "heap_support.h"

#include "brainmm.h"

#if defined(_WIN32)
enum { THREADS = 6000 };
#else
enum { THREADS = 20000 };
#endif
enum { SETTLED = THREADS / 10, PIECES = 120, PASSED_ON = 12, KINDS = 50 };
#define GROWTH_LIMIT (256 * KIB)
#define NOISE (64 * KIB)

static void *(*allocate)(size_t size);
static void (*release)(void *piece);
static void *passed_on[PASSED_ON];

static void *heap_allocate(size_t size) { return brainmm_alloc(size); }

static void heap_release(void *piece) { CHECK(brainmm_free(piece) == BRAINMM_OK); }

/* The sizes repeat every KINDS threads. So the demand of the busiest thread is met long before thread SETTLED, and
 * later growth is a leak. */
static void one_thread(void *number) {
    random_source choice = {(uintptr_t)number % KINDS};
    void *pieces[PIECES];
    for (unsigned i = 0; i < PIECES; i++) {
        size_t size = (size_t)16 << random_below(&choice, 8);
        pieces[i] = allocate(size + random_below(&choice, size));
        CHECK(pieces[i] != NULL);
        *(unsigned char *)pieces[i] = 1;
    }
    for (unsigned i = 0; i < PASSED_ON; i++) /* from the previous thread, which has ended */
        release(passed_on[i]);
    for (unsigned i = 0; i < PIECES; i++) {
        if (i % (PIECES / PASSED_ON) == 0)
            passed_on[i / (PIECES / PASSED_ON)] = pieces[i];
        else
            release(pieces[i]);
    }
}

static size_t churn(void) {
    size_t before = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        thread t;
        if (i == SETTLED)
            before = resident_bytes();
        thread_start(&t, one_thread, (void *)(uintptr_t)i);
        thread_join(&t);
    }
    return resident_growth(before);
}

#if defined(_WIN32)
static void *system_allocate(size_t size) { return HeapAlloc(GetProcessHeap(), 0, size); }

static void system_release(void *piece) { CHECK(HeapFree(GetProcessHeap(), 0, piece)); }
#endif

int main(int argc, char **argv) {
    (void)argc, (void)argv;
#if defined(_WIN32)
    if (argc > 1) {
        allocate = system_allocate;
        release = system_release;
        for (unsigned i = 0; i < PASSED_ON; i++)
            passed_on[i] = allocate(10);
        return (int)(churn() / KIB); /* the exit code is the figure */
    }
#endif
    allocate = heap_allocate;
    release = heap_release;
    size_t growth = churn(), limit = GROWTH_LIMIT;
#if defined(_WIN32)
    if (growth > limit) {
        int64_t with_system_heap = run_again(argv[0], "HeapAlloc", 200);
        CHECK(with_system_heap >= 0);
        limit = (size_t)with_system_heap * KIB + NOISE;
    }
#endif
    printf("growth from thread %d to %d: %zu KiB, allowed %zu KiB\n", SETTLED, THREADS, growth / KIB, limit / KIB);
    return growth <= limit ? TEST_PASSED : TEST_FAILED;
}
