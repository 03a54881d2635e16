/* SPDX-License-Identifier: MIT */
/* fork_under_load.c: fork() in a program whose other threads are busy in the heap. The child has only the thread that
 * called fork. It must be able to allocate, resize and free in quantity, to free what other threads own, to start
 * threads and to end. This is repeated many times, and an alarm bounds the time of each child.
 */
#include "heap_support.h"

#include "brainmm.h"

enum { LOADERS = 3, FORKS = 24, INHERITED = 500, CHILD_SECONDS = 20 };

static event stop;
static void *inherited[LOADERS][INHERITED]; /* what each loader owns and the children free */
static event ready[LOADERS];

static size_t any_size(random_source *random) {
    return random_below(random, (size_t)1 << (3 + random_below(random, 19)));
}

/* Uses what takes each lock of the library: small and large memory, blocks, pages, minimize. */
static void load_runs(void *number) {
    unsigned id = (unsigned)(uintptr_t)number;
    random_source random = {id};
    void *live[64] = {NULL};
    for (unsigned i = 0; i < INHERITED; i++) {
        inherited[id][i] = brainmm_alloc(1 + any_size(&random) % 4000);
        CHECK(inherited[id][i] != NULL);
    }
    event_raise(&ready[id]);
    for (unsigned i = 0; !event_is_raised(&stop); i++) {
        unsigned k = (unsigned)random_below(&random, 64);
        if (i % 3 == 0) {
            live[k] = brainmm_realloc(live[k], 1 + any_size(&random));
            CHECK(live[k] != NULL);
        } else {
            CHECK(brainmm_free(live[k]) == BRAINMM_OK);
            live[k] = brainmm_alloc(any_size(&random));
        }
        if (i % 100 == 0) {
            void *block = brainmm_block_get(64 * KIB, BRAINMM_USER), *pages = brainmm_pages_get(3, BRAINMM_SYSTEM);
            CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK);
            CHECK(brainmm_pages_free(pages, BRAINMM_SYSTEM) == BRAINMM_OK);
        }
        if (i % 1000 == 0)
            brainmm_thread_heap_minimize();
    }
    for (unsigned k = 0; k < 64; k++)
        CHECK(brainmm_free(live[k]) == BRAINMM_OK);
}

static void work(void *seed) {
    random_source random = {(uintptr_t)seed};
    static _Thread_local struct {
        unsigned char *piece;
        size_t size;
    } live[100];
    for (unsigned i = 0; i < 3000; i++) {
        unsigned k = (unsigned)random_below(&random, 100);
        size_t size = any_size(&random) / 4;
        if (live[k].piece)
            CHECK(pattern_holds(live[k].piece, live[k].size, k));
        CHECK(brainmm_free(live[k].piece) == BRAINMM_OK);
        live[k].piece = brainmm_alloc(size);
        live[k].size = size;
        CHECK(live[k].piece != NULL);
        pattern_fill(live[k].piece, size, k);
    }
    for (unsigned k = 0; k < 100; k++) {
        CHECK(brainmm_free(live[k].piece) == BRAINMM_OK);
        live[k].piece = NULL; /* a forked child of this thread runs this function again */
    }
}

_Noreturn static void child(unsigned number) {
    alarm(CHILD_SECONDS);
    work((void *)(uintptr_t)number);
    for (unsigned id = 0; id < LOADERS; id++)
        for (unsigned i = number % 2; i < INHERITED; i += 2)
            CHECK(brainmm_free(inherited[id][i]) == BRAINMM_OK);
    void *block = brainmm_block_get(1 * MIB, BRAINMM_USER), *large = brainmm_alloc(5 * MIB);
    CHECK(block != NULL && large != NULL);
    CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK && brainmm_free(large) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    if (number % 4 == 0) {
        thread own[2];
        for (unsigned i = 0; i < 2; i++)
            thread_start(&own[i], work, (void *)(uintptr_t)(number + i));
        for (unsigned i = 0; i < 2; i++)
            thread_join(&own[i]);
    }
    if (number % 8 == 0) { /* the child forks, too */
        int status;
        pid_t grandchild = fork();
        CHECK(grandchild >= 0);
        if (grandchild == 0) {
            work((void *)(uintptr_t)number);
            _exit(TEST_PASSED);
        }
        CHECK(waitpid(grandchild, &status, 0) == grandchild && status == 0);
    }
    exit(TEST_PASSED);
}

int main(void) {
    thread loaders[LOADERS];
    void *kept[200];
    for (unsigned i = 0; i < 200; i++) {
        kept[i] = brainmm_alloc(i * 20);
        pattern_fill(kept[i], i * 20, i);
    }
    for (unsigned i = 0; i < LOADERS; i++)
        thread_start(&loaders[i], load_runs, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < LOADERS; i++)
        CHECK(event_wait(&ready[i], 30000));
    for (unsigned i = 0; i < FORKS; i++) {
        int status;
        pid_t process = fork();
        CHECK(process >= 0);
        if (process == 0)
            child(i);
        CHECK(waitpid(process, &status, 0) == process);
        CHECK_MSG(!WIFSIGNALED(status), "child %u: %s", i, strsignal(WTERMSIG(status)));
        CHECK_MSG(WEXITSTATUS(status) == TEST_PASSED, "child %u: exit code %d", i, WEXITSTATUS(status));
    }
    event_raise(&stop);
    for (unsigned i = 0; i < LOADERS; i++)
        thread_join(&loaders[i]);
    for (unsigned i = 0; i < 200; i++) {
        CHECK(pattern_holds(kept[i], i * 20, i));
        CHECK(brainmm_free(kept[i]) == BRAINMM_OK);
    }
    return TEST_PASSED;
}
