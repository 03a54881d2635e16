/* SPDX-License-Identifier: MIT */
/* huge_rest.c: the last huge page of a large run may reach beyond the run. The heap counts the memory there as
 * resident, uses it for others and gives it back with the rest, whether it was free or the run's headroom. The same
 * holds for the rest of the huge page in which a slab begins, and where the administrator has set huge pages for
 * everything.
 *
 * White box: linked with the static core.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "os.h"
#include "os_inline.h"
#include "memory/units.h"

enum { RUNS = 24, RUN_KIB = 18 * 1024 + 100, SLACK_MIB = 4 };

static size_t counted_bytes(void) {
    struct units_figures figures;
    units_figures(&figures);
    return (figures.used + figures.idle) * UNIT_SIZE;
}

static void all_is_counted(size_t before, const char *when) {
    size_t resident = resident_growth(before), counted = counted_bytes();
    CHECK_MSG(resident <= counted + SLACK_MIB * MIB, "%s: %zu KiB resident, %zu counted", when, resident / KIB,
              counted / KIB);
}

static void all_goes_back(void *runs[RUNS], size_t before, const char *what) {
    for (unsigned i = 0; i < RUNS; i++)
        CHECK(brainmm_free(runs[i]) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    size_t rest = resident_growth(before);
    CHECK_MSG(rest <= SLACK_MIB * MIB, "%zu KiB are still resident after %s", rest / KIB, what);
}

/* The heap expects runs to be full when it has seen one that was. */
static void show_full_run(void) {
    void *run = brainmm_alloc(RUN_KIB * KIB);
    CHECK(run != NULL);
    memset(run, 0x5A, RUN_KIB * KIB);
    CHECK(brainmm_free(run) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
}

static void runs_keep_to_themselves(void) {
    void *runs[RUNS];
    show_full_run();
    size_t before = resident_bytes();
    for (unsigned i = 0; i < RUNS; i++) {
        runs[i] = brainmm_alloc(RUN_KIB * KIB);
        CHECK(runs[i] != NULL);
        memset(runs[i], 0x5A, RUN_KIB * KIB);
        CHECK(mappings_have_flag(runs[i], RUN_KIB * KIB, " hg"));
    }
    all_is_counted(before, "runs");
    all_goes_back(runs, before, "runs");

    memset(runs, 0, sizeof runs);
    for (size_t size = 600 * KIB; size < RUN_KIB * KIB; size += size / 4) /* in turn, so that they need headroom */
        for (unsigned i = 0; i < RUNS; i++) {
            runs[i] = brainmm_realloc(runs[i], size);
            CHECK(runs[i] != NULL);
            memset(runs[i], 0x5A, size);
        }
    all_goes_back(runs, before, "growth");
}

enum { SMALL = 1000, PIECES = 150000 };

/* With HUGE the last of the slabs lies in a huge page. */
static void slabs_keep_to_themselves(unsigned count, bool huge) {
    static void *small[PIECES];
    size_t before = resident_bytes();
    for (unsigned i = 0; i < count; i++) {
        small[i] = brainmm_alloc(SMALL);
        CHECK(small[i] != NULL);
        memset(small[i], 0x5A, SMALL);
    }
    all_is_counted(before, "small pieces");
    CHECK(mappings_have_flag(small[count - 1], SMALL, " hg") == huge);
    size_t resident = resident_growth(before);
    CHECK_MSG(resident <= (size_t)count * 1024 + 6 * MIB, "%zu KiB resident", resident / KIB);
    for (unsigned i = 0; i < count; i++)
        CHECK(brainmm_free(small[i]) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    resident = resident_growth(before);
    CHECK_MSG(resident <= SLACK_MIB * MIB, "%zu KiB are resident after small pieces were freed", resident / KIB);
}

/* ---- What the kernel is told ------------------------------------------------------------------------------------ */

/* A touch costs one page wherever nobody has asked for huge pages, also in memory that was given back and is used
 * again. */
static void nothing_is_huge_unasked(void) {
    enum { SIZE = 8 << 20 };
    char *memory = os_reserve(SIZE, os_facts.huge_page);
    CHECK(memory != NULL && mappings_have_flag(memory, SIZE, " nh"));
    os_expect_use(memory + os_facts.huge_page, os_facts.huge_page);
    CHECK(mappings_have_flag(memory + os_facts.huge_page, os_facts.huge_page, " hg") &&
          mappings_have_flag(memory, os_facts.huge_page, " nh"));
    os_decommit(memory + UNIT_SIZE, SIZE / 2);
    CHECK(mappings_have_flag(memory, SIZE, " nh"));
    os_release(memory, SIZE);
    CHECK(os_reserve_at(memory, SIZE) == OS_RESERVED && mappings_have_flag(memory, SIZE, " nh"));
    os_release(memory, SIZE);
}

int main(void) {
    watchdog_start(100);
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0)
        test_skip("this kernel has no transparent huge pages");
    brainmm_free(brainmm_alloc(1)); /* the first allocation reads the machine's setting */
    os_facts.huge_pages_everywhere = false;
    runs_keep_to_themselves();
    slabs_keep_to_themselves(PIECES, true); /* 145 MiB */
    slabs_keep_to_themselves(PIECES / 15, false);
    os_facts.huge_pages_everywhere = true;
    nothing_is_huge_unasked();
    runs_keep_to_themselves();
    slabs_keep_to_themselves(PIECES, true);
    slabs_keep_to_themselves(PIECES / 15, false);
    return TEST_PASSED;
}
