/* SPDX-License-Identifier: MIT */
/* fault_injection.c: every call of the system can fail without harm. A first run of a scenario that uses all of the
 * heap counts the calls of those functions of os.h that can fail. Then the scenario runs for each N twice: once the Nth
 * call alone fails, once all calls from the Nth on fail. It also runs while one call in K fails, for several K. The
 * heap must answer with NULL and keep all that is live. After each of these runs the same scenario must pass completely
 * with no call failing.
 *
 * If there are more than a hundred calls, only some of them are tried. With any argument all are tried.
 * fault_questions.c does the same for the calls that this scenario hardly makes.
 *
 * White box: linked with the static core and the linker's --wrap for each of the functions (tests.mk).
 */
#include "failing_system.h"
#include "heap_model.h"
#include "heap_whole.h"

#include "os.h"

/* ---- Moving pages --------------------------------------------------------------------------------------------- */

size_t __real_os_move_pages(void *to, void *from, size_t size, bool *lost);
size_t __wrap_os_move_pages(void *to, void *from, size_t size, bool *lost);

#if defined(_WIN32)
#define CAN_LOSE_ADDRESSES false
#else
#define CAN_LOSE_ADDRESSES true
#endif
static unsigned moves_failed, pages_moved;

/* Fails in the ways in which the real function can fail: it moves nothing or a part of the pages, and the target's
 * addresses are still ours or lost. Windows moves nothing and so loses nothing. */
size_t __wrap_os_move_pages(void *to, void *from, size_t size, bool *lost) {
    size_t part = size;
    if (call_fails()) {
        moves_failed++;
        part = moves_failed % 2 ? 0 : size / 2 / os_facts.page * os_facts.page;
        *lost = CAN_LOSE_ADDRESSES && (moves_failed % 4 == 3 || moves_failed % 4 == 0);
    }
    size_t moved = part ? __real_os_move_pages(to, from, part, lost) : 0;
    pages_moved += moved > 0;
    return moved;
}

/* ---- The scenario ----------------------------------------------------------------------------------------------- */

enum { SLOTS = 96, STEPS = 800 };
#if defined(_WIN32)
enum { RUNS_MOST = 55 }; /* a run takes five times as long under Wine */
#else
enum { RUNS_MOST = 120 };
#endif
static struct slot slots[SLOTS];
static unsigned refused; /* the requests of one run that returned NULL */

static int BRAINMM_CALL visit(void *context, const brainmm_allocation *allocation) {
    (void)context;
    CHECK(allocation->address != NULL);
    return 0;
}

static void step(random_source *random) {
    size_t exponent = random_below(random, 20) == 0 ? 22 : 4 + random_below(random, 14);
    size_t size = random_below(random, (size_t)1 << exponent);
    refused += slot_step(&slots[random_below(random, SLOTS)], random, size) == STEP_REFUSED;
    if (random_below(random, 200) == 0)
        brainmm_thread_heap_minimize();
    if (random_below(random, 100) == 0) {
        brainmm_stats stats = {.struct_size = sizeof stats};
        int walked = brainmm_walk(visit, NULL), counted = brainmm_get_stats(&stats, NULL, 0);
        CHECK((walked == BRAINMM_OK || walked == BRAINMM_E_MEMORY) &&
              (counted == BRAINMM_OK || counted == BRAINMM_E_MEMORY));
        refused += walked != BRAINMM_OK;
        refused += counted != BRAINMM_OK;
    }
}

static void thread_works(void *unused) {
    (void)unused;
    void *pieces[20];
    for (unsigned i = 0; i < 20; i++) {
        pieces[i] = brainmm_alloc((size_t)8 << i % 13);
        refused += pieces[i] == NULL;
    }
    for (unsigned i = 0; i < 20; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

/* Buffers that lie in each other's way grow in turn, so that their pages have to move. A failure must leave a buffer as
 * it was. */
static void grow_in_turn(void) {
    enum { BUFFERS = 6, LAST = 12 << 20 };
    unsigned char *buffers[BUFFERS];
    size_t sizes[BUFFERS];
    for (unsigned b = 0; b < BUFFERS; b++) {
        sizes[b] = 300 * KIB;
        buffers[b] = brainmm_alloc(sizes[b]);
        refused += buffers[b] == NULL;
        if (buffers[b])
            pattern_fill(buffers[b], 4096, b);
    }
    for (size_t size = 400 * KIB; size < LAST; size += size / 2)
        for (unsigned b = 0; b < BUFFERS; b++) {
            unsigned char *grown = buffers[b] ? brainmm_realloc(buffers[b], size) : NULL;
            refused += grown == NULL;
            if (grown) {
                buffers[b] = grown;
                pattern_fill(grown + size - 4096, 4096, size);
                sizes[b] = size;
            }
            CHECK(!buffers[b] || pattern_holds(buffers[b], 4096, b));
            CHECK(!buffers[b] || sizes[b] == 300 * KIB || pattern_holds(buffers[b] + sizes[b] - 4096, 4096, sizes[b]));
        }
    for (unsigned b = 0; b < BUFFERS; b++)
        CHECK(brainmm_free(buffers[b]) == BRAINMM_OK);
}

/* Allocates a buffer for which no hole is large enough while the holes together are: the heap moves their idle pages to
 * the buffer's addresses. */
static void fill_from_holes(void) {
    enum { BUFFERS = 8, SIZE = 5 << 20, LARGE = 13 << 20 };
    unsigned char *buffers[BUFFERS];
    for (unsigned b = 0; b < BUFFERS; b++) {
        buffers[b] = brainmm_alloc(SIZE);
        refused += buffers[b] == NULL;
        for (size_t at = 0; buffers[b] && at < SIZE; at += os_facts.page)
            buffers[b][at] = (unsigned char)(b + 1);
    }
    for (unsigned b = 0; b < BUFFERS; b += 2)
        CHECK(brainmm_free(buffers[b]) == BRAINMM_OK);
    unsigned char *large = brainmm_alloc_zeroed(LARGE);
    refused += large == NULL;
    for (size_t at = 0; large && at < LARGE; at++)
        CHECK(large[at] == 0);
    for (unsigned b = 1; b < BUFFERS; b += 2) {
        for (size_t at = 0; buffers[b] && at < SIZE; at += os_facts.page)
            CHECK(buffers[b][at] == b + 1);
        CHECK(brainmm_free(buffers[b]) == BRAINMM_OK);
    }
    CHECK(brainmm_free(large) == BRAINMM_OK);
}

/* Runs the scenario by a plan of faults, counts the refused requests, and returns how many calls of the system there
 * were. */
static unsigned run(enum fault_plan plan, unsigned number, uint64_t seed) {
    random_source random = {2026};
    refused = 0;
    faults_begin(plan, number, seed);
    for (unsigned i = 0; i < STEPS; i++) {
        step(&random);
        if (i == 500)
            grow_in_turn();
        if (i == 600)
            fill_from_holes();
        if (i % 300 == 100) { /* a new thread needs a heap of its own */
            thread t;
            thread_start(&t, thread_works, NULL);
            thread_join(&t);
        }
    }
    unsigned made = faults_end();
    for (unsigned i = 0; i < SLOTS; i++)
        slot_release(&slots[i]);
    if (number % 4 == 0) /* the check takes as long as the run */
        heap_is_whole("a run");
    brainmm_thread_heap_minimize(); /* so that the next run asks the system again */
    if (plan == FAULT_NONE)
        heap_is_whole("giving everything back");
    return made;
}

/* What has failed is over: everything can be had again. */
static void nothing_is_left_of(const char *plan, unsigned number) {
    run(FAULT_NONE, 0, 0);
    CHECK_MSG(refused == 0, "%u requests failed after %s %u had failed", refused, plan, number);
}

/* If the system refuses once, the heap gives its idle memory back and asks again. The request then succeeds. */
static void one_refusal_is_overcome(void) {
    enum { REQUESTS = 5, PAGES = 100 };
    for (unsigned request = 0; request < REQUESTS; request++) {
        void *taken = NULL, *pages = brainmm_pages_get(1, BRAINMM_SYSTEM), *idle = brainmm_alloc(100 * KIB);
        void *behind = brainmm_pages_get(1, BRAINMM_SYSTEM);
        brainmm_jit_heap *code = NULL;
        CHECK(pages && idle && behind && brainmm_jit_heap_create(BRAINMM_JIT_WRITABLE, &code) == BRAINMM_OK);
        brainmm_thread_heap_minimize();
        CHECK(brainmm_free(idle) == BRAINMM_OK);
        faults_begin(FAULT_ONCE, 1, 0);
        if (request == 0)
            taken = brainmm_block_get(MIB, BRAINMM_SYSTEM);
        else if (request == 1)
            taken = brainmm_pages_get(PAGES, BRAINMM_SYSTEM);
        else if (request == 2)
            pages = taken = brainmm_pages_realloc(pages, PAGES, BRAINMM_SYSTEM);
        else if (request == 3)
            taken = brainmm_jit_alloc(code, 200 * KIB, NULL);
        else
            taken = brainmm_alloc(MIB);
        unsigned calls = faults_end();
        CHECK_MSG(taken != NULL && calls > 1, "request %u: %p after %u calls of the system", request, taken, calls);
        CHECK(request != 0 || brainmm_block_free(taken, BRAINMM_SYSTEM) == BRAINMM_OK);
        CHECK(request != 1 || brainmm_pages_free(taken, BRAINMM_SYSTEM) == BRAINMM_OK);
        CHECK(request != 4 || brainmm_free(taken) == BRAINMM_OK);
        CHECK(brainmm_pages_free(pages, BRAINMM_SYSTEM) == BRAINMM_OK);
        CHECK(brainmm_pages_free(behind, BRAINMM_SYSTEM) == BRAINMM_OK);
        CHECK(brainmm_jit_heap_destroy(code) == BRAINMM_OK);
    }
}

int main(int argc, char **argv) {
    static const unsigned one_in[] = {2, 7, 30, 120};
    (void)argv;
    watchdog_start(280);
    one_refusal_is_overcome();
    run(FAULT_NONE, 0, 0);
    CHECK_MSG(refused == 0, "%u requests failed although no call failed", refused);
    unsigned all = run(FAULT_NONE, 0, 0), answered = 0; /* again: without what only the first run asks for */
    CHECK_MSG(all > 20, "the scenario calls the system %u times, which is too few for this test", all);
    unsigned stride = argc > 1 ? 1 : 1 + all / RUNS_MOST;
    for (unsigned number = 1; number <= all; number += stride) {
        run(FAULT_ONCE, number, 0);
        answered += refused > 0;
        run(FAULT_FROM, number, 0);
        CHECK_MSG(refused > 0 || number > all / 2, "all calls from %u of %u on failed, but no request failed", number,
                  all);
        nothing_is_left_of("call", number);
    }
    unsigned failed = 0; /* in all of these runs: in one of them with few calls and a low rate, chance may fail none */
    for (unsigned i = 0; i < 2 * sizeof one_in / sizeof *one_in; i++) {
        run(FAULT_ONE_IN, one_in[i / 2], i);
        failed += faults.failed;
        nothing_is_left_of("one call in", one_in[i / 2]);
    }
    CHECK_MSG(failed >= 20, "only %u calls failed while one call in 2 to 120 was to fail", failed);
    CHECK_MSG(moves_failed >= 4, "only %u calls to move pages failed", moves_failed);
    printf("%u calls of the system, %u times pages moved; one failing call led to a NULL in %u of %u runs and was "
           "overcome in the others\n",
           all, pages_moved, answered, (all + stride - 1) / stride);
    return TEST_PASSED;
}
