/* SPDX-License-Identifier: MIT */
/* fault_questions.c: what fault_injection.c does for the calls of the system that its scenario hardly makes. These are
 * the calls at the start of the heap; those by which the heap asks about memory; and those for memory with two views.
 *
 * The start: each call of it can fail, alone or with all that follow. The request that began it is refused or
 * succeeds, and the next one succeeds. Before main() all calls fail, so that the heap has not started there.
 *
 * The questions: an answer that the system refuses leads to an error or to an answer that is presumed. Memory that the
 * system does not take back stays counted.
 *
 * White box: linked with the static core and the linker's --wrap for each of the functions (tests.mk).
 */
#include "failing_system.h"
#include "heap_whole.h"

#include "brainmm.h"
#include "share/manager.h"

static struct faults faults = {.plan = FAULT_FROM, .number = 1};

bool __real_os_peek(void *copy, const void *from, size_t size);
bool __real_os_page_rights(const void *page, unsigned *rights);
bool __real_os_pages_are_mapped(const void *address, size_t size);
bool __real_os_map_views(size_t size, void **writable, void **executable);
bool __real_os_unmap_views(size_t size, void *writable, void *executable);
bool __wrap_os_peek(void *copy, const void *from, size_t size);
bool __wrap_os_page_rights(const void *page, unsigned *rights);
bool __wrap_os_pages_are_mapped(const void *address, size_t size);
bool __wrap_os_map_views(size_t size, void **writable, void **executable);
bool __wrap_os_unmap_views(size_t size, void *writable, void *executable);

bool __wrap_os_peek(void *copy, const void *from, size_t size) {
    return !call_fails() && __real_os_peek(copy, from, size);
}

bool __wrap_os_page_rights(const void *page, unsigned *rights) {
    return !call_fails() && __real_os_page_rights(page, rights);
}

bool __wrap_os_pages_are_mapped(const void *address, size_t size) {
    return !call_fails() && __real_os_pages_are_mapped(address, size);
}

bool __wrap_os_map_views(size_t size, void **writable, void **executable) {
    return !call_fails() && __real_os_map_views(size, writable, executable);
}

bool __wrap_os_unmap_views(size_t size, void *writable, void *executable) {
    return !call_fails() && __real_os_unmap_views(size, writable, executable);
}

/* ---- The start -------------------------------------------------------------------------------------------------- */

enum { STARTED_AT = 100 }; /* exit code: the heap started in spite of fault number (code - 100) */

static bool has_started(const struct brainmm_manager *before) { return manager_active.alloc != before->alloc; }

static void the_heap_works(void) {
    void *piece = brainmm_alloc(100), *run = brainmm_alloc_zeroed(100 * KIB);
    CHECK(piece != NULL && run != NULL && all_zero(run, 100 * KIB));
    CHECK(brainmm_free(piece) == BRAINMM_OK && brainmm_free(run) == BRAINMM_OK);
    heap_is_whole("a start");
}

/* Lets the first request fail by PLAN with one number after the other, from FIRST on, until the heap has started. The
 * result is TEST_PASSED when the number is beyond the last call. */
static int start_with_faults(enum fault_plan plan, unsigned first) {
    const struct brainmm_manager before = manager_active;
    CHECK_MSG(brainmm_alloc(1) == NULL && !has_started(&before), "the heap started though every call failed");
    for (unsigned number = first;; number++) {
        faults_begin(plan, number, 0);
        void *piece = brainmm_alloc(100);
        bool beyond = faults_end() < number;
        CHECK_MSG(piece != NULL || !beyond, "no call failed, and yet there is no memory");
        if (!has_started(&before))
            continue;
        CHECK(brainmm_free(piece) == BRAINMM_OK);
        the_heap_works();
        return beyond ? TEST_PASSED : STARTED_AT + (int)number;
    }
}

/* A heap starts once in a process, so each that starts is one process. */
static unsigned all_starts(const char *program, enum fault_plan plan) {
    unsigned next = 1, started = 0;
    for (int64_t code = 1; code != TEST_PASSED; next = (unsigned)(code - STARTED_AT) + 1, started++) {
        char argument[32];
        snprintf(argument, sizeof argument, "%u:%u", (unsigned)plan, next);
        code = run_again(program, argument, 60);
        CHECK_MSG(code == TEST_PASSED || code >= STARTED_AT + next, "start with faults %s: %" PRId64, argument, code);
    }
    return started;
}

/* ---- The questions ---------------------------------------------------------------------------------------------- */

enum { PIECES = 60, PAGES = 4, ROUNDS_MOST = 40 };
static void *foreign;           /* pages that are not the heap's */
static brainmm_snapshot *taken; /* by this round */
static unsigned refused;        /* the requests of one round that were refused, and the answers that were presumed */

static bool is_ok(int result, int error) {
    CHECK_MSG(result == BRAINMM_OK || result == error, "%d: %s", result, brainmm_result_text(result));
    refused += result != BRAINMM_OK;
    return result == BRAINMM_OK;
}

static int BRAINMM_CALL visit(void *context, const brainmm_allocation *allocation) {
    size_t *found = context;
    CHECK(allocation->address != NULL && allocation->size != 0);
    ++*found;
    return 0;
}

static int BRAINMM_CALL write_nothing(void *context, const char *text, size_t length) {
    (void)context;
    (void)text;
    (void)length;
    return 0;
}

/* What cannot be read is presumed to be live, so nothing live is missing. */
static void look_at_all(void) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    size_t found = 0;
    if (is_ok(brainmm_walk(visit, &found), BRAINMM_E_MEMORY))
        CHECK_MSG(found >= PIECES, "%zu allocations were found", found);
    if (is_ok(brainmm_get_stats(&stats, NULL, 0), BRAINMM_E_MEMORY)) {
        CHECK(stats.live_count >= PIECES);
        refused += (stats.approximate & BRAINMM_SOME_PRESUMED) != 0;
    }
    is_ok(brainmm_dump(write_nothing, NULL,
                       BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS | BRAINMM_DUMP_MAP | BRAINMM_DUMP_HOLDERS),
          BRAINMM_E_MEMORY);
}

/* What is registered and taken is given back, and what was refused has left nothing. */
static void report_leaks(void) {
    brainmm_snapshot *snapshot = NULL;
    const brainmm_expected_leak leak = {.struct_size = sizeof leak, .count = 3, .size = 12345};
    if (is_ok(brainmm_register_expected_leak(&leak), BRAINMM_E_MEMORY))
        CHECK(brainmm_unregister_expected_leak(&leak) == BRAINMM_OK);
    is_ok(brainmm_report_leaks(write_nothing, NULL), BRAINMM_E_MEMORY);
    if (is_ok(brainmm_snapshot_take(&snapshot), BRAINMM_E_MEMORY)) {
        int result = brainmm_snapshot_difference(NULL, snapshot, write_nothing, NULL);
        is_ok(result == BRAINMM_E_POINTER ? BRAINMM_E_MEMORY : result, BRAINMM_E_MEMORY); /* it cannot be read */
    }
    taken = snapshot;
}

static void change_rights(void) {
    unsigned rights = 8;
    brainmm_options options;
    unsigned char *pages = brainmm_pages_get(PAGES, BRAINMM_USER);
    refused += pages == NULL;
    if (pages) {
        pattern_fill(pages, PAGES * 4096, 3);
        is_ok(brainmm_pages_set_rights(pages, 1, BRAINMM_READ), BRAINMM_E_REFUSED);
        int told = brainmm_pages_get_rights(pages, &rights);
        /* Two calls of the system: what the rights are, and whether the page is mapped. */
        if (is_ok(told, told == BRAINMM_E_UNSUPPORTED ? told : BRAINMM_E_POINTER))
            CHECK(rights == BRAINMM_READ || rights == (BRAINMM_READ | BRAINMM_WRITE));
        CHECK(brainmm_get_options(pages, &options) == 1 && options.size == PAGES * 4096);
        CHECK(pattern_holds(pages, PAGES * 4096, 3));
        CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
    }
    int result = brainmm_pages_set_rights(foreign, 1, BRAINMM_READ);
    CHECK(result == BRAINMM_OK || result == BRAINMM_E_POINTER || result == BRAINMM_E_REFUSED);
    refused += result != BRAINMM_OK;
}

static void make_code(unsigned kind) {
    brainmm_jit_heap *heap = NULL;
    brainmm_options options;
    int result = brainmm_jit_heap_create(kind, &heap);
    CHECK(result == BRAINMM_OK || result == BRAINMM_E_REFUSED || result == BRAINMM_E_MEMORY);
    refused += result != BRAINMM_OK;
    for (size_t size = 100; heap && size < 300 * KIB; size *= 50) {
        void *writable, *code = brainmm_jit_alloc(heap, size, &writable);
        refused += code == NULL;
        if (code) {
            pattern_fill(writable, size, size);
            CHECK(pattern_holds(code, size, size) && brainmm_get_options(code, &options) == 1);
            CHECK(size > 1000 || brainmm_jit_free(heap, code) == BRAINMM_OK);
        }
    }
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
}

static unsigned ask(enum fault_plan plan, unsigned number, uint64_t seed) {
    refused = 0;
    faults_begin(plan, number, seed);
    look_at_all();
    report_leaks();
    change_rights();
    make_code(BRAINMM_JIT_WRITABLE);
    make_code(BRAINMM_JIT_TWO_VIEWS);
    unsigned calls = faults_end();
    CHECK(brainmm_snapshot_free(taken) == BRAINMM_OK);
    brainmm_thread_heap_minimize(); /* so that the next round asks the system again */
    heap_is_whole("questions");
    return calls;
}

static void nothing_is_left_of(unsigned number) {
    ask(FAULT_NONE, 0, 0);
    CHECK_MSG(refused == 0, "%u requests failed after call %u had failed", refused, number);
}

static unsigned all_questions(void) {
    static const unsigned one_in[] = {2, 5, 20};
    void *pieces[PIECES];
    for (unsigned i = 0; i < PIECES; i++)
        CHECK((pieces[i] = brainmm_alloc((size_t)16 << i % 14)) != NULL);
    foreign = system_pages(64 * KIB);
    ask(FAULT_NONE, 0, 0);
    unsigned all = ask(FAULT_NONE, 0, 0), stride = 1 + all / ROUNDS_MOST;
    CHECK_MSG(refused == 0 && all > 20, "%u refused, %u calls", refused, all);
    for (unsigned number = 1; number <= all; number += stride) {
        ask(FAULT_ONCE, number, 0);
        nothing_is_left_of(number);
        ask(FAULT_FROM, number, 0);
        CHECK_MSG(refused > 0 || number > all / 2, "all calls from %u on failed, but nothing was refused", number);
        nothing_is_left_of(number);
    }
    for (unsigned i = 0; i < 4 * sizeof one_in / sizeof *one_in; i++) {
        ask(FAULT_ONE_IN, one_in[i / 4], i);
        CHECK(faults.failed > 0);
        nothing_is_left_of(one_in[i / 4]);
    }
    for (unsigned i = 0; i < PIECES; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    return all;
}

/* ---- What the system does not take back ------------------------------------------------------------------------- */

static uint64_t committed(void) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    return stats.committed_bytes;
}

static void what_stays_is_counted(void) {
    brainmm_jit_heap *heap = NULL;
    size_t found = 0;
    void *writable;
    brainmm_thread_heap_minimize();
    uint64_t before = committed();
    CHECK(brainmm_walk(visit, &found) == BRAINMM_OK && committed() == before);
    faults_begin(FAULT_FROM, 3, 0); /* the memory of the walk has been reserved and committed; its release fails */
    CHECK(brainmm_walk(visit, &found) == BRAINMM_OK);
    CHECK(faults_end() >= 3 && faults.failed > 0);
    CHECK_MSG(committed() > before, "memory of a walk that was not released is not counted");

    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_TWO_VIEWS, &heap) == BRAINMM_OK);
    CHECK(brainmm_jit_alloc(heap, 100, &writable) != NULL);
    before = committed();
    faults_begin(FAULT_FROM, 1, 0);
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
    CHECK(faults_end() == 1);
    CHECK_MSG(committed() == before, "%" PRIu64 " bytes before, %" PRIu64 " after views that stay", before,
              committed());
}

int main(int argc, char **argv) {
    unsigned plan, number;
    if (argc > 1) {
        watchdog_start(50);
        CHECK(sscanf(argv[1], "%u:%u", &plan, &number) == 2);
        return start_with_faults(plan, number);
    }
    watchdog_start(100);
    unsigned once = all_starts(argv[0], FAULT_ONCE), from = all_starts(argv[0], FAULT_FROM);
    faults_end();
    the_heap_works();
    unsigned all = all_questions();
    what_stays_is_counted();
    printf("the heap started %u times; %u calls ask the system\n", once + from, all);
    return TEST_PASSED;
}
