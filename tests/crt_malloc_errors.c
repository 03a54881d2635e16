/* SPDX-License-Identifier: MIT */
/* crt_malloc_errors.c: makes one error in the use of the malloc family, in a program that is linked with
 * libbrainmm-malloc.a. tests/crt_malloc.sh says what must come of it. "not reached" on standard output and exit code 0:
 * the program has gone on. With a second argument it sets a handler, which prints what it hears.
 */
#include "brainmm.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No compiler sees the error. */
static void *(*volatile get)(size_t) = malloc;
static void *(*volatile resize)(void *, size_t) = realloc;
static void (*volatile give)(void *) = free;

static void BRAINMM_CALL handler(void *context, const brainmm_error *error) {
    (void)context;
    printf("handler: kind %u\n", (unsigned)error->kind);
    fflush(stdout);
}

int main(int count, char **arguments) {
    const char *error = count > 1 ? arguments[1] : "";
    char *piece = get(100);
    if (count > 2)
        brainmm_set_error_handler(handler, NULL);
    if (strcmp(error, "twice") == 0) {
        give(piece);
        give(piece);
    } else if (strcmp(error, "inside") == 0) {
        give(piece + 16);
    } else if (strcmp(error, "block") == 0) {
        give(brainmm_block_get(65536, BRAINMM_USER));
    } else if (strcmp(error, "realloc") == 0) {
        give(piece);
        resize(piece, 200);
    } else if (strcmp(error, "msize") == 0) {
        give(piece);
        (void)_msize(piece);
    } else if (strcmp(error, "expand") == 0) {
        give(piece);
        (void)_expand(piece, 10);
    } else if (strcmp(error, "aligned_twice") == 0) {
        piece = _aligned_offset_malloc(100, 64, 8);
        _aligned_free(piece);
        _aligned_free(piece);
    } else if (strcmp(error, "aligned_inside") == 0) {
        piece = _aligned_malloc(100, 64);
        _aligned_free(piece + 32);
    } else if (strcmp(error, "overflow") == 0) {
        memset(piece, 0, 101);
        give(piece);
    } else {
        return 99;
    }
    puts("not reached");
    return 0;
}
