/* SPDX-License-Identifier: MIT */
/* malloc_aligned.c: the functions of the malloc family that take an alignment, or mean one. What they give at a page or
 * a few costs whole pages and no more, and can be resized and freed like any memory. Alignments that are no powers of
 * two are treated as Debian 12's C library does.
 */
#define _GNU_SOURCE
#include "heap_support.h"

#include <errno.h>
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

/* The compiler knows that these alignments are wrong. */
static void *(*volatile aligned[])(size_t, size_t) = {memalign, aligned_alloc};
static int (*volatile aligned_posix)(void **, size_t, size_t) = posix_memalign;

static void strange_alignments(void) {
    for (unsigned i = 0; i < 2; i++) {
        for (size_t alignment = 0; alignment < 5000; alignment += 1 + alignment / 7) {
            size_t power = 1;
            while (power < alignment)
                power *= 2;
            void *piece = aligned[i](alignment, 100);
            CHECK_MSG(piece && is_aligned(piece, power), "%zu: %p", alignment, piece);
            free(piece);
        }
        errno = 0;
        CHECK(aligned[i](PTRDIFF_MAX, 100) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(aligned[i]((size_t)PTRDIFF_MAX + 2, 100) == NULL && errno == EINVAL);
        errno = 0;
        CHECK(aligned[i](SIZE_MAX, 0) == NULL && errno == EINVAL);
        errno = 0;
        CHECK(aligned[i](64, PTRDIFF_MAX) == NULL && errno == ENOMEM);
    }
    void *untouched = &errno, *piece = untouched;
    CHECK(aligned_posix(&piece, 0, 100) == EINVAL && aligned_posix(&piece, 48, 100) == EINVAL);
    CHECK(aligned_posix(&piece, 2, 100) == EINVAL && aligned_posix(&piece, 64, PTRDIFF_MAX) == ENOMEM);
    CHECK(piece == untouched);
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
#ifdef __GLIBC__
            check("pvalloc", pvalloc(size), page, size);
#endif
        }
    }
    strange_alignments();
    return TEST_PASSED;
}
