/* SPDX-License-Identifier: MIT */
/* idle_moved.c: if no hole is large enough for an allocation, the heap moves the idle pages of other holes to it
 * instead of asking the system for new ones, where the system can move pages. The contents beside the holes stay,
 * zeroed memory is zero, and no mark of a free piece comes with the pages.
 *
 * White box: linked with the static core.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "slab/slab.h"
#include "memory/units.h"

enum { HOLES = 8, HOLE_MIB = 8, LARGE_MIB = 24, LIVE = 20, ROUNDS = 300 };

static size_t moved_units(void) {
    struct units_figures figures;
    units_figures(&figures);
    return (size_t)figures.moved;
}

static bool is_zero(const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Allocates runs with holes of HOLE_MIB between them. The holes are idle but committed. */
static void make_holes(void *live[HOLES], void *holes[HOLES]) {
    for (unsigned i = 0; i < HOLES; i++) {
        holes[i] = brainmm_alloc(HOLE_MIB * MIB);
        live[i] = brainmm_alloc(HOLE_MIB * MIB);
        CHECK(holes[i] != NULL && live[i] != NULL);
        memset(holes[i], 0xA5, HOLE_MIB * MIB);
        pattern_fill(live[i], HOLE_MIB * MIB, i);
    }
    for (unsigned i = 0; i < HOLES; i++)
        CHECK(brainmm_free(holes[i]) == BRAINMM_OK);
}

static void holes_are_moved(bool zeroed) {
    void *live[HOLES], *holes[HOLES];
    make_holes(live, holes);
    size_t before = moved_units(), resident = resident_bytes();
    unsigned char *large = zeroed ? brainmm_alloc_zeroed(LARGE_MIB * MIB) : brainmm_alloc(LARGE_MIB * MIB);
    CHECK(large != NULL);
    CHECK(!zeroed || is_zero(large, LARGE_MIB * MIB));
    pattern_fill(large, LARGE_MIB * MIB, 99);
#if defined(__linux__)
    /* All idle memory moves but the part at both ends that does not fill a huge page: of 8 MiB at least 6 are huge
     * pages. On 32 bit most of the idle memory has gone back with its addresses, and one hole is left. */
    size_t moved = (moved_units() - before) * UNIT_SIZE, growth = resident_growth(resident);
    size_t least = sizeof(void *) > 4 ? (LARGE_MIB - 4) * MIB : (HOLE_MIB - 2) * MIB;
    CHECK_MSG(under_valgrind() || moved >= least, "%zu KiB were moved", moved / KIB);
    CHECK_MSG(under_valgrind() || UNDER_SANITIZER || growth <= LARGE_MIB * MIB - moved + 2 * MIB,
              "%zu KiB more resident", growth / KIB);
#else
    (void)resident;
    CHECK(moved_units() == before); /* the system cannot move pages */
#endif
    for (unsigned i = 0; i < HOLES; i++) {
        CHECK(pattern_holds(live[i], HOLE_MIB * MIB, i));
        CHECK(brainmm_free(live[i]) == BRAINMM_OK);
    }
    CHECK(pattern_holds(large, LARGE_MIB * MIB, 99));
    CHECK(brainmm_free(large) == BRAINMM_OK);
}

/* The patterns of other tests lie in memory, too. On 32 bit some of their words would be addresses in the table. */
static bool is_mark(const uintptr_t *words) {
    uintptr_t offset = words[0] - (uintptr_t)window.table;
    return offset <= load_relaxed(&window.mask) && offset % sizeof(struct unit) == 0 &&
           words[OBJECT_MARKS - 1] == words[0];
}

/* Slabs leave marks in the holes. An allocation that gets their pages must not contain a mark. */
static void marks_stay_behind(void) {
    enum { PIECES = 400000, PIECE = 48, KEEP = 60000 };
    static void *pieces[PIECES];
    for (unsigned i = 0; i < PIECES; i++)
        CHECK((pieces[i] = brainmm_alloc(PIECE)) != NULL);
    void *kept = brainmm_alloc(64 * MIB); /* more than will lie idle, so that the heap keeps the idle memory */
    CHECK(kept != NULL);
    for (unsigned i = 0; i < PIECES; i++) /* 2.7 MiB in the middle of each 18 MiB stay */
        if (i % (PIECES / 2) < PIECES / 4 || i % (PIECES / 2) > PIECES / 4 + KEEP)
            CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    uintptr_t *large = brainmm_alloc(16 * MIB);
    CHECK(large != NULL);
    for (size_t i = 0; i + OBJECT_MARKS <= 16 * MIB / sizeof *large; i++)
        CHECK_MSG(!is_mark(large + i), "a mark at byte %zu", i * sizeof *large);
    CHECK(brainmm_free(large) == BRAINMM_OK && brainmm_free(kept) == BRAINMM_OK);
    for (unsigned i = 0; i < PIECES; i++)
        if (!(i % (PIECES / 2) < PIECES / 4 || i % (PIECES / 2) > PIECES / 4 + KEEP))
            CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

/* Buffers are replaced by buffers of any size for a long time. Each keeps its contents. */
static void replaced_for_long(void) {
    random_source random = {7};
    unsigned char *buffers[LIVE] = {NULL};
    size_t sizes[LIVE] = {0};
    for (unsigned round = 0; round < (UNDER_SANITIZER ? ROUNDS / 4 : ROUNDS); round++) {
        unsigned k = (unsigned)random_below(&random, LIVE);
        for (size_t at = 0; at < sizes[k]; at += BRAINMM_PAGE_SIZE)
            CHECK(pattern_holds(buffers[k] + at, 16, k + at));
        CHECK(brainmm_free(buffers[k]) == BRAINMM_OK);
        sizes[k] = (1 + random_below(&random, 12 * MIB / BRAINMM_PAGE_SIZE)) * BRAINMM_PAGE_SIZE;
        bool zeroed = random_below(&random, 4) == 0;
        CHECK((buffers[k] = zeroed ? brainmm_alloc_zeroed(sizes[k]) : brainmm_alloc(sizes[k])) != NULL);
        CHECK(!zeroed || is_zero(buffers[k], sizes[k]));
        for (size_t at = 0; at < sizes[k]; at += BRAINMM_PAGE_SIZE)
            pattern_fill(buffers[k] + at, 16, k + at);
    }
    for (unsigned k = 0; k < LIVE; k++)
        CHECK(brainmm_free(buffers[k]) == BRAINMM_OK);
}

int main(void) {
    watchdog_start(100);
    holes_are_moved(false);
    holes_are_moved(true);
    marks_stay_behind();
    replaced_for_long();
    printf("%zu MiB were moved\n", moved_units() * UNIT_SIZE / MIB);
    return TEST_PASSED;
}
