/* SPDX-License-Identifier: MIT */
/* emergency_reserve.c: a program can handle that memory is out. The request that meets the limit returns NULL. After
 * that the same thread still gets some memory, as it takes to raise an exception or to write a message. When the
 * program has freed memory, the reserve is back. The argument says what limits memory:
 *   addresses                os_reserve_at() and os_reserve() fail
 *   commit                   os_commit() fails, as on Windows under a job's limit
 *   RLIMIT_DATA, RLIMIT_AS   the system itself (Linux)
 *
 * White box: linked with the static core and the linker's --wrap (tests.mk).
 */
#include "heap_whole.h"
#include "piece_list.h"

#include "memory/reserve.h"
#include "os.h"

#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#define ROOM (24 * MIB) /* slabs of a larger heap may get huge pages, which the system commits without being asked */
#define RESERVE ((size_t)RESERVE_UNITS * 64 * KIB)

/* ---- The system's limits ---------------------------------------------------------------------------------------- */

static size_t may_reserve = SIZE_MAX, may_commit = SIZE_MAX; /* bytes */
static bool is_committed[1 << 20]; /* each 64 KiB of 64 GiB of addresses, of which the heap uses the beginning */

static bool take_from(size_t *left, size_t size) {
    if (*left != SIZE_MAX && size > *left)
        return false;
    *left -= *left != SIZE_MAX ? size : 0;
    return true;
}

static void return_to(size_t *left, size_t size) { *left += *left != SIZE_MAX ? size : 0; }

/* How many bytes of a range are committed, or not. */
static size_t bytes_that_are(bool committed, const void *address, size_t size) {
    size_t bytes = 0;
    for (uintptr_t at = (uintptr_t)address >> 16, end = ((uintptr_t)address + size - 1) >> 16; at <= end; at++)
        bytes += is_committed[at % (1 << 20)] == committed ? 64 * KIB : 0;
    return bytes;
}

static void note_committed(bool committed, const void *address, size_t size) {
    for (uintptr_t at = (uintptr_t)address >> 16, end = ((uintptr_t)address + size - 1) >> 16; at <= end; at++)
        is_committed[at % (1 << 20)] = committed;
}

enum os_reserved __real_os_reserve_at(void *address, size_t size);
void *__real_os_reserve(size_t size, size_t alignment);
bool __real_os_release(void *address, size_t size);
bool __real_os_commit(void *address, size_t size);
bool __real_os_decommit(void *address, size_t size);
enum os_reserved __wrap_os_reserve_at(void *address, size_t size);
void *__wrap_os_reserve(size_t size, size_t alignment);
bool __wrap_os_release(void *address, size_t size);
bool __wrap_os_commit(void *address, size_t size);
bool __wrap_os_decommit(void *address, size_t size);

enum os_reserved __wrap_os_reserve_at(void *address, size_t size) {
    if (!take_from(&may_reserve, size))
        return OS_REFUSED;
    enum os_reserved result = __real_os_reserve_at(address, size);
    if (result != OS_RESERVED)
        return_to(&may_reserve, size);
    return result;
}

void *__wrap_os_reserve(size_t size, size_t alignment) {
    return take_from(&may_reserve, size) ? __real_os_reserve(size, alignment) : NULL;
}

bool __wrap_os_commit(void *address, size_t size) {
    if (!take_from(&may_commit, bytes_that_are(false, address, size)))
        return false;
    CHECK(__real_os_commit(address, size));
    note_committed(true, address, size);
    return true;
}

bool __wrap_os_decommit(void *address, size_t size) {
    CHECK(__real_os_decommit(address, size));
    return_to(&may_commit, bytes_that_are(true, address, size));
    note_committed(false, address, size);
    return true;
}

bool __wrap_os_release(void *address, size_t size) {
    CHECK(__real_os_release(address, size));
    return_to(&may_reserve, size);
    return_to(&may_commit, bytes_that_are(true, address, size));
    note_committed(false, address, size);
    return true;
}

/* ---- What must hold --------------------------------------------------------------------------------------------- */

static void *exhaust(size_t size, size_t *count) {
    void *list = NULL, *piece;
    for (*count = 0; (piece = brainmm_alloc(size)) != NULL; ++*count)
        piece_list_add(&list, piece);
    return list;
}

/* What it may take to handle the failure. */
static void handle(const char *when) {
    static const size_t others[] = {16, 48, 300, 1000, 5000, 40000};
    void *list = NULL;
    for (unsigned i = 0; i < 40 + sizeof others / sizeof *others; i++) {
        size_t size = i < 40 ? 100 : others[i - 40];
        void *piece = brainmm_alloc(size);
        CHECK_MSG(piece != NULL, "%s: piece %u, of %zu bytes", when, i, size);
        memset(piece, 0xAB, size);
        piece_list_add(&list, piece);
    }
    piece_list_free(list);
}

static void failure_is_handled(const char *limit, size_t size) {
    for (unsigned round = 0; round < 3; round++) {
        size_t count;
        char when[64];
        void *list = exhaust(size, &count);
        snprintf(when, sizeof when, "%s, %zu bytes, round %u", limit, size, round);
        CHECK_MSG(count >= ROOM / 4 / size, "%s: memory was out after %zu pieces", when, count);
        handle(when);
        piece_list_free(list);
        heap_is_whole(when);
    }
}

/* A program that does not look at NULL uses the reserve up, and no more than that. */
static void reserve_ends(void) {
    size_t count, beyond, third;
    void *list = exhaust(1000, &count), *rest = exhaust(1000, &beyond), *none = exhaust(1000, &third);
    CHECK_MSG(beyond > RESERVE / 2 / 1024 && beyond <= RESERVE / 1000, "%zu pieces after the first NULL", beyond);
    CHECK_MSG(third == 0 && none == NULL, "%zu pieces after the second NULL", third);
    piece_list_free(rest);
    piece_list_free(list);
    heap_is_whole("using the reserve up");
    failure_is_handled("after the reserve was used up", 3000);
}

/* A request that no memory could satisfy does not cost the program its reserve. */
static void absurd_request_changes_nothing(void) {
    for (unsigned i = 0; i < 5; i++)
        CHECK(brainmm_alloc(PTRDIFF_MAX / 2) == NULL && brainmm_pages_get(PTRDIFF_MAX / 8192, BRAINMM_USER) == NULL);
    failure_is_handled("after absurd requests", 3000);
}

/* The other ways to get memory. */
static void failures_of_all_kinds_are_handled(void) {
    void *list = NULL, *piece;
    while ((piece = brainmm_pages_get(20, BRAINMM_USER)) != NULL)
        piece_list_add(&list, piece);
    handle("pages");
    for (void *next; list; list = next) {
        next = *(void **)list;
        CHECK(brainmm_pages_free(list, BRAINMM_USER) == BRAINMM_OK);
    }
    while ((piece = brainmm_block_get(256 * KIB, BRAINMM_USER)) != NULL)
        piece_list_add(&list, piece);
    handle("blocks");
    for (void *next; list; list = next) {
        next = *(void **)list;
        CHECK(brainmm_block_free(list, BRAINMM_USER) == BRAINMM_OK);
    }
    size_t size = MIB;
    char *buffer = brainmm_alloc(size), *grown;
    for (; (grown = brainmm_realloc(buffer, size + 6 * MIB)) != NULL; size += 6 * MIB)
        buffer = grown;
    handle("realloc");
    CHECK(brainmm_free(buffer) == BRAINMM_OK);
    heap_is_whole("failures of all kinds");
}

/* What one thread finds out does not open the reserve to another, which would use it up before its own first NULL. */
static void other_thread_exhausts(void *list) {
    size_t count;
    *(void **)list = exhaust(1000, &count);
}

static void reserve_is_for_who_failed(void) {
    thread t;
    size_t count;
    void *list = exhaust(1000, &count), *other;
    thread_start(&t, other_thread_exhausts, &other);
    thread_join(&t);
    handle("another thread has met the limit, too");
    piece_list_free(list);
    piece_list_free(other);
    heap_is_whole("two threads met the limit");
}

static void run_all(const char *limit) {
    static const size_t sizes[] = {64, 100, 1000, 3000, 10000, 100000};
    for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++)
        failure_is_handled(limit, sizes[k]);
    reserve_ends();
    absurd_request_changes_nothing();
    failures_of_all_kinds_are_handled();
    reserve_is_for_who_failed();
}

#if !defined(_WIN32)
/* LIMIT is ROOM above what FIELD of /proc/self/statm tells. */
static void limit_by_system(int limit, unsigned field) {
    unsigned long pages[6];
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL);
    for (unsigned i = 0; i < 6; i++)
        CHECK(fscanf(file, "%lu", &pages[i]) == 1);
    fclose(file);
    struct rlimit new = {pages[field] * (rlim_t)sysconf(_SC_PAGESIZE) + ROOM, RLIM_INFINITY};
    CHECK(setrlimit(limit, &new) == 0);
}
#endif

static void thread_allocates(void *unused) {
    (void)unused;
    CHECK(brainmm_free(brainmm_alloc(100)) == BRAINMM_OK);
}

int main(int argc, char **argv) {
    thread t;
    const char *limit = argc > 1 ? argv[1] : "";
    watchdog_start(240);
    may_reserve = ROOM;                       /* a region that is reserved now counts */
    thread_start(&t, thread_allocates, NULL); /* the C library keeps the addresses of a first thread */
    thread_join(&t);
    may_reserve = strcmp(limit, "addresses") == 0 ? may_reserve : SIZE_MAX;
    if (strcmp(limit, "commit") == 0)
        may_commit = ROOM;
#if !defined(_WIN32)
    else if (strcmp(limit, "RLIMIT_DATA") == 0)
        limit_by_system(RLIMIT_DATA, 5);
    else if (strcmp(limit, "RLIMIT_AS") == 0)
        limit_by_system(RLIMIT_AS, 0);
#endif
    else
        CHECK_MSG(may_reserve != SIZE_MAX, "unknown limit '%s'", limit);
    run_all(limit);
    return TEST_PASSED;
}
