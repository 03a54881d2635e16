/* SPDX-License-Identifier: MIT */
/* gdb_helper.c: a program with one allocation of each kind, for tests/gdb_script.sh, which stops it in stop_here(). */
#include "support/outcome.h"

#include "brainmm.h"

/* The names are the test's. */
static struct {
    char *live, *freed, *aligned, *large, *pages, *block, *small_block;
    char *outside;
    void *code;
} at;

static __attribute__((noinline)) void stop_here(void) { __asm__ volatile("" : : "r"(&at) : "memory"); }

int main(void) {
    static char outside;
    void *writable;
    brainmm_jit_heap *heap;
    at.outside = &outside;
    at.live = brainmm_alloc(100);
    at.freed = brainmm_alloc(200);
    at.aligned = brainmm_alloc_aligned(256, 256);
    at.large = brainmm_alloc(200000);
    at.pages = brainmm_pages_get(3, BRAINMM_SYSTEM);
    at.block = brainmm_block_get(256 * KIB, BRAINMM_USER);
    at.small_block = brainmm_block_get(16 * KIB, BRAINMM_USER);
    CHECK(at.live && at.freed && at.aligned && at.large && at.pages && at.block && at.small_block);
    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_TWO_VIEWS, &heap) == BRAINMM_OK);
    CHECK((at.code = brainmm_jit_alloc(heap, 64, &writable)) != NULL);
    CHECK(brainmm_free(at.freed) == BRAINMM_OK);
    stop_here();
    return TEST_PASSED;
}
