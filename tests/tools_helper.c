/* SPDX-License-Identifier: MIT */
/* tools_helper.c: makes one mistake with memory of the shipped library, or none. The argument says which. For
 * tools_see.sh, which runs it under valgrind, built for a sanitizer, and under heaptrack. */
#include "brainmm.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAKS 100
#define LEAK_BYTES 40
#define LARGE_BYTES 100000

#define NOINLINE __attribute__((noinline))

static volatile unsigned char sink;

static NOINLINE unsigned char *piece_of(size_t size) {
    unsigned char *piece = brainmm_alloc(size);
    if (!piece)
        exit(3);
    return memset(piece, 1, size);
}

/* Nothing keeps what this function leaves in registers and on the stack. */
static NOINLINE void wipe(void) {
    volatile unsigned char bytes[4096];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0;
}

/* ---- Mistakes --------------------------------------------------------------------------------------------------- */

static NOINLINE void leak_pieces(void) {
    for (int i = 0; i < LEAKS; i++)
        piece_of(LEAK_BYTES);
    brainmm_free(piece_of(LEAK_BYTES)); /* so that the last one is nowhere any more */
}

static NOINLINE void leak_large(void) {
    piece_of(LARGE_BYTES);
    brainmm_pages_get(3, BRAINMM_USER);
    brainmm_block_get(65536, BRAINMM_USER);
    brainmm_free(piece_of(LARGE_BYTES));
}

/* The C library's memory, to which only memory of the heap leads, is no leak. */
static void *kept[2];
static NOINLINE void keep(void) {
    kept[0] = piece_of(64);
    kept[1] = piece_of(LARGE_BYTES);
    for (int i = 0; i < 2; i++) {
        void *inner = malloc(1000);
        memset(kept[i], 0, 64);
        memcpy(kept[i], &inner, sizeof inner);
    }
}

static NOINLINE void overflow(void) {
    unsigned char *piece = piece_of(40);
    piece[40] = 1;
    brainmm_free(piece);
}

static NOINLINE void underflow(void) {
    unsigned char *piece = piece_of(40);
    piece[-1] = 1;
    brainmm_free(piece);
}

static NOINLINE void overflow_large(void) {
    unsigned char *piece = piece_of(LARGE_BYTES);
    piece[LARGE_BYTES] = 1;
    brainmm_free(piece);
}

static NOINLINE void overflow_pages(void) {
    unsigned char *pages = brainmm_pages_get(2, BRAINMM_USER);
    pages[2 * BRAINMM_PAGE_SIZE] = 1;
    brainmm_pages_free(pages, BRAINMM_USER);
}

static NOINLINE void read_after_free(void) {
    unsigned char *piece = piece_of(40);
    brainmm_free(piece);
    sink = piece[39];
}

static NOINLINE void write_after_free(void) {
    unsigned char *piece = piece_of(LARGE_BYTES);
    brainmm_free(piece);
    piece[12345] = 1;
}

static NOINLINE void read_after_resize(void) {
    unsigned char *piece = piece_of(40), *resized = brainmm_realloc(piece, 41);
    sink = piece[0];
    brainmm_free(resized);
}

static NOINLINE void free_twice(void) {
    unsigned char *piece = piece_of(40);
    brainmm_free(piece);
    brainmm_free(piece);
}

static NOINLINE void free_inside(void) {
    unsigned char *piece = piece_of(40);
    brainmm_free(piece + 8);
    brainmm_free(piece);
}

static NOINLINE void decide_by_unwritten(void) {
    unsigned char *piece = brainmm_alloc(40);
    if (piece[20] == 7)
        puts("the byte is 7");
    brainmm_free(piece);
}

static void *count(void *number) {
    for (int i = 0; i < 1000; i++)
        ++*(int *)number;
    return NULL;
}

static NOINLINE void race(void) {
    int *number = brainmm_alloc(sizeof *number);
    pthread_t thread;
    *number = 0;
    pthread_create(&thread, NULL, count, number);
    count(number);
    pthread_join(thread, NULL);
    brainmm_free(number);
}

/* ---- No mistake ------------------------------------------------------------------------------------------------- */

static int BRAINMM_CALL visit(void *context, const brainmm_allocation *allocation) {
    *(size_t *)context += allocation->size;
    return 0;
}

static int BRAINMM_CALL swallow(void *context, const char *text, size_t length) {
    (void)text;
    *(size_t *)context += length;
    return 0;
}

enum { PIECES = 300, THREADS = 4 };
static unsigned char *handed[THREADS][PIECES];

static size_t size_of(unsigned i) { return i % 50 == 49 ? 40000 + i : 1 + i * 7 % 500; }

static void *work(void *context) {
    unsigned thread = *(unsigned *)context;
    unsigned char *pieces[PIECES];
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < PIECES; i++) {
            pieces[i] = i % 3 == 0 ? brainmm_alloc_zeroed(size_of(i)) : piece_of(size_of(i));
            if (i % 3 == 0 && (pieces[i][0] || pieces[i][size_of(i) - 1]))
                exit(4);
            pieces[i][size_of(i) - 1] = 1;
        }
        for (unsigned i = 0; i < PIECES; i++) {
            pieces[i] = brainmm_realloc(pieces[i], size_of(i + 1));
            memset(pieces[i], 2, size_of(i + 1));
        }
        for (unsigned i = 0; i < PIECES; i++)
            brainmm_free(pieces[i]);
    }
    for (unsigned i = 0; i < PIECES; i++)
        handed[thread][i] = piece_of(size_of(i));
    return NULL;
}

static void threads(void) {
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS * PIECES; i++)
        brainmm_free(handed[i / PIECES][i % PIECES]);
}

static void other_memory(void) {
    for (unsigned alignment = 16; alignment <= 65536; alignment *= 4) {
        unsigned char *piece = brainmm_alloc_aligned(alignment, 100);
        memset(piece, 3, 100);
        brainmm_free(brainmm_realloc(piece, 50000));
    }
    unsigned char *pages = brainmm_pages_get(2, BRAINMM_USER), *block = brainmm_block_get(4096, BRAINMM_USER);
    memset(pages, 4, 2 * BRAINMM_PAGE_SIZE);
    memset(block, 5, 4096);
    brainmm_pages_set_rights(pages, 1, BRAINMM_READ);
    pages = brainmm_pages_realloc(pages, 20, BRAINMM_USER);
    memset(pages, 6, 20 * BRAINMM_PAGE_SIZE);
    brainmm_pages_free(pages, BRAINMM_USER);
    brainmm_block_free(block, BRAINMM_USER);
    brainmm_jit_heap *heap;
    for (unsigned kind = 0; kind < 2; kind++)
        if (brainmm_jit_heap_create(kind, &heap) == BRAINMM_OK) {
            void *writable, *code = brainmm_jit_alloc(heap, 100, &writable);
            memset(writable, 0xCC, 100);
            brainmm_jit_free(heap, code);
            brainmm_jit_heap_destroy(heap);
        }
    brainmm_free(brainmm_alloc(0));
}

static NOINLINE void nothing(void) {
    size_t seen = 0;
    void *piece = piece_of(10);
    threads();
    other_memory();
    brainmm_walk(visit, &seen);
    brainmm_dump(swallow, &seen, BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS);
    brainmm_check();
    brainmm_thread_heap_minimize();
    threads();
    brainmm_free(piece);
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*what)(void);
    } all[] = {{"leak_pieces", leak_pieces},
               {"leak_large", leak_large},
               {"keep", keep},
               {"overflow", overflow},
               {"underflow", underflow},
               {"overflow_large", overflow_large},
               {"overflow_pages", overflow_pages},
               {"read_after_free", read_after_free},
               {"write_after_free", write_after_free},
               {"read_after_resize", read_after_resize},
               {"free_twice", free_twice},
               {"free_inside", free_inside},
               {"decide_by_unwritten", decide_by_unwritten},
               {"race", race},
               {"nothing", nothing}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (count == 2 && strcmp(arguments[1], all[i].name) == 0) {
            all[i].what();
            wipe();
            return 0;
        }
    return 2;
}
