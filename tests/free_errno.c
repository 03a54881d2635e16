/* SPDX-License-Identifier: MIT */
/* free_errno.c: free() leaves errno as it is, also when the system refuses to take memory back, because the process has
 * as many mappings as it may. The C library promises that since 2.33. posix_memalign() that finds no memory sets errno
 * as the C library's does, though only its result counts.
 */
#include "heap_support.h"

#include <errno.h>

enum { MARK = 1789, LARGE = 256 << 20, MAPPINGS_MOST = 70000 };

/* Every second page has other rights, so that none is joined with its neighbours. False if the system allows more
 * mappings than that. */
static bool use_up_mappings(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, MAPPINGS_MOST * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(pages != MAP_FAILED);
    for (size_t i = 0; i < MAPPINGS_MOST; i += 2)
        if (mprotect(pages + i * page, page, PROT_READ) != 0)
            return true;
    return false;
}

int main(void) {
    /* The compiler believes that these two leave errno alone. */
    int (*volatile aligned)(void **, size_t, size_t) = posix_memalign;
    void (*volatile release)(void *) = free;
    void *none = NULL;
    watchdog_start(50);
    errno = 0;
    CHECK(aligned(&none, 64, PTRDIFF_MAX) == ENOMEM && errno == ENOMEM);
    errno = MARK;
    CHECK(aligned(&none, 64, 100) == 0 && errno == MARK);
    release(none);
    char *piece = malloc(LARGE), *behind = malloc(LARGE / 2);
    CHECK(piece && behind);
    for (size_t at = 0; at < LARGE; at += 4096)
        piece[at] = 1;
    if (!use_up_mappings())
        test_skip("the process may have more mappings than this test makes");
    errno = MARK;
    release(piece);
    CHECK_MSG(errno == MARK, "free() set errno to %d", errno);
    release(behind);
    CHECK_MSG(errno == MARK, "free() set errno to %d", errno);
    return TEST_PASSED;
}
