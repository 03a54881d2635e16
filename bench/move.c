/* SPDX-License-Identifier: MIT */
/* move.c: compares brainmm_move_b16 with the C library's memmove, in turns, from 16 bytes to 64 MiB.
 *
 * The place of the target relative to the source matters as much as the length, so each length is moved in four ways.
 * "apart": both at the start of a page. "+16" and "+2064": the target that many bytes further into its page. "down":
 * onto itself, 16 bytes further. A line has the nanoseconds of a move, the best of the rounds, and their ratio.
 *
 *     build/TARGET/bench/move [ROUNDS]
 */
#include "brainmm.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(_WIN32)
#include <windows.h>
static double now_ns(void) {
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (double)count.QuadPart * 1e9 / (double)frequency.QuadPart;
}
#else
#include <time.h>
static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}
#endif

#define MOST ((size_t)64 << 20)
#define MOVED_A_TURN ((size_t)1 << 20) /* bytes; one move if a move is larger */
#define MOVES_A_TURN_MOST 20000u

/* Calls go through pointers, so that the compiler cannot replace them by its own code. */
static void *(*volatile library_move)(void *, const void *, size_t) = memmove;
static int(BRAINMM_CALL *volatile our_move)(void *, const void *, size_t) = brainmm_move_b16;

static double turn(int ours, char *to, const char *from, size_t size) {
    size_t moves = MOVED_A_TURN / size + 1;
    if (moves > MOVES_A_TURN_MOST)
        moves = MOVES_A_TURN_MOST;
    void *(*library)(void *, const void *, size_t) = library_move;
    int(BRAINMM_CALL * our)(void *, const void *, size_t) = our_move;
    double begin = now_ns();
    if (ours)
        for (size_t i = 0; i < moves; i++)
            our(to, from, size / 16);
    else
        for (size_t i = 0; i < moves; i++)
            library(to, from, size);
    return (now_ns() - begin) / (double)moves;
}

static void measure(const char *name, char *to, const char *from, size_t size, unsigned rounds) {
    double best[2] = {0, 0};
    for (unsigned round = 0; round < rounds; round++)
        for (int ours = 0; ours < 2; ours++) {
            double time = turn(ours, to, from, size);
            if (best[ours] == 0 || time < best[ours])
                best[ours] = time;
        }
    printf("%10zu  %-6s %14.1f %14.1f %8.2f\n", size, name, best[0], best[1], best[1] / best[0]);
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {16,   32,   48,   64,    96,    128,    144,      192,      256,      384, 512,
                                   1024, 2048, 4096, 16384, 65536, 262144, 1u << 20, 1u << 22, 1u << 24, MOST};
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 15;
    char *memory = malloc(2 * MOST + 4 * 4096);
    if (rounds == 0 || !memory) {
        fprintf(stderr, "usage: move [ROUNDS]; 128 MiB must be free\n");
        return 1;
    }
    memset(memory, 1, 2 * MOST + 4 * 4096);
    char *from = (char *)(((uintptr_t)memory + 4095) & ~(uintptr_t)4095), *to = from + MOST + 4096;
    printf("%10s  %-6s %14s %14s %8s\n", "bytes", "place", "memmove, ns", "ours, ns", "ratio");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned turns = sizes[i] > 1u << 20 ? (rounds + 2) / 3 : rounds;
        measure("apart", to, from, sizes[i], turns);
        measure("+16", to + 16, from, sizes[i], turns);
        measure("+2064", to + 2064, from, sizes[i], turns);
        measure("down", from + 16, from, sizes[i], turns);
    }
    free(memory);
    return 0;
}
