/* SPDX-License-Identifier: MIT */
/* keys_taken.c: the program has taken all of the system's keys for data of threads. The heap notices the ends of threads
 * all the same: their heaps pass to new threads, and do not become more.
 */
#include "heap_support.h"

#include "brainmm.h"

enum { THREADS = 200 };

static void thread_allocates(void *unused) {
    (void)unused;
    void *piece = brainmm_alloc(100);
    CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
    brainmm_thread_done();
    CHECK(brainmm_free(brainmm_alloc(100)) == BRAINMM_OK); /* and again, as a thread that starts over */
}

int main(void) {
    pthread_key_t key;
    brainmm_stats stats = {.struct_size = sizeof stats};
    unsigned taken = 0;
    watchdog_start(50);
    while (pthread_key_create(&key, NULL) == 0)
        taken++;
    CHECK(taken > 0);
    for (unsigned i = 0; i < THREADS; i++) {
        thread t;
        thread_start(&t, thread_allocates, NULL);
        thread_join(&t);
    }
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    CHECK_MSG(stats.heaps <= 3, "%u heaps after %d threads, one at a time", (unsigned)stats.heaps, THREADS);
    return TEST_PASSED;
}
