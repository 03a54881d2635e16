/* SPDX-License-Identifier: MIT */
/* checked_faults_helper.c: touches memory that checked mode lets nobody touch, for checked_faults.sh. The argument is
 * the number of the case. Prints what it is about to do, and `survived` if nothing has stopped it.
 */
#include "brainmm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile char *at;
static volatile char sink;

static void touch(const char *what, void *start, ptrdiff_t offset) {
    printf("%s\n", what);
    fflush(stdout);
    at = (volatile char *)start + offset;
    sink = *at;
    *at = 1;
}

static void call(const char *what, const void *code) {
    void (*function)(void);
    printf("%s\n", what);
    fflush(stdout);
    memcpy(&function, &code, sizeof function);
    function();
}

static unsigned case_of(char **argv) { return (unsigned)atoi(argv[1]); }

int main(int argc, char **argv) {
    enum { SIZE = 65536, PAGE = 4096 };
    char *piece = brainmm_alloc(SIZE), *pages = brainmm_pages_get(3, BRAINMM_USER);
    char *block = brainmm_block_get(SIZE, BRAINMM_USER), *nothing = brainmm_alloc(0), *small = brainmm_alloc(100);
    brainmm_jit_heap *heap;
    void *writable, *code;
    switch (argc > 1 ? case_of(argv) : 0) {
    case 1: touch("behind a run", piece, SIZE); break;
    case 2: touch("before a run", piece, -1); break;
    case 3: touch("behind pages", pages, 3 * PAGE); break;
    case 4: touch("before pages", pages, -1); break;
    case 5: touch("behind a block", block, SIZE); break;
    case 6: touch("before a block", block, -1); break;
    case 7:
        brainmm_free(piece);
        touch("a freed run", piece, 100);
        break;
    case 8:
        brainmm_pages_free(pages, BRAINMM_USER);
        touch("freed pages", pages, 2 * PAGE);
        break;
    case 9:
        brainmm_block_free(block, BRAINMM_USER);
        touch("a freed block", block, 0);
        break;
    case 10: touch("a piece of size 0", nothing, 0); break;
    case 11: touch("within all of them", piece, SIZE - 1); break; /* survives */
    case 12: touch("behind a small piece", small, 112); break;    /* with guard=all,guard_end */
    case 13:
        brainmm_free(small);
        touch("a freed small piece", small, 0); /* with guard=all */
        break;
    case 14:
    case 15:
        if (brainmm_jit_heap_create(case_of(argv) - 14, &heap) != BRAINMM_OK)
            return 0;
        code = brainmm_jit_alloc(heap, 4 * 65536 - 16, &writable); /* with the traps, all of a chunk */
        touch("behind code", writable, 4 * 65536);
        break;
    case 16:
    case 17:
        if (brainmm_jit_heap_create(case_of(argv) - 16, &heap) != BRAINMM_OK)
            return 0;
        code = brainmm_jit_alloc(heap, 64, &writable);
        memset(writable, 0xC3, 64); /* ret */
        call("live code", code);
        brainmm_jit_free(heap, code);
        call("freed code", code);
        break;
    default: return 1;
    }
    printf("survived\n");
    return 0;
}
