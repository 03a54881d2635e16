/* SPDX-License-Identifier: MIT */
/* process_exit.c: a process ends while its threads are in the heap: by return from main, exit(), exit() in another
 * thread, and _exit(). Each must soon give its exit code, also when exit handlers allocate and free. On Windows the
 * other threads have been killed by then, at arbitrary points, and may have held locks.
 */
#include "heap_support.h"

#include "brainmm.h"

enum { LOADERS = 4, REPEATS = 10, EXIT_CODE = 37, SECONDS = 20 };
static const char *const ways[] = {"return", "exit", "exit-in-thread", "_exit"};
enum { WAYS = sizeof ways / sizeof *ways };

static void load_runs(void *seed) {
    random_source random = {(uintptr_t)seed};
    void *live[50] = {NULL};
    for (unsigned i = 0;; i++) {
        unsigned k = (unsigned)random_below(&random, 50);
        live[k] = brainmm_realloc(live[k], 1 + random_below(&random, (size_t)1 << (4 + random_below(&random, 18))));
        if (i % 20 == 0)
            brainmm_block_free(brainmm_block_get(64 * KIB, BRAINMM_USER), BRAINMM_USER);
        if (i % 500 == 0)
            brainmm_thread_heap_minimize();
    }
}

static void *global_piece;

/* What destructors of global objects do. */
static void at_exit(void) {
    CHECK(brainmm_free(global_piece) == BRAINMM_OK);
    for (size_t size = 1; size < 3 * MIB; size *= 2) {
        void *piece = brainmm_alloc(size);
        /* NULL is allowed if a killed thread held the lock that is needed for more memory; a hang or a crash is not */
        if (piece) {
            void *resized = brainmm_realloc(piece, size * 2);
            CHECK(brainmm_free(resized ? resized : piece) == BRAINMM_OK);
        }
    }
}

static void exiting_thread(void *unused) {
    (void)unused;
    exit(EXIT_CODE);
}

static int end(const char *way) {
    static thread loaders[LOADERS], exiting;
    global_piece = brainmm_alloc(1000);
    if (strcmp(way, "_exit") != 0)
        atexit(at_exit);
    for (unsigned i = 0; i < LOADERS; i++)
        thread_start(&loaders[i], load_runs, (void *)(uintptr_t)(now_ms() + i));
    sleep_ms(20 + (unsigned)(now_ms() % 20));
    if (!strcmp(way, "_exit"))
        _exit(EXIT_CODE);
    if (!strcmp(way, "exit"))
        exit(EXIT_CODE);
    if (!strcmp(way, "exit-in-thread")) {
        thread_start(&exiting, exiting_thread, NULL);
        for (;;)
            sleep_ms(1000);
    }
    return EXIT_CODE;
}

int main(int argc, char **argv) {
    if (argc > 1)
        return end(argv[1]);
    for (unsigned repeat = 0; repeat < REPEATS; repeat++)
        for (unsigned i = 0; i < WAYS; i++) {
            int64_t result = run_again(argv[0], ways[i], SECONDS);
            CHECK_MSG(result == EXIT_CODE, "%s: %s (%" PRId64 ")", ways[i],
                      result == RUN_HUNG      ? "hung"
                      : result == RUN_CRASHED ? "crashed"
                                              : "wrong exit code",
                      result);
        }
    return TEST_PASSED;
}
