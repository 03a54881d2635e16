/* huge_rest.c: the last huge page of a large run may reach beyond it (src/window.c). What is resident there is counted, serves
 * others, and goes back with the rest, whether it was free or the run's own room to grow; likewise the rest of the huge
 * page that a slab begins.
 *
 * White box: linked with the static core.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "window.h"

enum { RUNS = 24, RUN_KIB = 18 * 1024 + 100, SLACK_MIB = 4 };

static size_t counted_bytes(void) {
    struct window_figures figures;
    window_figures(&figures);
    return (figures.used + figures.cached + figures.idle) * UNIT_SIZE;
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
    CHECK_MSG(rest <= SLACK_MIB * MIB, "%zu KiB of nothing are resident after %s", rest / KIB, what);
}

int main(void) {
    void *runs[RUNS];
    watchdog_start(100);
    size_t before = resident_bytes();
    for (unsigned i = 0; i < RUNS; i++) {
        runs[i] = brainmm_alloc(RUN_KIB * KIB);
        CHECK(runs[i] != NULL);
        memset(runs[i], 0x5A, RUN_KIB * KIB);
    }
    all_is_counted(before, "runs");
    all_goes_back(runs, before, "runs");

    memset(runs, 0, sizeof runs);
    for (size_t size = 600 * KIB; size < RUN_KIB * KIB; size += size / 4) /* in turn, so that they need room */
        for (unsigned i = 0; i < RUNS; i++) {
            runs[i] = brainmm_realloc(runs[i], size);
            CHECK(runs[i] != NULL);
            memset(runs[i], 0x5A, size);
        }
    all_goes_back(runs, before, "growth");
    enum { SMALL = 1000, PIECES = 300000 };
    static void *small[PIECES]; /* 290 MiB: slabs use huge pages then, of which the last may be begun */
    for (unsigned i = 0; i < PIECES; i++) {
        small[i] = brainmm_alloc(SMALL);
        CHECK(small[i] != NULL);
        memset(small[i], 0x5A, SMALL);
    }
    all_is_counted(before, "small pieces");
    size_t resident = resident_growth(before);
    CHECK_MSG(resident <= (size_t)PIECES * 1024 + 6 * MIB, "%zu KiB resident", resident / KIB);
    for (unsigned i = 0; i < PIECES; i++)
        CHECK(brainmm_free(small[i]) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    resident = resident_growth(before);
    CHECK_MSG(resident <= SLACK_MIB * MIB, "%zu KiB of nothing are resident after small pieces", resident / KIB);
    return TEST_PASSED;
}
