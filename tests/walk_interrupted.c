/* walk_interrupted.c: slabs that end, go back to the system and are made again as something else in the very moment the walk
 * looks at them. What was free all the time is still not found, what was live all the time is, and what is seen of a slab
 * that never keeps still is marked as presumed.
 *
 * White box: linked with the static core and the linker's --wrap for os_peek (tests.mk), which is where a walk looks.
 */
#include "walk_support.h"

#include "os.h"

enum { PIECES = 4000, SIZE_OF_EACH = 64, STAYING = 100, UNIT = 65536 };

static void (*interruption)(void); /* happens when something in the unit of `where` is looked at */
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
        CHECK_MSG(seen_at(&seen, staying[i]) != NULL, "piece %u, which stays, is not found", i);
    for (unsigned i = 0; i < PIECES; i += 2)
        CHECK_MSG(seen_at(&seen, pieces[i]) == NULL, "piece %u, which was free before and after, is found", i);
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
    for (size_t i = 0; i < seen.count; i++) /* of whichever life, but of one */
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
    CHECK_MSG(peeks < 100, "looked %u times at one slab", peeks);
    CHECK(seen.count == 1 && seen.all[0].certainty == BRAINMM_PRESUMED);
    brainmm_stats stats = {.struct_size = sizeof stats};
    interruption = end_and_begin;
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    interruption = NULL;
    CHECK(stats.approximate == (BRAINMM_OTHERS_WORKED | BRAINMM_SOME_PRESUMED));
    CHECK(brainmm_free(restless) == BRAINMM_OK);
    return TEST_PASSED;
}
