/* SPDX-License-Identifier: MIT */
/* walk.c: measures brainmm_get_stats, brainmm_walk and brainmm_dump in a heap of a given size.
 *
 *     build/TARGET/bench/walk [MIB]
 *
 * A line for each size of piece has the milliseconds of a call, the best of five, with MIB (100) of live pieces. The
 * text of the dump is discarded.
 */
#include "brainmm.h"
#include <stdio.h>
#include <stdlib.h>
#if defined(_WIN32)
#include <windows.h>
static double now_ms(void) {
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (double)count.QuadPart * 1e3 / (double)frequency.QuadPart;
}
#else
#include <time.h>
static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}
#endif

static int BRAINMM_CALL count(void *context, const brainmm_allocation *allocation) {
    *(uint64_t *)context += allocation->size;
    return 0;
}

static int BRAINMM_CALL drop(void *context, const char *text, size_t length) {
    (void)text;
    *(uint64_t *)context += length;
    return 0;
}

static int call(unsigned what, uint64_t *sum) {
    brainmm_stats stats;
    stats.struct_size = sizeof stats;
    return what == 0   ? brainmm_get_stats(&stats, NULL, 0)
           : what == 1 ? brainmm_walk(count, sum)
                       : brainmm_dump(drop, sum, BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS);
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {16, 64, 256, 1024, 4096, 32768, 1048576};
    size_t total = (size_t)(argc > 1 ? atoi(argv[1]) : 100) << 20;
    printf("%10s %12s %12s %12s   ms, %zu MiB\n", "size", "get_stats", "walk", "dump", total >> 20);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t pieces = total / sizes[s];
        void **all = brainmm_alloc(pieces * sizeof *all);
        for (size_t i = 0; i < pieces; i++)
            if ((all[i] = brainmm_alloc(sizes[s])) == NULL)
                return EXIT_FAILURE;
        printf("%10zu", sizes[s]);
        for (unsigned what = 0; what < 3; what++) {
            double best = 1e9;
            for (unsigned round = 0; round < 5; round++) {
                uint64_t sum = 0;
                double begin = now_ms();
                if (call(what, &sum) != BRAINMM_OK)
                    return EXIT_FAILURE;
                double took = now_ms() - begin;
                best = took < best ? took : best;
            }
            printf(" %12.2f", best);
        }
        printf("\n");
        for (size_t i = 0; i < pieces; i++)
            brainmm_free(all[i]);
        brainmm_free(all);
        brainmm_thread_heap_minimize();
    }
    return EXIT_SUCCESS;
}
