/* SPDX-License-Identifier: MIT */
/* walk_interrupted.c: while the walk reads a slab, the slab ends, goes back to the system and becomes something else.
 * The walk must find what was live all the time and must not find what was free all the time. If a slab changes at
 * every attempt, its pieces are reported as presumed.
 *
 * White box: linked with the static core and the linker's --wrap for os_peek (tests.mk), by which a walk reads memory.
 */
#include "walk_support.h"

#include "os.h"

enum { PIECES = 4000, SIZE_OF_EACH = 64, STAYING = 100, UNIT = 65536 };

static void (*interruption)(void); /* is called when the walk reads the unit of `where` */
static const void *where;
static unsigned peeks;

bool __real_os_peek(void *copy, const void *from, size_t size);
bool __wrap_os_peek(void *copy, const void *from, size_t size);

bool __wrap_os_peek(void *copy, const void *from, size_t size) {
    peeks++;
    if (interruption && (uintptr_t)from / UNIT == (uintptr_t)where / UNIT)
        interruption();
    return __real_os_peek(copy, from, size);
}

static void *pieces[PIECES], *staying[STAYING];
static struct seen seen;

static void fill(void) {
    for (unsigned i = 0; i < STAYING; i++)
        CHECK((staying[i] = brainmm_alloc(300)) != NULL);
    for (unsigned i = 0; i < PIECES; i++)
        CHECK((pieces[i] = brainmm_alloc(SIZE_OF_EACH)) != NULL);
    for (unsigned i = 0; i < PIECES; i += 2)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    where = pieces[PIECES / 2];
}

static void free_the_rest(void) {
    for (unsigned i = 1; i < PIECES; i += 2) {
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
        pieces[i] = NULL;
    }
    brainmm_thread_heap_minimize();
}

static void check_found(void) {
    for (unsigned i = 0; i < STAYING; i++)
        CHECK_MSG(seen_at(&seen, staying[i]) != NULL, "piece %u is not found although it is live", i);
    for (unsigned i = 0; i < PIECES; i += 2)
        CHECK_MSG(seen_at(&seen, pieces[i]) == NULL, "piece %u is found although it was free all the time", i);
    for (size_t i = 0; i < seen.count; i++)
        CHECK(seen.all[i].certainty == BRAINMM_SEEN);
}

static void empty(void) {
    for (unsigned i = 0; i < STAYING; i++)
        CHECK(brainmm_free(staying[i]) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
}

/* ---- The slabs go back to the system ---------------------------------------------------------------------------- */

static void give_back(void) {
    interruption = NULL;
    free_the_rest();
}

/* ---- And their units become a run with contents ----------------------------------------------------------------- */

static unsigned char *run;

static void give_back_and_reuse(void) {
    interruption = NULL;
    free_the_rest();
    CHECK((run = brainmm_alloc(256 * KIB)) != NULL);
    memset(run, 0xFF, 256 * KIB);
}

/* ---- Or slabs of other objects, or of the same ------------------------------------------------------------------ */

static void *others[PIECES];
static size_t others_size;

static void give_back_and_make_slabs(void) {
    interruption = NULL;
    free_the_rest();
    for (unsigned i = 0; i < PIECES; i++) {
        CHECK((others[i] = brainmm_alloc(others_size)) != NULL);
        memset(others[i], 0xFF, others_size);
    }
    others_size = brainmm_usable_size(others[0]);
}

static void with_slabs_of(size_t size) {
    others_size = size;
    interruption = give_back_and_make_slabs;
    fill();
    seen_walk(&seen);
    for (unsigned i = 0; i < STAYING; i++)
        CHECK(seen_at(&seen, staying[i]) != NULL);
    for (size_t i = 0; i < seen.count; i++) /* of the old slab or of the new one, but not of both */
        CHECK(seen.all[i].certainty != BRAINMM_PRESUMED &&
              (seen.all[i].size == others_size || seen.all[i].size == SIZE_OF_EACH || seen.all[i].size == 304));
    for (unsigned i = 0; size != SIZE_OF_EACH && i < PIECES; i += 2) {
        const brainmm_allocation *found = seen_at(&seen, pieces[i]);
        CHECK(!found || found->size == others_size); /* a piece of the new slab may begin there */
    }
    for (unsigned i = 0; i < PIECES; i++)
        CHECK(brainmm_free(others[i]) == BRAINMM_OK);
    empty();
}

/* ---- A slab that ends each time ---------------------------------------------------------------------------------- */

static void *restless;

static void end_and_begin(void) {
    CHECK(brainmm_free(restless) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    CHECK((restless = brainmm_alloc(4000)) != NULL);
    CHECK((uintptr_t)restless / UNIT == (uintptr_t)where / UNIT);
}

int main(void) {
    watchdog_start(50);
    seen_start(&seen, 20000);

    fill();
    interruption = give_back;
    seen_walk(&seen);
    check_found();
    empty();

    fill();
    interruption = give_back_and_reuse;
    seen_walk(&seen);
    check_found();
    CHECK(brainmm_free(run) == BRAINMM_OK);
    empty();

    with_slabs_of(80);
    with_slabs_of(5008);
    with_slabs_of(SIZE_OF_EACH);

    interruption = NULL;
    seen_walk(&seen);
    CHECK(seen.count == 0);

    CHECK((restless = brainmm_alloc(4000)) != NULL);
    where = restless;
    interruption = end_and_begin;
    peeks = 0;
    seen_walk(&seen);
    interruption = NULL;
    CHECK_MSG(peeks < 100, "the walk read one slab %u times", peeks);
    CHECK(seen.count == 1 && seen.all[0].certainty == BRAINMM_PRESUMED);
    brainmm_stats stats = {.struct_size = sizeof stats};
    interruption = end_and_begin;
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    interruption = NULL;
    CHECK(stats.approximate == (BRAINMM_OTHERS_WORKED | BRAINMM_SOME_PRESUMED));
    CHECK(brainmm_free(restless) == BRAINMM_OK);
    return TEST_PASSED;
}
