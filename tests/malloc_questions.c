/* SPDX-License-Identifier: MIT */
/* malloc_questions.c: mallinfo, mallinfo2, malloc_info, malloc_stats, malloc_trim and mallopt tell of the heap that
 * libbrainmm-malloc.so serves, not of the C library's, which is empty.
 */
#define _GNU_SOURCE
#include "heap_support.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* mallinfo */

enum { PIECES = 4000, PIECE_BYTES = 1000, RUNS = 5, RUN_BYTES = 3 << 20 };
static void *pieces[PIECES], *runs[RUNS];

/* The compiler believes that these can be removed in pairs. */
static void *(*volatile get)(size_t size) = malloc;
static void (*volatile release)(void *piece) = free;

static size_t of_pieces(const struct mallinfo2 *info) { return info->uordblks; }

static void allocate(void) {
    for (unsigned i = 0; i < PIECES; i++)
        CHECK((pieces[i] = get(PIECE_BYTES)) != NULL);
    for (unsigned i = 0; i < RUNS; i++)
        CHECK((runs[i] = memset(get(RUN_BYTES), 1, RUN_BYTES)) != NULL);
}

static void release_all(void) {
    for (unsigned i = 0; i < PIECES; i++)
        release(pieces[i]);
    for (unsigned i = 0; i < RUNS; i++)
        release(runs[i]);
}

static void mallinfo_counts(void) {
    struct mallinfo2 before = mallinfo2();
    allocate();
    struct mallinfo2 full = mallinfo2();
    struct mallinfo narrow = mallinfo();
    CHECK(of_pieces(&full) >= of_pieces(&before) + (size_t)PIECES * PIECE_BYTES);
    CHECK(of_pieces(&full) < of_pieces(&before) + (size_t)PIECES * PIECE_BYTES * 2);
    CHECK(full.hblks == before.hblks + RUNS && full.hblkhd >= before.hblkhd + (size_t)RUNS * RUN_BYTES);
    CHECK(full.arena == full.uordblks + full.fordblks);
    CHECK((size_t)narrow.uordblks == full.uordblks && (size_t)narrow.hblkhd == full.hblkhd);
    release_all();
    struct mallinfo2 after = mallinfo2();
    CHECK(of_pieces(&after) == of_pieces(&before) && after.hblks == before.hblks);
    CHECK(after.ordblks >= before.ordblks && after.fordblks > before.fordblks && after.keepcost <= after.fordblks);
}

static void mallinfo_does_not_wrap_around(void) {
    enum { EACH = 1 << 30 };
    void *large[2] = {get(EACH), get(EACH)}; /* never touched */
    if (large[0] && large[1])
        CHECK(mallinfo().hblkhd == INT_MAX);
    release(large[0]);
    release(large[1]);
}

static void malloc_info_has_the_elements_of_the_c_librarys(void) {
    static const char *const expected[] = {
        "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n",
        "</sizes>\n<total type=\"fast\" count=\"0\" size=\"0\"/>\n<total type=\"rest\" ",
        "<system type=\"current\" size=\"",
        "<system type=\"max\" size=\"",
        "<aspace type=\"total\" size=\"",
        "</heap>\n",
        "<total type=\"mmap\" count=\"5\" size=\""};
    char *text = NULL, row[100];
    size_t length = 0;
    allocate();
    for (unsigned i = 0; i < PIECES; i += 2)
        release(pieces[i]);
    FILE *file = open_memstream(&text, &length);
    CHECK(file && malloc_info(0, file) == 0 && fclose(file) == 0);
    for (unsigned i = 0; i < sizeof expected / sizeof *expected; i++)
        CHECK_MSG(strstr(text, expected[i]), "no %s in\n%s", expected[i], text);
    CHECK(length > 10 && strcmp(text + length - 10, "</malloc>\n") == 0);
    size_t usable = malloc_usable_size(pieces[PIECES - 1]);
    snprintf(row, sizeof row, " to=\"%zu\" total=\"", usable);
    CHECK_MSG(strstr(text, row), "no %s in\n%s", row, text);
    CHECK(strtoull(strstr(text, row) + strlen(row), NULL, 10) >= (uint64_t)PIECES / 2 * usable);
    free(text);
    for (unsigned i = 1; i < PIECES; i += 2)
        release(pieces[i]);
    for (unsigned i = 0; i < RUNS; i++)
        release(runs[i]);
    errno = 0;
    CHECK(malloc_info(1, stderr) == -1 && errno == EINVAL);
}

static void malloc_stats_writes_to_standard_error(void) {
    char text[1000];
    int ends[2], kept = dup(STDERR_FILENO);
    CHECK(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    malloc_stats();
    fflush(stderr);
    CHECK(dup2(kept, STDERR_FILENO) == STDERR_FILENO && close(ends[1]) == 0);
    ssize_t length = read(ends[0], text, sizeof text - 1);
    CHECK(length > 0);
    text[length] = 0;
    const char *in_use = strstr(text, "in use bytes     = ");
    CHECK_MSG(in_use && strtoull(in_use + 19, NULL, 10) > 0, "%s", text);
}

/* Whether memory goes back depends on what the heap keeps, but what has been freed must be gone after it. */
static void malloc_trim_gives_memory_back(void) {
    allocate();
    release_all();
    struct mallinfo2 before = mallinfo2();
    CHECK(before.keepcost > 0);
    CHECK(malloc_trim(0) == 1);
    CHECK(malloc_trim(0) == 0);
    CHECK(mallinfo2().keepcost < before.keepcost);
}

int main(void) {
    watchdog_start(50);
    mallinfo_counts();
    mallinfo_does_not_wrap_around();
    malloc_info_has_the_elements_of_the_c_librarys();
    malloc_stats_writes_to_standard_error();
    malloc_trim_gives_memory_back();
    CHECK(mallopt(M_ARENA_MAX, 1) == 1 && mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
    CHECK(mallopt(12345, 1) == 0);
    return TEST_PASSED;
}
