/* SPDX-License-Identifier: MIT */
/* used_heap.c: a library to preload: before the program begins, its heap is in use. 1,200 pieces of mixed sizes were
 * taken and every other one was freed. In an empty heap an error of the program may be noticed by accident, because
 * what it touches was never used. security.py builds this.
 */
#include <stdlib.h>
#include <string.h>

enum { PIECES = 1200 };

static void *pieces[PIECES];

__attribute__((constructor)) static void use_the_heap(void) {
    static const size_t sizes[] = {8, 16, 24, 100, 500, 1000, 4096, 5000, 20000, 70000, 262144, 300000};
    for (unsigned i = 0; i < PIECES; i++) {
        size_t size = sizes[(i * 7 + i / 12) % (sizeof sizes / sizeof *sizes)];
        if ((pieces[i] = malloc(size)) != NULL)
            memset(pieces[i], 0x5A, size);
    }
    for (unsigned i = 0; i < PIECES; i += 2)
        free(pieces[i]);
}
