/* SPDX-License-Identifier: MIT */
/* workload.h: what the benchmark's own programs share.
 *
 * All workloads are one executable, `workloads NAME [THREADS [DIVISOR]]`. Each run is a process of its own, so that
 * time and peak memory of one do not affect the next. Every workload does a fixed amount of work from a fixed seed, and
 * the figure is its time. Each writes into its pieces and checks the contents before it frees them. So an allocator
 * that hands out overlapping memory fails instead of winning.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "allocate.h"
#include <stdint.h>
#include <string.h>

struct workload {
    const char *name;
    void (*run)(unsigned threads);
};

/* Each list ends with an entry without a name. */
extern const struct workload single_thread_workloads[];
extern const struct workload large_workloads[];
extern const struct workload replace_workloads[];
extern const struct workload sparse_workloads[];
extern const struct workload idle_workloads[];
extern const struct workload multi_thread_workloads[];

/* The steps of this run: FULL divided by DIVISOR, at least one. Slow machines and Wine use a divisor. */
size_t workload_steps(size_t full);

/* Ends the process with a message, because an allocation failed or contents changed. */
_Noreturn void workload_fail(const char *what);

/* Seconds of a monotonic clock. */
double seconds_now(void);

/* Prints a figure that the workload has measured itself. bench/programs.py tells which of them bench/run.py reports. */
void workload_report_seconds(const char *name, double seconds);
void workload_report_kib(const char *name, unsigned long kib);

/* The memory that the process has resident now. */
unsigned long resident_kib(void);

/* ---- Random numbers: splitmix64, a few cycles, the same on every system ---- */

typedef struct random_state {
    uint64_t value;
} random_state;

static inline uint64_t random_next(random_state *state) {
    uint64_t z = state->value += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* A number in 0 ... bound - 1, for bounds far below 2^32. */
static inline size_t random_below(random_state *state, size_t bound) {
    return (size_t)(((random_next(state) >> 32) * bound) >> 32);
}

/* A size from 2^low to 2^high - 1. Each power of two is equally likely, so that small sizes are frequent as in
 * programs. */
static inline size_t random_size(random_state *state, unsigned low, unsigned high) {
    uint64_t bits = random_next(state);
    unsigned power = low + (unsigned)((bits >> 40) % (high - low));
    return ((size_t)1 << power) + ((size_t)bits & (((size_t)1 << power) - 1));
}

/* ---- Stamped pieces: at least 8 bytes, their first and last 8 hold a value made of address and size ---- */

static inline uint64_t stamp_value(const void *piece, size_t size) {
    return ((uint64_t)(uintptr_t)piece ^ (uint64_t)size) * UINT64_C(0x9E3779B97F4A7C15);
}

static inline void stamp_write(void *piece, size_t size) {
    uint64_t value = stamp_value(piece, size);
    memcpy(piece, &value, sizeof value);
    memcpy((char *)piece + size - sizeof value, &value, sizeof value);
}

static inline void stamp_check(const void *piece, size_t size) {
    uint64_t first, last, value = stamp_value(piece, size);
    memcpy(&first, piece, sizeof first);
    memcpy(&last, (const char *)piece + size - sizeof last, sizeof last);
    /* In a piece below 16 bytes the two overlap, and only the one written last is whole. */
    if (last != value || (size >= 16 && first != value)) {
        workload_fail("the contents of a piece have changed");
    }
}

static inline void *stamped_alloc(size_t size) {
    void *piece = piece_alloc(size);
    if (!piece) {
        workload_fail("out of memory");
    }
    stamp_write(piece, size);
    return piece;
}

static inline void stamped_free(void *piece, size_t size) {
    stamp_check(piece, size);
    piece_free(piece);
}

/* ---- Threads ---- */

typedef struct thread *thread_handle;

/* STACK is the size of the thread's stack in bytes, 0 the system's usual size. */
thread_handle thread_start_sized(void (*function)(void *), void *argument, size_t stack);
static inline thread_handle thread_start(void (*function)(void *), void *argument) {
    return thread_start_sized(function, argument, 0);
}
void thread_join(thread_handle thread);
void thread_yield(void);
void thread_sleep(unsigned milliseconds);

#endif
