/* SPDX-License-Identifier: MIT */
/* idle.c: workloads about what threads keep that have nothing to do, as the pools of servers have many. Each thread
 * uses some sizes once, frees all and waits. The figures are resident memory, which the workloads report themselves:
 *
 *     before_kib     before the first thread
 *     living_kib     while all threads wait
 *     ended_kib      when all have ended
 *     later_kib      after 1,000 more calls, spread over a second, for large pieces, which no thread has a list of
 *     used, calls    the seconds until all threads wait, and those inside the 1,000 calls
 *
 * The number of threads is the figure's own, whatever the DIVISOR is: what all keep together must stand out from what
 * the process has anyway. */
#include "workload.h"
#include <stdatomic.h>
#include <stdbool.h>

enum { MOST_THREADS = 500, MOST_SIZES = 200, STACK = 256 << 10, STEP = 60 };

static struct {
    unsigned threads, sizes;
    atomic_uint waiting;
    double all_wait; /* the time since when all threads wait */
    atomic_bool end;
} idle;

static void use_and_wait(void *argument) {
    void *pieces[MOST_SIZES];
    (void)argument;
    for (unsigned i = 0; i < idle.sizes; i++) {
        pieces[i] = stamped_alloc(16 + i * STEP);
        memset((char *)pieces[i] + 8, 1, i * STEP);
    }
    for (unsigned i = 0; i < idle.sizes; i++) {
        stamped_free(pieces[i], 16 + i * STEP);
    }
    double now = seconds_now();
    if (atomic_fetch_add(&idle.waiting, 1) + 1 == idle.threads) {
        idle.all_wait = now;
        atomic_fetch_add(&idle.waiting, 1);
    }
    while (!atomic_load(&idle.end)) {
        thread_sleep(50);
    }
}

static double spread_calls(void) {
    enum { CALLS = 1000, AT_ONCE = 10, PAUSE_MS = 10, SIZE = 100000 };
    double seconds = 0;
    for (size_t call = 0; call < CALLS;) {
        double start = seconds_now();
        for (size_t last = call + AT_ONCE; call < last; call++) {
            stamped_free(stamped_alloc(SIZE + call), SIZE + call);
        }
        seconds += seconds_now() - start;
        thread_sleep(PAUSE_MS);
    }
    return seconds;
}

static void keep_idle(unsigned threads, unsigned sizes) {
    static thread_handle handles[MOST_THREADS];
    idle.threads = threads;
    idle.sizes = sizes;
    workload_report_kib("before_kib", resident_kib());
    double start = seconds_now();
    for (unsigned i = 0; i < threads; i++) {
        handles[i] = thread_start_sized(use_and_wait, NULL, STACK);
    }
    while (atomic_load(&idle.waiting) <= threads) {
        thread_sleep(10);
    }
    workload_report_kib("living_kib", resident_kib());
    workload_report_seconds("used", idle.all_wait - start);
    atomic_store(&idle.end, true);
    for (unsigned i = 0; i < threads; i++) {
        thread_join(handles[i]);
    }
    workload_report_kib("ended_kib", resident_kib());
    double seconds = spread_calls();
    workload_report_kib("later_kib", resident_kib());
    workload_report_seconds("calls", seconds);
}

/* 300 threads have used 200 sizes up to 12 KB. */
static void idle_threads(unsigned threads) {
    (void)threads;
    keep_idle(300, 200);
}

/* 500 threads have used 24 sizes up to 1.4 KB beside 272 MiB of small pieces. A heap of that size may treat memory more
 * generously. */
static void idle_large_heap(unsigned threads) {
    enum { PIECE = 1000, COUNT = (272 << 20) / PIECE };
    (void)threads;
    void **pieces = piece_alloc(COUNT * sizeof *pieces);
    if (!pieces) {
        workload_fail("out of memory");
    }
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = stamped_alloc(PIECE);
        memset((char *)pieces[i] + 8, 1, PIECE - 16);
    }
    keep_idle(500, 24);
    for (size_t i = 0; i < COUNT; i++) {
        stamped_free(pieces[i], PIECE);
    }
    piece_free(pieces);
}

const struct workload idle_workloads[] = {
    {"idle-threads", idle_threads},
    {"idle-large-heap", idle_large_heap},
    {NULL, NULL},
};
