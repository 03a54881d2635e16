/* SPDX-License-Identifier: MIT */
/* thread_killed.c: threads end without any destructor or exit hook: by TerminateThread on Windows, by the exit system
 * call itself on Linux. Other threads can read, resize and free what these threads owned. Pieces that others have freed
 * are not lost. If a thread vanishes while it holds every lock of the library, the others can still go on.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "heap_locks.h"

enum { ROUNDS = 60, PIECES = 300, WORKERS = 3 };

static unsigned char *left_behind[PIECES];
static event stop;

static size_t piece_size(unsigned i) { return 16 + (size_t)i * i % 3000; }

_Noreturn static void vanish(void) {
#if defined(_WIN32)
    TerminateThread(GetCurrentThread(), 0);
#else
    syscall(SYS_exit, 0);
#endif
    abort(); /* neither returns */
}

static void prepare(void) {
    for (unsigned i = 0; i < PIECES; i++) {
        left_behind[i] = brainmm_alloc(piece_size(i));
        CHECK(left_behind[i] != NULL);
        pattern_fill(left_behind[i], piece_size(i), i);
    }
}

static void vanishing_thread(void *unused) {
    (void)unused;
    prepare();
    vanish();
}

static void vanishing_with_all_locks(void *unused) {
    (void)unused;
    prepare();
    heap_lock_all();
    vanish();
}

/* Uses pieces of all sizes, blocks and pages. */
static void worker_runs(void *seed) {
    random_source random = {(uintptr_t)seed};
    unsigned char *live[50] = {NULL};
    for (unsigned i = 0; !event_is_raised(&stop); i++) {
        unsigned k = (unsigned)random_below(&random, 50);
        CHECK(brainmm_free(live[k]) == BRAINMM_OK);
        live[k] = brainmm_alloc(random_below(&random, (size_t)1 << (4 + random_below(&random, 18))));
        CHECK(live[k] != NULL);
        if (i % 50 == 0) {
            void *block = brainmm_block_get(64 * KIB, BRAINMM_USER), *pages = brainmm_pages_get(2, BRAINMM_USER);
            CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK);
            CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
        }
    }
    for (unsigned k = 0; k < 50; k++)
        CHECK(brainmm_free(live[k]) == BRAINMM_OK);
}

static void resize_and_free_what_was_left(void) {
    for (unsigned i = 0; i < PIECES; i++) {
        CHECK(pattern_holds(left_behind[i], piece_size(i), i));
        if (i % 3 == 0) {
            left_behind[i] = brainmm_realloc(left_behind[i], piece_size(i) * 2);
            CHECK(left_behind[i] != NULL && pattern_holds(left_behind[i], piece_size(i), i));
        }
        CHECK(brainmm_free(left_behind[i]) == BRAINMM_OK);
    }
}

#if defined(_WIN32)
static event prepared;

/* Wine keeps locks of its own in the process, and a killed thread never releases them. So under Wine a victim may be
 * killed in the heap only, not in a call of the system. Windows has no such limit. */
static bool under_wine(void) { return GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") != NULL; }

/* Is killed by another thread at any instruction. Only Windows can do that. */
static void victim_runs(void *seed) {
    random_source random = {(uintptr_t)seed};
    unsigned char *live[50] = {NULL};
    unsigned exponents = under_wine() ? 9 : 18;
    for (unsigned i = 0;; i++) {
        unsigned k = (unsigned)random_below(&random, 50);
        brainmm_free(live[k]);
        live[k] = brainmm_alloc(random_below(&random, (size_t)1 << (4 + random_below(&random, exponents))));
        if (i == 20000) /* by now it has all the memory from the system that it needs */
            event_raise(&prepared);
    }
}

static void kill_threads_anywhere(void) {
    for (unsigned i = 0; i < ROUNDS; i++) {
        thread victim;
        prepared.raised = 0;
        thread_start(&victim, victim_runs, (void *)(uintptr_t)i);
        CHECK(event_wait(&prepared, 10000));
        sleep_ms(i % 5);
        CHECK(TerminateThread(victim.handle, 0));
        thread_join(&victim);
        void *block = brainmm_block_get(256 * KIB, BRAINMM_USER), *large = brainmm_alloc(3 * MIB);
        CHECK(block != NULL && large != NULL);
        CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK && brainmm_free(large) == BRAINMM_OK);
    }
}
#endif

int main(void) {
    thread workers[WORKERS], vanishing;
    watchdog_start(120);
#if defined(_WIN32)
    kill_threads_anywhere(); /* before the workers start: it would wait in the system for their locks */
#endif
    for (unsigned i = 0; i < WORKERS; i++)
        thread_start(&workers[i], worker_runs, (void *)(uintptr_t)(i + 1));
    for (unsigned i = 0; i < ROUNDS; i++) {
        thread_start(&vanishing, vanishing_thread, NULL);
        thread_join(&vanishing);
        resize_and_free_what_was_left();
    }
    for (unsigned i = 0; i < 3; i++) {
        thread_start(&vanishing, vanishing_with_all_locks, NULL);
        thread_join(&vanishing);
        resize_and_free_what_was_left();
        void *large = brainmm_alloc(20 * MIB);
        CHECK(large != NULL && brainmm_free(large) == BRAINMM_OK);
        brainmm_thread_heap_minimize();
    }
    event_raise(&stop);
    for (unsigned i = 0; i < WORKERS; i++)
        thread_join(&workers[i]);
    return TEST_PASSED;
}
