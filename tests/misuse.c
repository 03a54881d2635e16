/* SPDX-License-Identifier: MIT */
/* misuse.c: makes one mistake with memory of the heap that a sanitizer or valgrind must find. The first argument says
 * which one. Exits with 0 if nothing stopped it. For instruments_see.sh. */
#include "brainmm.h"
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static volatile unsigned char sink;

static unsigned char *piece_of_64(void) {
    unsigned char *piece = brainmm_alloc(64);
    if (!piece)
        perror("brainmm_alloc");
    return piece;
}

static int read_after_free(void) {
    unsigned char *piece = piece_of_64();
    memset(piece, 1, 64);
    brainmm_free(piece);
    sink = piece[40];
    return 0;
}

static int decide_by_uninitialised(void) {
    unsigned char *piece = piece_of_64();
    memset(piece, 1, 64);
    brainmm_free(piece);
    piece = piece_of_64();
    if (piece[40] == 1)
        puts("the byte is 1");
    return 0;
}

static int signed_overflow(void) {
    int *number = (int *)(void *)piece_of_64();
    *number = INT_MAX;
    *number += 1;
    return 0;
}

static void *increment(void *number) {
    for (int i = 0; i < 1000; i++)
        ++*(int *)number;
    return NULL;
}

static int race(void) {
    int *number = (int *)(void *)piece_of_64();
    *number = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, increment, number);
    increment(number);
    pthread_join(thread, NULL);
    return 0;
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        int (*what)(void);
    } all[] = {{"read_after_free", read_after_free},
               {"decide_by_uninitialised", decide_by_uninitialised},
               {"signed_overflow", signed_overflow},
               {"race", race}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (count == 2 && strcmp(arguments[1], all[i].name) == 0)
            return all[i].what();
    return 2;
}
