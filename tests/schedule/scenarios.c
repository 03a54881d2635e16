/* SPDX-License-Identifier: MIT */
/* scenarios.c: what threads do to each other in the heap, under the scheduler of scheduler.h. Each scenario is small,
 * so that all interleavings with a few deviations can be run, and leaves the heap as it was. After each run nothing is
 * lost, nothing is there twice, and the heap's structures agree.
 *
 *   scenarios [--runs=N] [--limit=N] [--trace=N] [NAME...]
 *
 * For each model of memory there are N runs at random, and at most N of all interleavings with one deviation, with
 * two, and so on, up to what the table of scenarios says. --trace prints the operations
 * of run N, which the message of a failure names.
 */
#define TEST_ON_FAILURE describe_run
static void describe_run(void);
#include "schedule/scheduler.h"
#include "heap_whole.h"
#include "rendezvous_party.h"

#include "brainmm.h"
#include "memory/unit_cache.h"
#include "share/rendezvous.h"
#include "slab/abandoned.h"
#include "slab/collect.h"
#include "slab/remote.h"
#include "slab/slab_inside.h"
#include "slab/thread_heap.h"
#include "sync/lock.h"
#include <sys/resource.h>

enum { PIECES = 450, LARGE = 20000, MEDIUM = 1500, SMALL = 200, LOOK_EACH = 8 };
static void *pieces[PIECES], *extra[FIBERS_MOST][4];

/* ---- What all scenarios share ----------------------------------------------------------------------------------- */

/* A thread writes its number to what it has, and finds it there until it frees. */
static void *take(size_t size) {
    uint32_t *piece = brainmm_alloc(size);
    CHECK(piece != NULL);
    piece[0] = piece[size / 4 - 1] = current;
    return piece;
}

static void give(void **piece, size_t size) {
    uint32_t *taken = *piece;
    if (!taken)
        return;
    CHECK_MSG(taken[0] == taken[size / 4 - 1] && taken[0] < MAIN, "%p has %" PRIx32 " and %" PRIx32, *piece, taken[0],
              taken[size / 4 - 1]);
    int result = brainmm_free(taken);
    CHECK_MSG(result == BRAINMM_OK, "free: %d", result);
    *piece = NULL;
}

/* Each run begins like the others: what a heap remembers goes, too. */
static void tidy(void) {
    struct thread_heap *heap = thread_heap_existing();
    if (!heap)
        return;
    slab_collect(heap);
    heap->kept.supplies = heap->kept.next = heap->slow_calls = 0;
}

static void empty_caches(void) {
    thread_heaps_empty_stocks();
    unit_cache_empty();
}

static size_t found, found_large;
static int BRAINMM_CALL count(void *unused, const brainmm_allocation *allocation) {
    (void)unused;
    found++;
    found_large += allocation->size >= LARGE;
    return 0;
}

static size_t live(void) {
    found = found_large = 0;
    CHECK(brainmm_walk(count, NULL) == BRAINMM_OK);
    return found;
}

static void give_all(size_t size) {
    for (unsigned i = 0; i < PIECES; i++)
        give(&pieces[i], size);
    for (unsigned i = 0; i < FIBERS_MOST; i++)
        for (unsigned k = 0; k < 4; k++)
            give(&extra[i][k], size);
}

static size_t size_of_all;
static void give_all_now(void) { give_all(size_of_all); }

/* Nothing is live, and all heaps have gone over their slabs. An object that was lost keeps its slab. */
static void nothing_is_left(void) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    CHECK_MSG(stats.live_count == 0 && stats.slabs == 0, "%" PRIu64 " are live, and %" PRIu64 " slabs are left",
              stats.live_count, stats.slabs);
}

/* EXPECTED pieces of SIZE bytes are live. What the walk and the statistics may find wrong stays wrong, so they are
 * asked after a few runs only. */
static void all_is_there(size_t size, size_t expected) {
    bool looks = runs_done % LOOK_EACH == 0;
    heap_is_whole("a run");
    if (looks) {
        size_t there = live();
        CHECK_MSG(there == expected, "%zu are live, not %zu", there, expected);
    }
    size_of_all = size;
    fiber_does(0, give_all_now);
    for (unsigned i = 0; i < 2 * fiber_count; i++) /* what one sends at first, another finds afterwards */
        fiber_does(i % fiber_count, tidy);
    slab_disband_orphans();
    thread_heap_get();
    tidy();
    empty_caches();
    if (looks)
        nothing_is_left();
}

static unsigned capacity_of(size_t size) { return bin_geometry[size_class_of(size)].capacity; }

/* ---- Remote frees ----------------------------------------------------------------------------------------------- */

static void fill_a_slab(void) {
    for (unsigned i = 0; i < capacity_of(LARGE); i++)
        pieces[i] = take(LARGE);
}
static void prepare_remote_free(void) { fiber_does(0, fill_a_slab); }
static void owner_takes_two(void) {
    extra[0][0] = take(LARGE);
    extra[0][1] = take(LARGE);
}
static void frees_0_1(void) {
    give(&pieces[0], LARGE);
    give(&pieces[1], LARGE);
}
static void frees_2_3(void) {
    give(&pieces[2], LARGE);
    give(&pieces[3], LARGE);
}
static void check_remote_free(void) { all_is_there(LARGE, capacity_of(LARGE) - 2); }

/* The same, in batches, which arrive when a thread ends or needs a slab. */
static void carve_once(void) {
    for (unsigned i = 0; i < 4096 / SMALL; i++)
        pieces[i] = take(SMALL);
}
static void prepare_batches(void) { fiber_does(0, carve_once); }
static void owner_frees_and_takes(void) {
    extra[0][0] = take(SMALL);
    give(&pieces[0], SMALL);
    extra[0][1] = take(SMALL);
    tidy();
}
static void frees_three_and_ends(void) {
    for (unsigned i = 1; i < 4; i++)
        give(&pieces[i], SMALL);
    brainmm_thread_done();
}
static void frees_three_and_takes(void) {
    for (unsigned i = 4; i < 7; i++)
        give(&pieces[i], SMALL);
    extra[2][0] = take(SMALL);
    remote_send_all(thread_heap_existing());
}
static void check_batches(void) { all_is_there(SMALL, 4096 / SMALL + 3 - 7); }

/* ---- Slabs that nobody owns ------------------------------------------------------------------------------------- */

enum { RESTING = 9 }; /* slabs that are full: one more, and the heap lets go of the first */
static void fill_slabs_of(size_t size) {
    for (unsigned i = 0; i < RESTING * capacity_of(size); i++)
        pieces[i] = take(size);
}
static void fill_slabs(void) { fill_slabs_of(LARGE); }
static void prepare_abandoned(void) { fiber_does(0, fill_slabs); }
static void lets_go_and_adopts(void) {
    extra[0][0] = take(LARGE);
    give(&pieces[2], LARGE);
}
static void takes_one(void) { extra[2][0] = take(LARGE); }
static void check_abandoned(void) { all_is_there(LARGE, RESTING * capacity_of(LARGE) + 2 - 3); }

/* The same with pieces of which one is too few for the slab to be offered: the owner finds it when it adopts. */
static void fill_slabs_of_medium(void) {
    CHECK(capacity_of(MEDIUM) >> WAKE_SHIFT > 1);
    fill_slabs_of(MEDIUM);
}
static void prepare_adopted(void) { fiber_does(0, fill_slabs_of_medium); }
/* It takes more than the new slab has, and so uses what it has adopted. */
static void lets_go_and_adopts_medium(void) {
    static void *more[64];
    extra[0][0] = take(MEDIUM);
    give(&pieces[2], MEDIUM);
    for (unsigned i = 0; i < capacity_of(MEDIUM) + 1; i++)
        more[i] = take(MEDIUM);
    for (unsigned i = 0; i < capacity_of(MEDIUM) + 1; i++)
        give(&more[i], MEDIUM);
}
static void frees_and_sends_0(void) {
    give(&pieces[0], MEDIUM);
    remote_send_all(thread_heap_existing());
}
static void frees_and_sends_1(void) {
    give(&pieces[1], MEDIUM);
    remote_send_all(thread_heap_existing());
}
static void check_adopted(void) { all_is_there(MEDIUM, RESTING * capacity_of(MEDIUM) + 1 - 3); }

/* ---- Threads that end, and their heaps -------------------------------------------------------------------------- */

static void prepare_hand_over(void) {
    for (unsigned i = 0; i < 3; i++)
        fiber_does(i, brainmm_thread_done);
    slab_disband_orphans();
    slab_sweep(thread_heap_get(), 0);
    fiber_does(0, carve_once);
}
static void ends(void) {
    give(&pieces[0], SMALL);
    brainmm_thread_done();
}
static void begins(void) {
    extra[1][0] = take(SMALL);
    extra[1][1] = take(SMALL);
}
static void frees_and_looks_at_orphans(void) {
    give(&pieces[1], SMALL);
    give(&pieces[2], SMALL);
    slab_disband_old_orphans();
    slab_disband_old_orphans();
    brainmm_thread_done();
}
static void check_hand_over(void) { all_is_there(SMALL, 4096 / SMALL + 2 - 3); }

/* ---- The caches of runs ----------------------------------------------------------------------------------------- */

enum { ONE_UNIT = 40000, TWO_UNITS = 100000 };
static void fill_stock(void) {
    void *one = take(ONE_UNIT), *two = take(TWO_UNITS), *again = take(ONE_UNIT);
    give(&one, ONE_UNIT);
    give(&two, TWO_UNITS);
    give(&again, ONE_UNIT);
}
static void prepare_runs(void) {
    for (unsigned i = 0; i < 2; i++)
        fiber_does(i, fill_stock);
}
static void replaces_runs(void) {
    void *one = take(ONE_UNIT), *two = take(ONE_UNIT);
    give(&one, ONE_UNIT);
    one = take(ONE_UNIT);
    give(&two, ONE_UNIT);
    give(&one, ONE_UNIT);
}
static void replaces_longer_runs(void) {
    void *two = take(TWO_UNITS), *one = take(ONE_UNIT);
    give(&two, TWO_UNITS);
    two = take(TWO_UNITS);
    give(&one, ONE_UNIT);
    give(&two, TWO_UNITS);
}
static void ticks(void) {
    for (unsigned i = 0; i < 3; i++) {
        unit_cache_tick();
        thread_heaps_tick();
    }
    thread_heaps_empty_stocks();
    void *one = take(ONE_UNIT), *two = take(ONE_UNIT);
    give(&one, ONE_UNIT);
    give(&two, ONE_UNIT);
}
static void check_runs(void) {
    heap_is_whole("runs");
    empty_caches();
    if (runs_done % LOOK_EACH == 0)
        heap_is_whole("empty caches");
}

/* The stacks alone: threads take and give runs that no stock keeps. */
static void prepare_stacks(void) {
    struct unit *one = unit_cache_take(NULL, 1, 1, UNITS_SPARSE, NULL),
                *two = unit_cache_take(NULL, 1, 1, UNITS_SPARSE, NULL);
    unit_cache_give(NULL, one, 1, 1, UNITS_SPARSE);
    unit_cache_give(NULL, two, 1, 1, UNITS_SPARSE);
}
static void takes_and_gives(void) {
    struct unit *one = unit_cache_take(NULL, 1, 1, UNITS_SPARSE, NULL),
                *two = unit_cache_take(NULL, 1, 1, UNITS_SPARSE, NULL);
    CHECK(one && two && one != two);
    *(unsigned *)unit_address(one) = *(unsigned *)unit_address(two) = current;
    unit_cache_give(NULL, one, 1, 1, UNITS_SPARSE);
    CHECK(*(unsigned *)unit_address(two) == current);
    one = unit_cache_take(NULL, 1, 1, UNITS_SPARSE, NULL);
    CHECK(one && one != two);
    *(unsigned *)unit_address(one) = current;
    unit_cache_give(NULL, two, 1, 1, UNITS_SPARSE);
    CHECK(*(unsigned *)unit_address(one) == current);
    unit_cache_give(NULL, one, 1, 1, UNITS_SPARSE);
}

/* ---- Two that free the same ------------------------------------------------------------------------------------- */

static void *same_piece, *same_pages, *same_block;
static int results[2][3];
static void prepare_same(void) {
    CHECK((same_piece = brainmm_alloc(ONE_UNIT)) && (same_pages = brainmm_pages_get(20, BRAINMM_USER)) &&
          (same_block = brainmm_block_get(64 * KIB, BRAINMM_USER)));
}
static void frees_all_three(void) {
    results[current][0] = brainmm_free(same_piece);
    results[current][1] = brainmm_pages_free(same_pages, BRAINMM_USER);
    results[current][2] = brainmm_block_free(same_block, BRAINMM_USER);
}
static void frees_all_three_backwards(void) {
    results[current][2] = brainmm_block_free(same_block, BRAINMM_USER);
    results[current][1] = brainmm_pages_free(same_pages, BRAINMM_USER);
    results[current][0] = brainmm_free(same_piece);
}
static void check_same(void) {
    for (unsigned i = 0; i < 3; i++)
        CHECK_MSG((results[0][i] == BRAINMM_OK) + (results[1][i] == BRAINMM_OK) == 1, "kind %u: %d and %d", i,
                  results[0][i], results[1][i]);
    CHECK(runs_done % LOOK_EACH != 0 || live() == 0);
    check_runs();
}

/* One frees what another one changes the rights of. What comes back is ordinary memory. */
static void prepare_rights(void) {
    flag_set = NULL;
    CHECK((same_pages = brainmm_pages_get(16, BRAINMM_USER)) != NULL);
}
static void changes_rights(void) { results[0][0] = brainmm_pages_set_rights(same_pages, 16, BRAINMM_READ); }
static void frees_pages(void) { results[1][0] = brainmm_pages_free(same_pages, BRAINMM_USER); }
static void writes_to_pages(void) {
    void *again = brainmm_pages_get(16, BRAINMM_USER);
    unsigned rights;
    CHECK(again == same_pages);
    CHECK(brainmm_pages_get_rights(again, &rights) == BRAINMM_OK);
    CHECK_MSG(rights == (BRAINMM_READ | BRAINMM_WRITE), "the heap hands out memory with rights %u", rights);
    CHECK(brainmm_pages_free(again, BRAINMM_USER) == BRAINMM_OK);
}
static void check_rights(void) {
    CHECK(results[1][0] == BRAINMM_OK && (results[0][0] == BRAINMM_OK || results[0][0] == BRAINMM_E_POINTER));
    fiber_does(1, writes_to_pages);
    check_runs();
    if (flag_set) /* that a change of rights was announced: the next run finds it as the first one did */
        real_store(flag_set, 1, 0, __ATOMIC_RELAXED);
}

/* ---- Locks ------------------------------------------------------------------------------------------------------ */

static unsigned counted, from_dead;
static void prepare_lock(void) { counted = from_dead = fibers[0].words.locks = 0; }
static void counts_under_lock(void) {
    for (unsigned i = 0; i < 2; i++) {
        from_dead += lock_acquire(LOCK_JIT);
        counted++;
        lock_release(LOCK_JIT);
    }
}
static void counts_once(void) {
    from_dead += lock_acquire(LOCK_JIT);
    counted++;
    lock_release(LOCK_JIT);
}
static void check_lock(void) { CHECK(counted == 6 && from_dead == 0); }
static void dies_with_lock(void) {
    from_dead += lock_acquire(LOCK_JIT);
    counted++;
}
static void check_dead_owner(void) {
    from_dead += lock_acquire(LOCK_JIT);
    lock_release(LOCK_JIT);
    CHECK_MSG(counted == 3 && from_dead == 1, "%u were under the lock, %u found a dead owner", counted, from_dead);
}

/* ---- Two modules publish ---------------------------------------------------------------------------------------- */

/* They have variables of their own, and here the same ones. So ThreadSanitizer is not asked. */

static struct brainmm_manager managers[2];
static struct version1 versions1[2];
static enum rendezvous_result publishes[2];
static struct rendezvous_owner owners[2];

enum rendezvous_look __real_rendezvous_look(unsigned place, struct brainmm_record *record, const char **reason);
enum rendezvous_look __wrap_rendezvous_look(unsigned place, struct brainmm_record *record, const char **reason);
bool __real_rendezvous_claim(unsigned place, const struct brainmm_record *record);
bool __wrap_rendezvous_claim(unsigned place, const struct brainmm_record *record);

/* What they ask the system for is a point of decision, too. */
enum rendezvous_look __wrap_rendezvous_look(unsigned place, struct brainmm_record *record, const char **reason) {
    point(NULL);
    return __real_rendezvous_look(place, record, reason);
}
bool __wrap_rendezvous_claim(unsigned place, const struct brainmm_record *record) {
    point(NULL);
    return __real_rendezvous_claim(place, record);
}

static void places_clear(void) {
    struct brainmm_record record;
    const char *reason;
    for (unsigned place = 0; place < rendezvous_places; place++)
        if (__real_rendezvous_look(place, &record, &reason) != PLACE_EMPTY)
            CHECK(munmap(place_page(place), 4096) == 0);
}

static void prepare_modules(void) {
    places_clear();
    for (unsigned i = 0; i < 2; i++) {
        memcpy(&managers[i], &brainmm_manager, sizeof *managers);
        memcpy(&versions1[i], &version1_table, sizeof *versions1);
        managers[i].self = &managers[i];
        managers[i].version1 = (void *const *)&versions1[i];
        managers[i].heap_id = i + 1;
    }
}

static void module_starts(void) {
    unsigned self = current, place;
    publishes[self] = rendezvous_find(&managers[self], &owners[self])
                          ? RENDEZVOUS_LOST
                          : rendezvous_publish(&managers[self], &owners[self], &place);
}

static void check_modules(void) {
    unsigned winner = publishes[1] == RENDEZVOUS_PUBLISHED;
    CHECK_MSG(publishes[winner] == RENDEZVOUS_PUBLISHED && publishes[!winner] == RENDEZVOUS_LOST, "%d and %d",
              (int)publishes[0], (int)publishes[1]);
    CHECK(owners[!winner].manager == &managers[winner] && owners[!winner].manager_copy.heap_id == winner + 1);
    places_clear();
}

/* Without a file descriptor there is no memfd: the page is claimed first, and filled in afterwards. */
static void prepare_modules_without_files(void) {
    struct rlimit limit = {0, 0};
    struct rlimit before;
    prepare_modules();
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit.rlim_max = before.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}
static void check_modules_without_files(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 64;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    check_modules();
}

/* ---- A walk ----------------------------------------------------------------------------------------------------- */

enum { ENDS = 5, NOTES_MOST = 64 };
struct note {
    const void *address;
    size_t size;
};
static struct note ever_live[NOTES_MOST], walked[NOTES_MOST];
static unsigned ever_count, walked_count, stay_count;

static void note(void *piece) {
    CHECK(ever_count < NOTES_MOST);
    ever_live[ever_count++] = (struct note){piece, brainmm_usable_size(piece)};
}

static int BRAINMM_CALL visit(void *unused, const brainmm_allocation *allocation) {
    (void)unused;
    CHECK(walked_count < NOTES_MOST);
    walked[walked_count++] = (struct note){allocation->address, allocation->size};
    return 0;
}

/* A slab that stays, and one that ends. */
static void fill_two_slabs(void) {
    fill_a_slab();
    for (unsigned i = 0; i < capacity_of(LARGE); i++)
        note(pieces[i]);
    stay_count = ever_count - 2;
    for (unsigned i = 0; i < ENDS; i++)
        note(pieces[100 + i] = take(MEDIUM));
}
static void prepare_walk(void) {
    ever_count = walked_count = 0;
    fiber_does(0, fill_two_slabs);
}
static void walks(void) { CHECK(brainmm_walk(visit, NULL) == BRAINMM_OK); }
static void ends_a_slab_and_begins_another(void) {
    for (unsigned i = 0; i < ENDS; i++)
        give(&pieces[100 + i], MEDIUM);
    tidy();
    for (unsigned i = 0; i < 2; i++)
        note(extra[0][i] = take(SMALL));
    for (unsigned i = 0; i < 2; i++)
        give(&extra[0][i], SMALL);
    give(&pieces[stay_count], LARGE);
    give(&pieces[stay_count + 1], LARGE);
    void *one = take(ONE_UNIT);
    note(one);
    give(&one, ONE_UNIT);
}
static bool is_noted(const struct note *note, const struct note *notes, unsigned note_count) {
    for (unsigned i = 0; i < note_count; i++)
        if (notes[i].address == note->address && notes[i].size == note->size)
            return true;
    return false;
}
static void check_walk(void) {
    for (unsigned i = 0; i < stay_count; i++)
        CHECK_MSG(is_noted(&ever_live[i], walked, walked_count), "piece %u was live all the time, and is not found", i);
    for (unsigned i = 0; i < walked_count; i++)
        CHECK_MSG(is_noted(&walked[i], ever_live, ever_count), "%p, %zu bytes, was never live", walked[i].address,
                  walked[i].size);
    all_is_there(LARGE, stay_count);
    check_runs();
}

/* ---- All -------------------------------------------------------------------------------------------------------- */

static const struct scenario scenarios[] = {
    {"remote_free", prepare_remote_free, {owner_takes_two, frees_0_1, frees_2_3}, check_remote_free, false, {2, 2, 2}},
    {"batches",
     prepare_batches,
     {owner_frees_and_takes, frees_three_and_ends, frees_three_and_takes},
     check_batches,
     false,
     {2, 1, 1}},
    {"abandoned", prepare_abandoned, {lets_go_and_adopts, frees_0_1, takes_one}, check_abandoned, false, {2, 1, 1}},
    {"adopted",
     prepare_adopted,
     {lets_go_and_adopts_medium, frees_and_sends_0, frees_and_sends_1},
     check_adopted,
     false,
     {2, 1, 1}},
    {"hand_over", prepare_hand_over, {ends, begins, frees_and_looks_at_orphans}, check_hand_over, false, {2, 1, 1}},
    {"runs", prepare_runs, {replaces_runs, replaces_longer_runs, ticks}, check_runs, false, {2, 1, 1}},
    {"stacks", prepare_stacks, {takes_and_gives, takes_and_gives, takes_and_gives}, check_runs, false, {2, 2, 2}},
    {"free_twice", prepare_same, {frees_all_three, frees_all_three_backwards}, check_same, false, {3, 2, 2}},
    {"free_thrice", prepare_same, {frees_all_three, frees_all_three}, check_same, false, {3, 2, 2}},
    {"rights", prepare_rights, {changes_rights, frees_pages}, check_rights, false, {3, 3, 3}},
    {"lock", prepare_lock, {counts_under_lock, counts_under_lock, counts_under_lock}, check_lock, false, {3, 3, 3}},
    {"dead_owner", prepare_lock, {dies_with_lock, counts_once, counts_once}, check_dead_owner, true, {3, 3, 3}},
    {"modules", prepare_modules, {module_starts, module_starts}, check_modules, false, {SCHEDULE_TSAN ? 0 : 3, 2, 2}},
    {"modules_no_files",
     prepare_modules_without_files,
     {module_starts, module_starts},
     check_modules_without_files,
     false,
     {SCHEDULE_TSAN ? 0 : 3, 2, 2}},
    {"walk", prepare_walk, {ends_a_slab_and_begins_another, walks}, check_walk, false, {1, 1, 1}},
};

static bool is_wanted(const char *name, int argc, char **argv) {
    bool any = false;
    for (int i = 1; i < argc; i++) {
        any = any || argv[i][0] != '-';
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return !any;
}

static void on_fault(int signal_number) {
    (void)signal_number;
    fail("a fault");
}

int main(int argc, char **argv) {
    unsigned runs = 200, limit = 1200;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--runs=", 7) == 0)
            runs = (unsigned)strtoul(argv[i] + 7, NULL, 10);
        if (strncmp(argv[i], "--limit=", 8) == 0)
            limit = (unsigned)strtoul(argv[i] + 8, NULL, 10);
        if (strncmp(argv[i], "--trace=", 8) == 0)
            traced_run = strtoull(argv[i] + 8, NULL, 10);
    }
    fibers_start();
    if (SCHEDULE_TSAN)
        schedule_on_report();
    else
        signal(SIGSEGV, on_fault);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (!is_wanted(scenarios[i].name, argc, argv))
            continue;
        for (enum memory_model in = MODEL_SC; in <= (SCHEDULE_TSAN ? MODEL_SC : MODEL_WEAK); in++) {
            if (scenarios[i].deviations[in] == 0)
                continue;
            run_at_random(&scenarios[i], in, runs, i);
            bool all = true;
            for (unsigned most = 1; all && most <= scenarios[i].deviations[in]; most++)
                all = run_all(&scenarios[i], in, most, limit);
        }
    }
    printf("%" PRIu64 " runs\n", runs_done);
    return TEST_PASSED;
}
