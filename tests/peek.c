/* SPDX-License-Identifier: MIT */
/* peek.c: os_peek copies memory that can be read and returns false for memory that cannot. The test covers the system's
 * own function and, on Linux, the way through a pipe for containers that forbid process_vm_readv. The walk works with
 * both.
 *
 * White box: linked with the static core, on Linux with the linker's --wrap (tests.mk).
 */
#include "walk_support.h"

#include "os.h"
#if !defined(_WIN32)
#include <errno.h>
#include <sys/uio.h>

static bool forbidden;
static unsigned calls;

ssize_t __real_process_vm_readv(pid_t pid, const struct iovec *to, unsigned long to_count, const struct iovec *from,
                                unsigned long from_count, unsigned long flags);
ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to, unsigned long to_count, const struct iovec *from,
                                unsigned long from_count, unsigned long flags);

ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to, unsigned long to_count, const struct iovec *from,
                                unsigned long from_count, unsigned long flags) {
    calls++;
    if (!forbidden)
        return __real_process_vm_readv(pid, to, to_count, from, from_count, flags);
    errno = EPERM;
    return -1;
}
#endif

enum { PEEKED = 3 * 65536 };

static void peek_at_everything(void) {
    static unsigned char copy[PEEKED];
    unsigned char *pages = system_pages(PEEKED);
    pattern_fill(pages, PEEKED, 5);
    for (size_t size = 1; size <= PEEKED; size = size * 5 + 3) {
        memset(copy, 0, sizeof copy);
        CHECK(os_peek(copy, pages + 7, size < PEEKED - 7 ? size : PEEKED - 7));
        CHECK(memcmp(copy, pages + 7, size < PEEKED - 7 ? size : PEEKED - 7) == 0);
    }
    CHECK(os_peek(copy, pages, PEEKED) && memcmp(copy, pages, PEEKED) == 0);
    system_pages_free(pages, PEEKED);
    CHECK(!os_peek(copy, NULL, 1) && !os_peek(copy, (void *)(uintptr_t)-4096, 4096));

#if !defined(_WIN32) /* Wine lets a process read protected and freed pages this way; Windows does not */
    CHECK(!os_peek(copy, pages, 1) && !os_peek(copy, pages, PEEKED));
    pages = system_pages(PEEKED);
    pattern_fill(pages, PEEKED, 6);
    CHECK(mprotect(pages + 65536, 4096, PROT_NONE) == 0);
    CHECK(os_peek(copy, pages, 65536) && memcmp(copy, pages, 65536) == 0);
    CHECK(!os_peek(copy, pages, 65537) && !os_peek(copy, pages + 65536, 4096));
    CHECK(os_peek(copy, pages + 65536 + 4096, PEEKED - 65536 - 4096));
    system_pages_free(pages, PEEKED);
#endif
}

static void walk(void) {
    struct seen seen;
    void *pieces[2000];
    seen_start(&seen, 4000);
    for (unsigned i = 0; i < 2000; i++)
        CHECK((pieces[i] = brainmm_alloc(i * 4)) != NULL);
    for (unsigned i = 0; i < 2000; i += 2)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    seen_walk(&seen);
    CHECK(seen.count == 1000);
    for (unsigned i = 1; i < 2000; i += 2) {
        CHECK(seen_at(&seen, pieces[i]) != NULL && seen_at(&seen, pieces[i])->certainty == BRAINMM_EXACT);
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    }
    seen_end(&seen);
}

int main(void) {
    watchdog_start(50);
    peek_at_everything();
    walk();
#if !defined(_WIN32)
    CHECK(calls > 0);
    forbidden = true;
    calls = 0;
    errno = 77;
    peek_at_everything();
    CHECK(errno == 77);
    walk();
    CHECK(calls > 0);
#endif
    return TEST_PASSED;
}
