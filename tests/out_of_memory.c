/* SPDX-License-Identifier: MIT */
/* out_of_memory.c: the system has no more memory. Every function returns NULL, a resize keeps the old block and its
 * contents, and the heap goes on working after something was freed. How memory runs out:
 *   Linux: RLIMIT_AS for the whole process, a quarter of a gibibyte above what it has;
 *   32-bit Windows: nothing is needed, because 2 to 4 GiB of address space are soon used up;
 *   64-bit Windows: a job object limits committed memory. Wine does not enforce that limit and skips the test;
 *   fault_injection.c shows on every system what a failing commit leads to.
 */
#include "piece_list.h"

#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#include "brainmm.h"

#define ROOM (256 * MIB)

#if defined(_WIN32)
static void limit_memory(void) {
    if (sizeof(void *) == 4)
        return;
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
    memset(&limits, 0, sizeof limits);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_MEMORY;
    limits.ProcessMemoryLimit = ROOM;
    HANDLE job = CreateJobObjectA(NULL, NULL);
    CHECK(job != NULL);
    CHECK(SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits));
    CHECK(AssignProcessToJobObject(job, GetCurrentProcess()));
    void *beyond = VirtualAlloc(NULL, 2 * ROOM, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (beyond)
        test_skip("this system does not enforce a job's limit on memory");
}
#else
static void limit_memory(void) {
    struct rlimit limit = {address_bytes() + ROOM, RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}
#endif

/* Fills memory with a list of pieces of SIZE. Returns how many there was room for. */
static size_t exhaust(size_t size, void **list) {
    size_t count = 0;
    *list = NULL;
    for (void *piece; (piece = brainmm_alloc(size)) != NULL; count++)
        piece_list_add(list, piece);
    return count;
}

/* Pieces whose contents must stay while memory is exhausted. */
enum { KEPT = 8 };
static const size_t kept_sizes[KEPT] = {10, 100, 1000, 10000, 32768, 100000, 1 * MIB, 2 * MIB};
static unsigned char *kept[KEPT], *kept_pages;

static void check_kept(void) {
    for (unsigned i = 0; i < KEPT; i++)
        CHECK(brainmm_usable_size(kept[i]) >= kept_sizes[i] && pattern_holds(kept[i], kept_sizes[i], i));
    CHECK(pattern_holds(kept_pages, 10 * BRAINMM_PAGE_SIZE, 99));
}

static void all_requests_fail(void) {
    static const size_t sizes[] = {8 * MIB, 32 * MIB, ROOM, ROOM * 2};
    for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        CHECK(brainmm_alloc(sizes[k]) == NULL);
        CHECK(brainmm_alloc_zeroed(sizes[k]) == NULL);
        CHECK(brainmm_alloc_aligned(2048, sizes[k]) == NULL);
        CHECK(brainmm_pages_get(sizes[k] / BRAINMM_PAGE_SIZE, BRAINMM_USER) == NULL);
        CHECK(brainmm_pages_get(sizes[k] / BRAINMM_PAGE_SIZE, BRAINMM_JIT) == NULL);
        for (unsigned i = 0; i < KEPT; i++) {
            CHECK(brainmm_realloc(kept[i], sizes[k]) == NULL);
            CHECK(brainmm_reget(kept[i], sizes[k]) == NULL);
        }
        CHECK(brainmm_pages_realloc(kept_pages, sizes[k] / BRAINMM_PAGE_SIZE, BRAINMM_USER) == NULL);
        CHECK(brainmm_pages_reget(kept_pages, sizes[k] / BRAINMM_PAGE_SIZE, BRAINMM_USER) == NULL);
        check_kept();
    }
    CHECK(brainmm_block_get(64 * MIB, BRAINMM_USER) == NULL);
    CHECK(brainmm_block_get(256 * MIB, BRAINMM_SYSTEM) == NULL);
    check_kept();
}

static void allocate_in_thread(void *unused) {
    (void)unused;
    void *piece = brainmm_alloc(50); /* a new thread needs a heap: it may fail, but not crash */
    CHECK(brainmm_free(piece) == BRAINMM_OK);
}

int main(void) {
    static const size_t sizes[] = {4 * MIB, 200000, 40000, 32768, 5000, 600, 64};
    thread t;
    watchdog_start(240);
    thread_start(&t, allocate_in_thread, NULL); /* the C library keeps the address space of a first thread */
    thread_join(&t);
    for (unsigned i = 0; i < KEPT; i++) {
        kept[i] = brainmm_alloc(kept_sizes[i]);
        CHECK(kept[i] != NULL);
        pattern_fill(kept[i], kept_sizes[i], i);
    }
    kept_pages = brainmm_pages_get(10, BRAINMM_USER);
    CHECK(kept_pages != NULL);
    pattern_fill(kept_pages, 10 * BRAINMM_PAGE_SIZE, 99);
    limit_memory();

    size_t fit_before[sizeof sizes / sizeof *sizes] = {0};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            void *list, *rest, *crumbs;
            size_t count = exhaust(sizes[k], &list);
            printf("%zu pieces of %zu bytes\n", count, sizes[k]);
            CHECK_MSG(count >= ROOM / 4 / sizes[k], "memory ran out after %zu pieces of %zu bytes", count, sizes[k]);
            exhaust(4096, &rest); /* the rest that is too small for SIZE */
            exhaust(16, &crumbs);
            check_kept();
            all_requests_fail();
            piece_list_free(list);
            /* freed memory can be used again, also for other sizes */
            void *other = brainmm_alloc(sizes[k] * 2);
            CHECK_MSG(other != NULL, "nothing of %zu bytes after all of %zu bytes was freed", sizes[k] * 2, sizes[k]);
            CHECK(brainmm_free(other) == BRAINMM_OK);
            piece_list_free(rest);
            piece_list_free(crumbs);
            check_kept();
            brainmm_thread_heap_minimize();
            /* the second time nearly as many fit */
            CHECK_MSG(count >= fit_before[k] / 10 * 9, "%zu, earlier %zu", count, fit_before[k]);
            fit_before[k] = count;
        }
        for (unsigned i = 0; i < KEPT; i++) { /* now resizes succeed */
            unsigned char *resized = brainmm_realloc(kept[i], kept_sizes[i] * 2);
            CHECK(resized != NULL && pattern_holds(resized, kept_sizes[i], i));
            kept[i] = brainmm_realloc(resized, kept_sizes[i]);
            CHECK(kept[i] != NULL);
        }
        check_kept();
    }
    for (unsigned i = 0; i < KEPT; i++)
        CHECK(brainmm_free(kept[i]) == BRAINMM_OK);
    CHECK(brainmm_pages_free(kept_pages, BRAINMM_USER) == BRAINMM_OK);
    return TEST_PASSED;
}
