/* SPDX-License-Identifier: MIT */
/* free_errno.c: free() leaves errno as it is, also when the system refuses to take memory back, because the process has
 * as many mappings as it may. The C library promises that since 2.33. So do the functions that allocate, if they
 * succeed; else they set it to ENOMEM. posix_memalign() does so, too, as the C library's does.
 */
#include "heap_support.h"

#include <errno.h>
#include <sys/resource.h>

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

/* Of all sizes, while the system refuses some of what the heap asks it for. */
static void allocation_leaves_errno_alone(void) {
    void *(*volatile by_malloc)(size_t) = malloc, *(*volatile by_calloc)(size_t, size_t) = calloc;
    void *(*volatile by_realloc)(void *, size_t) = realloc, *(*volatile at)(size_t, size_t) = aligned_alloc;
    unsigned succeeded = 0;
    for (size_t size = 1; size <= LARGE; size += 1 + size / 3) {
        for (unsigned way = 0; way < 5; way++) {
            void *old = way == 3 ? by_malloc(size / 2 + 1) : NULL;
            errno = MARK;
            void *piece = way == 0   ? by_malloc(size)
                          : way == 1 ? by_calloc(1, size)
                          : way == 4 ? at(65536, size)
                                     : by_realloc(old, size);
            CHECK_MSG(errno == (piece ? MARK : ENOMEM), "%zu bytes, way %u: %p, errno %d", size, way, piece, errno);
            succeeded += piece != NULL;
            errno = MARK;
            free(piece ? piece : old);
            CHECK(errno == MARK);
            free(by_realloc(by_malloc(size), 0));
            CHECK(errno == MARK || errno == ENOMEM);
        }
    }
    CHECK(succeeded > 100);
}

/* Threads that have allocated nothing yet free what another has made. They need memory for that, and get none. */
enum { STRANGERS = 64 };
static void *given[STRANGERS];
static event begun[STRANGERS], refused;
static int changed;

static void stranger(void *number) {
    unsigned i = (unsigned)(uintptr_t)number;
    event_raise(&begun[i]);
    CHECK(event_wait(&refused, 20000));
    errno = MARK;
    free(given[i]);
    if (errno != MARK)
        __atomic_store_n(&changed, errno, __ATOMIC_RELAXED);
}

static void a_thread_that_gets_no_memory_leaves_errno_alone(void) {
    static thread threads[STRANGERS];
    struct rlimit before, none;
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    for (unsigned i = 0; i < STRANGERS; i++) {
        CHECK((given[i] = malloc(100)) != NULL);
        thread_start(&threads[i], stranger, (void *)(uintptr_t)i);
        CHECK(event_wait(&begun[i], 20000));
    }
    none = before;
    none.rlim_cur = 1;
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    event_raise(&refused);
    for (unsigned i = 0; i < STRANGERS; i++)
        thread_join(&threads[i]);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    CHECK_MSG(changed == 0, "free() set errno to %d", changed);
}

int main(void) {
    /* The compiler believes that these two leave errno alone. */
    int (*volatile aligned)(void **, size_t, size_t) = posix_memalign;
    void (*volatile release)(void *) = free;
    void *none = NULL;
    watchdog_start(50);
    a_thread_that_gets_no_memory_leaves_errno_alone();
    errno = 0;
    CHECK(aligned(&none, 64, PTRDIFF_MAX) == ENOMEM && errno == ENOMEM);
    errno = MARK;
    CHECK(aligned(&none, 64, 100) == 0 && errno == MARK);
    release(none);
    char *piece = malloc(LARGE), *behind = malloc(LARGE / 2);
    CHECK(piece && behind);
    allocation_leaves_errno_alone();
    for (size_t at = 0; at < LARGE; at += 4096)
        piece[at] = 1;
    if (!use_up_mappings())
        test_skip("the process may have more mappings than this test makes");
    allocation_leaves_errno_alone();
    errno = MARK;
    release(piece);
    CHECK_MSG(errno == MARK, "free() set errno to %d", errno);
    release(behind);
    CHECK_MSG(errno == MARK, "free() set errno to %d", errno);
    return TEST_PASSED;
}
