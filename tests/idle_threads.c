/* SPDX-License-Identifier: MIT */
/* idle_threads.c: a thread that waits keeps little of what it has freed, and a thread that has ended keeps nothing once
 * its heap is old. 300 threads take and free pieces of 200 sizes each, then wait together, then end.
 *
 * White box: linked with the static core, for it makes orphans old itself. The clock stands still, so nobody else does.
 */
#include "heap_clock.h"
#include "heap_whole.h"

#include "brainmm.h"
#include "slab/collect.h"
#include "slab/thread_heap.h"

enum { THREADS = 300, SIZES = 200, HELD = 3 };
#define EACH_MOST (400 * KIB) /* of a thread that waits */
#define AFTER_MOST (2 * MIB)

static int ready;
static event stop;
static void *held[HELD];

static void use_sizes(void *unused) {
    void *pieces[SIZES];
    (void)unused;
    for (unsigned i = 0; i < SIZES; i++) {
        CHECK((pieces[i] = brainmm_alloc(16 + i * 60)) != NULL);
        memset(pieces[i], 1, 16 + i * 60);
    }
    for (unsigned i = 0; i < SIZES; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

static void wait_only(void *unused) {
    (void)unused;
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE); /* with main's acquire */
    CHECK(event_wait(&stop, 100000));
}

static void wait_idle(void *unused) {
    use_sizes(unused);
    wait_only(unused);
}

static void leave_some(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < HELD; i++) {
        CHECK((held[i] = brainmm_alloc(100 + i * 3000)) != NULL);
        memset(held[i], 1, 100);
    }
    use_sizes(NULL);
}

/* What the heap holds for slabs in which nothing is live. */
static size_t free_bytes(void) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    return (size_t)stats.free_bytes;
}

static unsigned orphans(void) {
    struct thread_heap_tops tops;
    unsigned count = 0;
    thread_heap_tops(&tops);
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t number = tops.orphans[i]; number; count++)
            number = load_relaxed(&thread_heap_from_number(number)->next);
    return count;
}

static thread threads[THREADS];

static void end_all(void) {
    event_raise(&stop);
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
}

/* Starts the threads. Returns by how much resident memory has grown when all wait. */
static size_t start_all(void (*run)(void *)) {
    ready = stop.raised = 0;
    size_t before = resident_bytes();
    for (unsigned i = 0; i < THREADS; i++)
        thread_start(&threads[i], run, NULL);
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < THREADS)
        sleep_ms(10);
    brainmm_thread_heap_minimize(); /* what the caches hold is no thread's */
    return resident_growth(before);
}

/* A thread has a stack, and under Wine as much again. So threads that do nothing are measured first. */
static void many_threads(void) {
    size_t free_before = free_bytes(), resident_without = start_all(wait_only);
    end_all();
    size_t resident = start_all(wait_idle), kept = (free_bytes() - free_before) / THREADS;
    resident = (resident > resident_without ? resident - resident_without : 0) / THREADS;
    printf("a waiting thread: %zu KiB resident, %zu KiB of slabs\n", resident / KIB, kept / KIB);
    CHECK(kept <= EACH_MOST);
    if (!UNDER_SANITIZER)
        CHECK(resident <= EACH_MOST);
    end_all();
    heap_is_whole("the threads' end");
    CHECK(orphans() == THREADS);
    slab_disband_old_orphans();
    CHECK(orphans() == THREADS); /* they are young */
    slab_disband_old_orphans();
    CHECK(orphans() == 0);
    heap_is_whole("their heaps' end");
    printf("after their end: %zu KiB of slabs\n", free_bytes() / KIB);
    CHECK(free_bytes() <= free_before + AFTER_MOST);
}

/* A young orphan is taken over whole, and is young again when that thread has ended. What others hold of an old one's
 * stays, and goes with its last piece. */
static void one_thread(void) {
    thread t;
    slab_disband_old_orphans();
    size_t free_before = free_bytes();
    for (unsigned round = 0; round < 5; round++) {
        thread_start(&t, leave_some, NULL);
        thread_join(&t);
        CHECK(orphans() == 1);
        if (round < 4)
            for (unsigned i = 0; i < HELD; i++)
                CHECK(brainmm_free(held[i]) == BRAINMM_OK);
        slab_disband_old_orphans();
        CHECK(orphans() == 1);
    }
    slab_disband_old_orphans();
    CHECK(orphans() == 0);
    heap_is_whole("the last heap's end");
    for (unsigned i = 0; i < HELD; i++) {
        CHECK(*(unsigned char *)held[i] == 1 && ((unsigned char *)held[i])[99] == 1);
        CHECK(brainmm_free(held[i]) == BRAINMM_OK);
    }
    brainmm_free(brainmm_alloc(10)); /* the main thread sends what it has freed */
    brainmm_thread_heap_minimize();
    slab_disband_old_orphans();
    CHECK(free_bytes() <= free_before);
    heap_is_whole("the last pieces' end");
}

int main(void) {
    if (under_valgrind())
        test_skip("300 threads take minutes under valgrind");
    watchdog_start(100);
    brainmm_free(brainmm_alloc(10));
    brainmm_thread_heap_minimize();
    many_threads();
    one_thread();
    return TEST_PASSED;
}
