/* SPDX-License-Identifier: MIT */
/* malloc_aligned.c: the functions of the malloc family that take an alignment, or mean one. What they give at a page or
 * a few costs whole pages and no more, and can be resized and freed like any memory.
 */
#define _GNU_SOURCE
#include "heap_support.h"

#include <malloc.h>

/* Takes a piece that FUNCTION gave for SIZE bytes, and gives it back. */
static void check(const char *function, unsigned char *piece, size_t alignment, size_t size) {
    size_t usable = malloc_usable_size(piece), rounded = (size + alignment - 1) & ~(alignment - 1);
    CHECK_MSG(piece != NULL && is_aligned(piece, alignment), "%s(%zu, %zu) gave %p", function, alignment, size,
              (void *)piece);
    CHECK_MSG(usable == rounded, "%s(%zu, %zu) gave %zu bytes", function, alignment, size, usable);
    pattern_fill(piece, usable, 1);
    CHECK((piece = realloc(piece, 3 * usable + 1)) != NULL && pattern_holds(piece, usable, 1));
    CHECK(is_aligned(piece, alignment));
    free(piece);
}

int main(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    watchdog_start(50);
    for (size_t size = 0; size <= 32768; size += 409) {
        for (size_t alignment = page; alignment <= 32768; alignment *= 2) {
            void *piece = NULL;
            CHECK(posix_memalign(&piece, alignment, size) == 0);
            check("posix_memalign", piece, alignment, size);
            check("aligned_alloc", aligned_alloc(alignment, size), alignment, size);
            check("memalign", memalign(alignment, size), alignment, size);
        }
        if (page <= 32768) {
            check("valloc", valloc(size), page, size);
            check("pvalloc", pvalloc(size), page, size);
        }
    }
    return TEST_PASSED;
}
