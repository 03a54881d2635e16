/* SPDX-License-Identifier: MIT */
/* walk_test.c: compares brainmm_walk with a program's own record of what it has allocated. Other threads have ended or
 * do nothing. walk_threads.c has threads that work, walk_code_test.c JIT heaps, stats_test.c arguments and counters.
 */
#include "heap_model.h"
#include "walk_model.h"
#if !defined(_WIN32)
#include <sys/mman.h>
#endif

/* ---- What is found ---------------------------------------------------------------------------------------------- */

START_TEST(all_that_is_live_is_found_once_and_described) {
    model_fill();
    compare(true);
    compare_stats(true);
    model_free(3);
    compare(true);
    compare_stats(true);
    model_fill(); /* into the freed memory */
    compare(true);
    model_free(2);
    compare(true);
    compare_stats(true);
    brainmm_thread_heap_minimize();
    compare(true);
    compare_stats(true);
    model_free(1);
    compare(true);
    compare_stats(true);
}
END_TEST

START_TEST(resized_pieces_are_found_as_they_are_now) {
    for (unsigned i = 0; i < 300; i++)
        model_add_piece(brainmm_alloc(i * 11), i * 11, 16);
    for (unsigned i = 0; i < 300; i++) {
        size_t size = (size_t)1 << i % 22;
        struct entry *entry = &model[i];
        void *moved = i % 2 ? brainmm_realloc(entry->address, size) : brainmm_reget(entry->address, size);
        ck_assert_ptr_nonnull(moved);
        *entry = (struct entry){
            moved, size, 16, (uint8_t)kind_of_piece(brainmm_usable_size(moved)), BRAINMM_USER, current_thread_id()};
    }
    model_add(brainmm_pages_get(3, BRAINMM_SYSTEM), 3 * 4096, 4096, BRAINMM_PAGES, BRAINMM_SYSTEM);
    struct entry *pages = &model[model_count - 1];
    pages->asked = 100 * 4096;
    pages->address = brainmm_pages_realloc(pages->address, 100, BRAINMM_SYSTEM);
    compare(true);
    ck_assert_uint_eq(seen_at(&seen, pages->address)->size, 100 * 4096);
    compare_stats(true);
}
END_TEST

/* Uses the heap at random, as stress.c does, and walks in between. */
START_TEST(random_use_is_found) {
    static struct slot slots[400];
    random_source random = {42};
    for (unsigned round = 0; round < (runs_slowly() ? 2 : 12); round++) {
        for (unsigned i = 0; i < 2000; i++) {
            size_t size = random_below(&random, (size_t)1 << random_below(&random, 19));
            ck_assert_int_eq(slot_step(&slots[random_below(&random, 400)], &random, size), STEP_DONE);
        }
        seen_walk(&seen);
        size_t live = 0;
        for (unsigned i = 0; i < 400; i++) {
            if (slots[i].kind == SLOT_EMPTY)
                continue;
            const brainmm_allocation *found = seen_at(&seen, slots[i].memory);
            ck_assert_ptr_nonnull(found);
            ck_assert_uint_eq(found->size, slots[i].size);
            ck_assert_uint_eq(found->mode, slots[i].kind == SLOT_PIECE ? BRAINMM_USER : slots[i].mode);
            live++;
        }
        ck_assert_uint_eq(seen.count, live);
        compare_stats(true);
    }
    for (unsigned i = 0; i < 400; i++)
        slot_release(&slots[i]);
}
END_TEST

/* ---- Threads that have ended, and one that waits ---------------------------------------------------------------- */

static void thread_fills(void *unused) {
    (void)unused;
    model_fill();
}

static void thread_frees(void *unused) {
    (void)unused;
    model_free(2);
}

START_TEST(what_ended_threads_left_is_found_and_belongs_to_none) {
    thread t;
    thread_start(&t, thread_fills, NULL);
    thread_join(&t);
    for (unsigned i = 0; i < model_count; i++)
        model[i].thread_id = 0;
    compare(true);
    compare_stats(true);
    brainmm_stats before = {.struct_size = sizeof before}, after = before;
    ck_assert_int_eq(brainmm_get_stats(&before, NULL, 0), BRAINMM_OK);
    thread_start(&t, thread_frees, NULL);
    thread_join(&t);
    ck_assert_int_eq(brainmm_get_stats(&after, NULL, 0), BRAINMM_OK);
    ck_assert_uint_lt(after.live_count, before.live_count);
    seen_walk(&seen);
    ck_assert_uint_eq(seen.count, model_live());
    compare_stats(true);
}
END_TEST

START_TEST(what_another_thread_frees_is_counted) {
    thread t;
    brainmm_stats before = {.struct_size = sizeof before}, after = before;
    for (unsigned i = 0; i < 1000; i++)
        model_add_piece(brainmm_alloc(80), 80, 16);
    ck_assert_int_eq(brainmm_get_stats(&before, NULL, 0), BRAINMM_OK);
    thread_start(&t, thread_frees, NULL);
    thread_join(&t);
    ck_assert_int_eq(brainmm_get_stats(&after, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(after.remote_frees - before.remote_frees, 500);
    ck_assert_uint_eq(after.live_count, 500);
    compare(true);
    compare_stats(true);
}
END_TEST

static event waiting, leave;

static void thread_waits(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < 2000; i++)
        model_add_piece(brainmm_alloc(100), 100, 16);
    model_free(2);
    event_raise(&waiting);
    CHECK(event_wait(&leave, 60000));
}

/* A thread's cached and freed objects lie in lists that only that thread may read. The walk must still find what it
 * has. */
START_TEST(what_a_waiting_thread_has_is_found_and_owned_by_it) {
    thread t;
    waiting.raised = leave.raised = 0;
    thread_start(&t, thread_waits, NULL);
    ck_assert(event_wait(&waiting, 60000));
    uintptr_t thread_id = model[1].thread_id;
    ck_assert_uint_ne(thread_id, current_thread_id());
    compare(false);
    for (unsigned i = 0; i < 100; i++)
        model_add_piece(brainmm_alloc(100), 100, 16);
    compare(false);
    compare_stats(false);
    ck_assert_uint_eq(seen.count, 1100);
    brainmm_stats stats = {.struct_size = sizeof stats};
    ck_assert_int_eq(brainmm_get_stats(&stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_ge(stats.threads, 2);
    event_raise(&leave);
    thread_join(&t);
}
END_TEST

/* ---- The visitor ------------------------------------------------------------------------------------------------ */

struct meddler {
    unsigned visits, stop_at;
    void *mine[64];
};

/* A visitor that frees what it is shown, allocates, and walks. */
static int BRAINMM_CALL meddle(void *context, const brainmm_allocation *allocation) {
    struct meddler *meddler = context;
    if (meddler->visits < 64)
        CHECK((meddler->mine[meddler->visits] = brainmm_alloc(allocation->size)) != NULL);
    if (allocation->kind <= BRAINMM_LARGE)
        CHECK(brainmm_free(allocation->address) == BRAINMM_OK);
    if (meddler->visits++ == 10) {
        seen_walk(&seen);
        brainmm_thread_heap_minimize();
    }
    return meddler->visits == meddler->stop_at;
}

START_TEST(a_visitor_may_use_the_heap) {
    struct meddler meddler = {0, 0, {NULL}};
    for (size_t size = 1; size < 100000; size += size / 8 + 1)
        model_add_piece(brainmm_alloc(size), size, 16);
    ck_assert_int_eq(brainmm_walk(meddle, &meddler), BRAINMM_OK);
    ck_assert_uint_eq(meddler.visits, model_count); /* each piece once, and none of the visitor's own */
    ck_assert_uint_gt(meddler.visits, 64);
    for (unsigned i = 0; i < 64; i++)
        ck_assert_int_eq(brainmm_free(meddler.mine[i]), BRAINMM_OK);
    model_count = 0;
    compare(true);
}
END_TEST

START_TEST(a_visitor_may_end_the_walk) {
    for (unsigned i = 0; i < 50; i++)
        model_add_piece(brainmm_alloc(5000), 5000, 16);
    for (unsigned stop_at = 1; stop_at <= 50; stop_at += 7) {
        struct meddler meddler = {0, stop_at, {NULL}};
        unsigned before = (unsigned)model_live();
        ck_assert_int_eq(brainmm_walk(meddle, &meddler), BRAINMM_E_STOPPED);
        ck_assert_uint_eq(meddler.visits, stop_at);
        for (unsigned i = 0; i < stop_at; i++)
            ck_assert_int_eq(brainmm_free(meddler.mine[i]), BRAINMM_OK);
        ck_assert_uint_eq(before, 50);
        model_count = 0;
        seen_walk(&seen);
        for (size_t i = 0; i < seen.count; i++) /* frees those that were not visited */
            ck_assert_int_eq(brainmm_free(seen.all[i].address), BRAINMM_OK);
        for (unsigned i = 0; i < 50; i++)
            model_add_piece(brainmm_alloc(5000), 5000, 16);
    }
}
END_TEST

/* ---- Rights taken away ------------------------------------------------------------------------------------------ */

static void set_readable(void *pages, size_t size, bool readable) {
#if defined(_WIN32)
    DWORD before;
    ck_assert(VirtualProtect(pages, size, readable ? PAGE_READWRITE : PAGE_NOACCESS, &before));
#else
    ck_assert_int_eq(mprotect(pages, size, readable ? PROT_READ | PROT_WRITE : PROT_NONE), 0);
#endif
}

static void *first_page_in(void *memory) { return (void *)(((uintptr_t)memory + 4095) & ~(uintptr_t)4095); }

/* The first whole page inside every third allocation, and most of the two large ones. */
static void set_all_readable(bool readable) {
    for (unsigned i = 0; i < model_count; i += 3) {
        char *page = first_page_in(model[i].address);
        if (page + 4096 <= (char *)model[i].address + model[i].asked)
            set_readable(page, 4096, readable);
    }
    set_readable(first_page_in(model[120].address), 65536, readable);
    set_readable(model[121].address, 40960, readable);
}

/* A program may make pages inside its own pieces unreadable. If the system does not let the walk read them either, the
 * walk presumes that the pieces are live. Wine lets it read them. */
START_TEST(memory_that_may_not_be_read_is_no_obstacle) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    for (unsigned i = 0; i < 100; i++)
        model_add_piece(brainmm_alloc_aligned(2048, 4096), 4096, 2048);
    for (unsigned i = 0; i < 20; i++)
        model_add_piece(brainmm_alloc_aligned(2048, 16384), 16384, 2048);
    model_add_piece(brainmm_alloc(100000), 100000, 16);
    model_add(brainmm_pages_get(10, BRAINMM_USER), 40960, 4096, BRAINMM_PAGES, BRAINMM_USER);
    set_all_readable(false);
    seen_walk(&seen);
    ck_assert_uint_eq(seen.count, model_count);
    unsigned presumed = 0;
    for (unsigned i = 0; i < model_count; i++) {
        const brainmm_allocation *found = seen_at(&seen, model[i].address);
        ck_assert_ptr_nonnull(found);
        presumed += found->certainty == BRAINMM_PRESUMED;
        ck_assert_uint_eq(found->kind, model[i].kind);
    }
    ck_assert_int_eq(brainmm_get_stats(&stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(stats.live_count, model_count);
    ck_assert_uint_eq(stats.approximate, presumed ? BRAINMM_SOME_PRESUMED : 0);
#if !defined(_WIN32)
    ck_assert_uint_gt(presumed, 0);
#endif
    set_all_readable(true);
    compare(true);
}
END_TEST

START_TEST(the_table_has_both_functions) {
    const struct brainmm_manager *manager = brainmm_get_manager();
    brainmm_stats stats = {.struct_size = sizeof stats};
    model_add_piece(brainmm_alloc(10), 10, 16);
    seen.count = 0;
    ck_assert_int_eq(manager->walk(seen_visit, &seen), BRAINMM_OK);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert_int_eq(manager->get_stats(&stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(stats.live_count, 1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        all_that_is_live_is_found_once_and_described,
        resized_pieces_are_found_as_they_are_now,
        random_use_is_found,
        what_ended_threads_left_is_found_and_belongs_to_none,
        what_another_thread_frees_is_counted,
        what_a_waiting_thread_has_is_found_and_owned_by_it,
        a_visitor_may_use_the_heap,
        a_visitor_may_end_the_walk,
        memory_that_may_not_be_read_is_no_obstacle,
        the_table_has_both_functions,
        NULL,
    };
    return run_suite("walk", 120, model_start, model_end, tests);
}
