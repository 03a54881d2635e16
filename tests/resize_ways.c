/* SPDX-License-Identifier: MIT */
/* resize_ways.c: tests each way in which memory above 32 KiB is resized. What lies beside the memory forces the way,
 * and the library's own counters of bytes taken, slid, moved and copied prove it. Contents, alignment and rights are
 * checked.
 *
 * White box: linked with the static core. To fill the space beside a run the test allocates single units until one lies
 * there. The heap searches from the lowest address, so this does not take long.
 */
#include "piece_list.h"

#include "brainmm.h"
#include "memory/region.h"
#include "heap/resize.h"
#include "slab/thread_heap.h"
#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#define UNIT UNIT_SIZE
#define UNIT_PAGES_COUNT (UNIT / BRAINMM_PAGE_SIZE)

/* ---- Where things lie -------------------------------------------------------------------------------------------- */

enum { TAKEN_MOST = 40000 };
static char *taken[TAKEN_MOST];
static unsigned taken_count;

static char *take_unit(void) {
    char *unit = brainmm_pages_get(UNIT_PAGES_COUNT, BRAINMM_USER);
    CHECK(unit != NULL && taken_count < TAKEN_MOST);
    taken[taken_count++] = unit;
    return unit;
}

/* What is kept in caches becomes free units, beside which a run can grow. */
static void empty_caches(void) {
    thread_heaps_empty_stocks();
    unit_cache_empty();
}

static void give_unit(char *unit) {
    for (unsigned i = 0; i < taken_count; i++)
        if (taken[i] == unit) {
            taken[i] = taken[--taken_count];
            CHECK(brainmm_pages_free(unit, BRAINMM_USER) == BRAINMM_OK);
            empty_caches();
            return;
        }
    CHECK_MSG(false, "%p was not taken", (void *)unit);
}

static void give_all(void) {
    while (taken_count)
        give_unit(taken[taken_count - 1]);
}

/* Allocates the unit at ADDRESS, unless it does not belong to the heap. */
static void occupy(const char *address) {
    size_t unit = ((uintptr_t)address - window.base) >> UNIT_SHIFT;
    while (unit < units_known() && bits_get(space.owned, unit) && bits_get(space.free, unit))
        take_unit();
}

/* Allocates COUNT units in a row. No free space of that length is left below them. */
static char *take_row(unsigned count) {
    char *last = take_unit();
    for (unsigned in_row = 1; in_row < count; in_row++) {
        char *next = take_unit();
        if (next != last + UNIT)
            in_row = 0;
        last = next;
    }
    return last - (count - 1) * UNIT;
}

/* ---- What was counted -------------------------------------------------------------------------------------------- */

static struct resize_counters counted_before;

static void start_counting(void) { resize_counters_get(&counted_before); }

static void check_counted(int line, size_t right, size_t left, size_t headroom, size_t slid, size_t moved,
                          size_t copied) {
    struct resize_counters now;
    resize_counters_get(&now);
    uint64_t found[] = {now.grown_right - counted_before.grown_right,
                        now.grown_left - counted_before.grown_left,
                        now.grown_headroom - counted_before.grown_headroom,
                        now.slid - counted_before.slid,
                        now.moved - counted_before.moved,
                        now.copied - counted_before.copied};
    uint64_t wanted[] = {right, left, headroom, slid, moved, copied};
    static const char *const names[] = {"right", "left", "headroom", "slid", "moved", "copied"};
    for (unsigned i = 0; i < 6; i++)
        CHECK_MSG(found[i] == wanted[i], "line %d: %s: %" PRIu64 " bytes, expected %" PRIu64, line, names[i], found[i],
                  wanted[i]);
}
#define COUNTED(...) check_counted(__LINE__, __VA_ARGS__)

/* ---- The ways ---------------------------------------------------------------------------------------------------- */

static const unsigned modes[] = {BRAINMM_USER, BRAINMM_SYSTEM, BRAINMM_JIT};

/* Replaces units FIRST and FIRST + 1 of a row by a run of two units. */
static unsigned char *run_in_row(char *row, unsigned first, unsigned mode) {
    give_unit(row + first * UNIT);
    give_unit(row + (first + 1) * UNIT);
    unsigned char *run = brainmm_pages_get(2 * UNIT_PAGES_COUNT, mode);
    CHECK((char *)run == row + first * UNIT);
    pattern_fill(run, 2 * UNIT, 5);
    return run;
}

static void grows_to_the_right(unsigned mode) {
    char *row = take_row(6);
    unsigned char *run = run_in_row(row, 1, mode);
    give_unit(row + 3 * UNIT);
    give_unit(row + 4 * UNIT);
    start_counting();
    CHECK(brainmm_pages_realloc(run, 4 * UNIT_PAGES_COUNT, mode) == run);
    COUNTED(2 * UNIT, 0, 0, 0, 0, 0);
    CHECK(pattern_holds(run, 2 * UNIT, 5));
    CHECK(under_qemu() || is_executable(run + 4 * UNIT - 1) == (mode == BRAINMM_JIT));
    pattern_fill(run, 4 * UNIT, 6);
    CHECK(brainmm_pages_free(run, mode) == BRAINMM_OK);
    give_all();
}

/* ---0000XX000--- where X is the run, 0 a free unit and - an occupied one; the run grows to 9 units. */
static void grows_to_both_sides(unsigned mode, bool keep) {
    char *row = take_row(11);
    unsigned char *run = run_in_row(row, 5, mode);
    for (unsigned i = 1; i < 10; i++)
        if (i != 5 && i != 6)
            give_unit(row + i * UNIT);
    start_counting();
    unsigned char *grown = keep ? brainmm_pages_realloc(run, 9 * UNIT_PAGES_COUNT, mode)
                                : brainmm_pages_reget(run, 9 * UNIT_PAGES_COUNT, mode);
    CHECK((char *)grown == row + UNIT);
    COUNTED(3 * UNIT, 4 * UNIT, 0, keep ? 2 * UNIT : 0, 0, 0);
    CHECK(!keep || pattern_holds(grown, 2 * UNIT, 5));
    for (unsigned i = 0; i < 9; i++)
        CHECK(is_executable(grown + i * UNIT) == (mode == BRAINMM_JIT));
    pattern_fill(grown, 9 * UNIT, 7);
    CHECK(brainmm_pages_free(run, mode) == BRAINMM_E_POINTER); /* the run no longer begins there */
    CHECK(brainmm_pages_free(grown, mode) == BRAINMM_OK);
    give_all();
}

static bool can_move_pages(void) {
    bool lost = false;
    char *memory = os_reserve(4 * UNIT, UNIT);
    CHECK(memory != NULL && os_commit(memory, 4 * UNIT));
    bool can = os_move_pages(memory, memory + 2 * UNIT, 2 * UNIT, &lost) == 2 * UNIT;
    os_release(memory, 4 * UNIT);
    return can;
}

/* A piece between two occupied units moves elsewhere, and there it has headroom. */
static void goes_where_there_is_headroom(size_t size, bool keep) {
    unsigned char *piece = brainmm_alloc_aligned(2048, size), *place = piece;
    size_t data = brainmm_usable_size(piece);
    bool pages_move = keep && data >= 128 * KIB && can_move_pages();
    CHECK(piece != NULL);
    occupy((char *)piece + (run_units(data) << UNIT_SHIFT));
    occupy((char *)piece - UNIT);
    pattern_fill(piece, data, 8);
    start_counting();
    piece = keep ? brainmm_realloc(piece, data + data / 2) : brainmm_reget(piece, data + data / 2);
    CHECK(piece != NULL && piece != place && is_aligned(piece, 2048));
    COUNTED(0, 0, 0, 0, pages_move ? data : 0, keep && !pages_move ? data : 0);
    CHECK(!keep || pattern_holds(piece, data, 8));
    CHECK(brainmm_usable_size(place) == 0);
    size_t before = brainmm_usable_size(piece), after = 2 * before;
    size_t more = (run_units(after) - run_units(before)) << UNIT_SHIFT;
    struct units_figures figures;
    units_figures(&figures);
    pattern_fill(piece, before, 9);
    if (data >= 256 * KIB) {
        CHECK_MSG(figures.headroom << UNIT_SHIFT >= more, "%zu units of headroom", figures.headroom);
        start_counting();
        CHECK(brainmm_realloc(piece, after) == piece);
        COUNTED(0, 0, more, 0, 0, 0);
        CHECK(pattern_holds(piece, before, 9));
        pattern_fill(piece, after, 10);
    }
    CHECK(brainmm_free(piece) == BRAINMM_OK);
    units_figures(&figures);
    CHECK_MSG(figures.headroom == 0, "%zu units of headroom without a run", figures.headroom);
    give_all();
}

static void shrinks_in_place(void) {
    size_t size = 32 * MIB;
    unsigned char *piece = brainmm_alloc(size);
    pattern_fill(piece, size, 11);
    brainmm_thread_heap_minimize();
    size_t full = resident_bytes();
    start_counting();
    CHECK(brainmm_realloc(piece, size / 4) == piece);
    COUNTED(0, 0, 0, 0, 0, 0);
    struct resize_counters now;
    resize_counters_get(&now);
    CHECK(now.shrunk - counted_before.shrunk == size / 4 * 3);
    brainmm_thread_heap_minimize();
    size_t rest = resident_bytes();
    CHECK_MSG(rest + size / 4 * 3 < full + 4 * MIB, "%zu KiB resident, after shrinking %zu", full / KIB, rest / KIB);
    CHECK(pattern_holds(piece, size / 4, 11));
    CHECK(brainmm_free(piece) == BRAINMM_OK);
}

/* A reget never copies contents, whatever way it takes. */
static void reget_never_copies(void) {
    enum { PIECES = 12, STEPS = 1500 };
    void *pieces[PIECES] = {NULL};
    random_source random = {3};
    start_counting();
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)random_below(&random, PIECES);
        void *piece = brainmm_reget(pieces[i], 40000 + random_below(&random, 4 * MIB));
        CHECK(piece != NULL);
        memset(piece, 1, 40000);
        pieces[i] = piece;
    }
    struct resize_counters now;
    resize_counters_get(&now);
    CHECK(now.copied == counted_before.copied && now.moved == counted_before.moved && now.slid == counted_before.slid);
    CHECK(now.grown_right > counted_before.grown_right);
    for (unsigned i = 0; i < PIECES; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

/* To the system pages of different rights are different mappings. All of them must move and keep their rights. */
static void pages_move_with_their_rights(void) {
    enum { PAGES = 67 };
    size_t size = (size_t)PAGES * os_facts.page, half = (PAGES + 16) * os_facts.page / UNIT * UNIT, reserved = 2 * half;
    unsigned char *memory = os_reserve(reserved, UNIT);
    CHECK(memory != NULL && os_commit(memory, reserved));
    unsigned char *from = memory, *to = memory + half;
    bool lost = false;
    memset(to, 0xEE, half);
    pattern_fill(from, size, 12);
    for (unsigned i = 0; i < PAGES; i += 3)
        CHECK(
            os_protect(from + i * os_facts.page, os_facts.page, i % 2 ? BRAINMM_READ : BRAINMM_READ | BRAINMM_EXECUTE));
    size_t moved = os_move_pages(to, from, size, &lost);
    CHECK(!lost && (moved == size || moved == 0));
    if (moved) {
        CHECK(pattern_holds(to, size, 12));
        for (unsigned i = 0; i < PAGES; i++)
            CHECK(is_executable(to + i * os_facts.page) == (i % 6 == 0));
        CHECK(to[size] == 0xEE);
        for (size_t i = 0; i < size; i++)
            CHECK(from[i] == 0);
        memset(from, 1, size); /* it can be read and written */
        CHECK(!is_executable(from));
    } else {
        CHECK(pattern_holds(from, size, 12));
    }
    os_release(memory, reserved);
}

#if !defined(_WIN32)
/* When addresses run out, unused headroom is given to others, and its run stays as it is. */
static void headroom_is_given_up_when_addresses_run_out(void) {
    unsigned char *piece = brainmm_alloc(16 * MIB);
    occupy((char *)piece + 16 * MIB);
    CHECK((piece = brainmm_realloc(piece, 20 * MIB)) != NULL);
    pattern_fill(piece, 20 * MIB, 13);
    struct units_figures figures;
    units_figures(&figures);
    CHECK(figures.headroom > 0 || WINDOW_IS_EVERYTHING); /* 32 bit takes the addresses behind a region first */
    struct rlimit limit = {1 * MIB, RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    void *list = NULL;
    for (void *more; (more = brainmm_alloc(8 * MIB)) != NULL;)
        piece_list_add(&list, more);
    units_figures(&figures);
    CHECK(figures.headroom == 0);
    CHECK(brainmm_realloc(piece, 900 * MIB) == NULL && pattern_holds(piece, 20 * MIB, 13));
    piece_list_free(list);
    limit.rlim_cur = RLIM_INFINITY;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    CHECK(brainmm_free(piece) == BRAINMM_OK);
    give_all();
}
#endif

/* brainmm_get_stats must tell what was counted. */
static void check_stats(void) {
    struct resize_counters now;
    brainmm_stats stats = {.struct_size = sizeof stats};
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    resize_counters_get(&now);
    CHECK(now.grown_right != 0 && stats.grown_right_bytes == now.grown_right);
    CHECK(now.grown_left != 0 && stats.grown_left_bytes == now.grown_left);
    CHECK(now.grown_headroom != 0 && stats.grown_headroom_bytes == now.grown_headroom);
    CHECK(now.slid != 0 && stats.slid_bytes == now.slid);
    CHECK(now.copied != 0 && stats.copied_bytes == now.copied);
    CHECK(stats.moved_bytes == now.moved); /* 0 where the system cannot move pages */
    CHECK(now.shrunk != 0 && stats.shrunk_bytes == now.shrunk);
}

int main(void) {
    watchdog_start(110);
    for (unsigned m = 0; m < 3; m++) {
        grows_to_the_right(modes[m]);
        grows_to_both_sides(modes[m], true);
        grows_to_both_sides(modes[m], false);
    }
    static const size_t sizes[] = {50 * KIB, 300 * KIB, 1 * MIB, 5 * MIB};
    for (unsigned i = 0; i < 4; i++) {
        goes_where_there_is_headroom(sizes[i], true);
        goes_where_there_is_headroom(sizes[i], false);
    }
    shrinks_in_place();
    reget_never_copies();
    pages_move_with_their_rights();
#if !defined(_WIN32)
    headroom_is_given_up_when_addresses_run_out();
#endif
    check_stats();
    return TEST_PASSED;
}
