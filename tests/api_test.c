/* SPDX-License-Identifier: MIT */
/* api_test.c: what brainmm.h promises of alloc, alloc_zeroed, alloc_aligned, free, usable_size, get_options,
 * thread_heap_minimize and thread_done for good input. resize_test.c has realloc and reget, bad_input_test.c bad input,
 * blocks_pages_test.c blocks, pages and JIT memory.
 */
#include "piece_support.h"

/* ---- alloc, usable_size, free ----------------------------------------------------------------------------------- */

static void visit_alloc(size_t size) {
    void *first = brainmm_alloc(size), *second = brainmm_alloc(size);
    check_piece(first, size, 16);
    check_piece(second, size, 16);
    ck_assert_ptr_ne(first, second);
    size_t usable = brainmm_usable_size(first);
    pattern_fill(first, usable, 1);
    pattern_fill(second, brainmm_usable_size(second), 2);
    ck_assert(pattern_holds(first, usable, 1));
    ck_assert_int_eq(brainmm_free(first), BRAINMM_OK);
    ck_assert(pattern_holds(second, size, 2));
    ck_assert_int_eq(brainmm_free(second), BRAINMM_OK);
}

START_TEST(pieces_of_every_class_are_usable_to_the_last_byte) { each_interesting_size(visit_alloc); }
END_TEST

START_TEST(waste_stays_within_the_next_sixteenth_up_to_1_kib) {
    for (size_t size = 1; size <= KIB; size++) {
        void *piece = brainmm_alloc(size);
        ck_assert_uint_eq(brainmm_usable_size(piece), (size + 15) / 16 * 16);
        brainmm_free(piece);
    }
}
END_TEST

START_TEST(size_zero_gives_unique_pieces) {
    void *pieces[100];
    for (int i = 0; i < 100; i++) {
        pieces[i] = brainmm_alloc(0);
        ck_assert_ptr_nonnull(pieces[i]);
        for (int j = 0; j < i; j++)
            ck_assert_ptr_ne(pieces[i], pieces[j]);
    }
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
}
END_TEST

START_TEST(free_of_null_is_ok_and_usable_size_of_null_is_0) {
    ck_assert_int_eq(brainmm_free(NULL), BRAINMM_OK);
    ck_assert_uint_eq(brainmm_usable_size(NULL), 0);
}
END_TEST

/* Live pieces of one class must not overlap, even if the class fills many units. Freed pieces are used again. */
START_TEST(many_pieces_of_a_class_do_not_overlap) {
    static const size_t sizes[] = {1,    16,   48,   112,  128,   144,   640,   1024,
                                   1040, 4096, 5000, 8192, 16384, 20000, 32768, 40000};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t size = sizes[k], count = 2 * MIB / (size < 128 ? 128 : size);
        unsigned char **pieces = system_pages(count * sizeof *pieces);
        for (int round = 0; round < (runs_slowly() ? 1 : 3); round++) {
            for (size_t i = 0; i < count; i++) {
                pieces[i] = brainmm_alloc(size);
                ck_assert_ptr_nonnull(pieces[i]);
                pattern_fill(pieces[i], size, i);
            }
            for (size_t i = 0; i < count; i++)
                ck_assert(pattern_holds(pieces[i], size, i));
            for (size_t i = 0; i < count; i++) /* even ones first, so that the free lists are not in address order */
                ck_assert_int_eq(brainmm_free(pieces[i < (count + 1) / 2 ? 2 * i : 2 * (i - (count + 1) / 2) + 1]), 0);
        }
        system_pages_free(pieces, count * sizeof *pieces);
    }
}
END_TEST

/* ---- alloc_zeroed ----------------------------------------------------------------------------------------------- */

static void visit_zeroed(size_t size) {
    /* frees dirty pieces of the same class first, so that a recycled one is likely handed out */
    void *dirty[8];
    size_t count = size > MIB || runs_slowly() ? 2 : 8;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < count; i++) {
            dirty[i] = brainmm_alloc_zeroed(size);
            ck_assert_ptr_nonnull(dirty[i]);
            size_t usable = brainmm_usable_size(dirty[i]);
            ck_assert_uint_ge(usable, size);
            ck_assert(is_aligned(dirty[i], 16));
            ck_assert(all_zero(dirty[i], usable));
            memset(dirty[i], 0xFF, usable);
        }
        for (size_t i = 0; i < count; i++)
            ck_assert_int_eq(brainmm_free(dirty[i]), BRAINMM_OK);
    }
}

START_TEST(zeroed_memory_is_zero_also_when_recycled) { each_interesting_size(visit_zeroed); }
END_TEST

/* ---- alloc_aligned ---------------------------------------------------------------------------------------------- */

START_TEST(alignment_holds_for_many_live_pieces_of_mixed_sizes) {
    random_source random = {42};
    enum { COUNT = 2000 };
    static struct {
        unsigned char *piece;
        size_t size, alignment;
    } live[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        live[i].alignment = (size_t)1 << random_below(&random, 17);
        live[i].size = random_below(&random, (size_t)1 << (4 + random_below(&random, 13)));
        live[i].piece = brainmm_alloc_aligned(live[i].alignment, live[i].size);
        check_piece(live[i].piece, live[i].size, live[i].alignment);
        pattern_fill(live[i].piece, brainmm_usable_size(live[i].piece), i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert(pattern_holds(live[i].piece, brainmm_usable_size(live[i].piece), i));
        ck_assert_int_eq(brainmm_free(live[i].piece), BRAINMM_OK);
    }
}
END_TEST

START_TEST(alignments_below_16_mean_16) {
    for (size_t alignment = 1; alignment < 16; alignment *= 2) {
        void *piece = brainmm_alloc_aligned(alignment, 100);
        check_piece(piece, 100, 16);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
}
END_TEST

/* ---- get_options ------------------------------------------------------------------------------------------------ */

START_TEST(options_of_what_is_no_piece_are_left_alone) {
    unsigned char *piece = brainmm_alloc(100000), *small = brainmm_alloc(64);
    char on_stack[64];
    const void *wrong[] = {NULL, piece + 16, piece + 4096, small + 16, small + 1, on_stack, &check_piece};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        brainmm_options options, before;
        memset(&options, 0x5A, sizeof options);
        before = options;
        ck_assert_int_eq(brainmm_get_options(wrong[i], &options), 0);
        ck_assert_mem_eq(&options, &before, sizeof options);
    }
    brainmm_free(piece);
    brainmm_free(small);
}
END_TEST

static void *thread_piece;

static void allocate_in_thread(void *kept) {
    (void)kept;
    thread_piece = brainmm_alloc(48);
}

/* The system reuses the id of a thread that has ended, so the old id would soon name another thread. */
/* ---- contains --------------------------------------------------------------------------------------------------- */

static void contains_all_of(const char *start, size_t size) {
    ck_assert_ptr_nonnull(start);
    ck_assert_int_eq(brainmm_contains(start), 1);
    ck_assert_int_eq(brainmm_contains(start + size / 2), 1);
    ck_assert_int_eq(brainmm_contains(start + size - 1), 1);
}

START_TEST(contains_what_is_live) {
    static const size_t sizes[] = {1, 100, 5000, 32 * KIB, 100 * KIB, 5 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *piece = brainmm_alloc(sizes[i]);
        contains_all_of(piece, sizes[i]);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
    void *empty = brainmm_alloc(0), *block = brainmm_block_get(16 * KIB, BRAINMM_USER);
    void *pages = brainmm_pages_get(3, BRAINMM_USER);
    contains_all_of(empty, 1);
    contains_all_of(block, 16 * KIB);
    contains_all_of(pages, 3 * (size_t)BRAINMM_PAGE_SIZE);
    ck_assert_int_eq(brainmm_free(empty), BRAINMM_OK);
    ck_assert_int_eq(brainmm_block_free(block, BRAINMM_USER), BRAINMM_OK);
    ck_assert_int_eq(brainmm_pages_free(pages, BRAINMM_USER), BRAINMM_OK);
}
END_TEST

/* Which free would be right for a freed piece? The heap's: it says that it was freed. */
START_TEST(contains_what_was_freed) {
    char *piece = brainmm_alloc(100), *neighbour = brainmm_alloc(100);
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    ck_assert_int_eq(brainmm_contains(piece), 1);
    ck_assert_int_eq(brainmm_free(neighbour), BRAINMM_OK);
    void *empty = brainmm_alloc(0);
    ck_assert_int_eq(brainmm_free(empty), BRAINMM_OK);
    ck_assert_int_eq(brainmm_contains(empty), 1);
}
END_TEST

START_TEST(contains_nothing_of_others) {
    static int constant = 1;
    int local = 1;
    void *foreign = malloc(100), *large = malloc(5 * MIB);
    const void *others[] = {
        NULL, &constant, &local, foreign, large, (void *)16, (void *)UINTPTR_MAX, (void *)(uintptr_t)brainmm_contains};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_int_eq(brainmm_contains(others[i]), 0);
    free(foreign);
    free(large);
}
END_TEST

START_TEST(options_never_name_a_thread_that_has_ended) {
    thread t;
    brainmm_options options;
    thread_start(&t, allocate_in_thread, NULL);
    thread_join(&t);
    ck_assert_int_eq(brainmm_get_options(thread_piece, &options), 1);
    uintptr_t thread_id = options.thread_id;
    ck_assert(thread_id == 0 || thread_id == current_thread_id());
    ck_assert_int_eq(brainmm_free(thread_piece), BRAINMM_OK);
}
END_TEST

/* ---- thread_heap_minimize, thread_done -------------------------------------------------------------------------- */

enum { HANDED_OVER = 2000 };
static void *handed_over[HANDED_OVER];

static void free_handed_over(void *count) {
    for (size_t i = 0; i < (size_t)(uintptr_t)count; i++)
        CHECK(brainmm_free(handed_over[i]) == BRAINMM_OK);
}

/* Calls minimize until it has nothing left to do, which must be soon. */
static void settle(void) {
    for (int i = 0; i < 3; i++)
        if (!brainmm_thread_heap_minimize())
            return;
    ck_abort_msg("minimize always finds something more to return");
}

START_TEST(minimize_tells_whether_it_took_back_or_returned_anything) {
    thread t;
    settle();
    ck_assert_int_eq(brainmm_thread_heap_minimize(), 0);
    for (size_t i = 0; i < HANDED_OVER; i++)
        handed_over[i] = brainmm_alloc(64);
    thread_start(&t, free_handed_over, (void *)(uintptr_t)HANDED_OVER);
    thread_join(&t);
    ck_assert_int_eq(brainmm_thread_heap_minimize(), 1);
    settle();
    ck_assert_int_eq(brainmm_thread_heap_minimize(), 0);
}
END_TEST

START_TEST(minimize_returns_idle_memory_to_the_system) {
    static const size_t sizes[] = {48, 600, 9000, 70000, 3 * MIB};
    if (UNDER_SANITIZER || under_valgrind())
        return; /* their shadow memory stays */
    settle();
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t count = 48 * MIB / sizes[k];
        void **pieces = system_pages(count * sizeof *pieces);
        memset(pieces, 0, count * sizeof *pieces);
        size_t before = resident_bytes();
        for (size_t i = 0; i < count; i++) {
            pieces[i] = brainmm_alloc(sizes[k]);
            ck_assert_ptr_nonnull(pieces[i]);
            memset(pieces[i], 1, sizes[k]);
        }
        size_t filled = resident_growth(before);
        for (size_t i = 0; i < count; i++)
            brainmm_free(pieces[i]);
        settle();
        size_t left = resident_growth(before);
        ck_assert_msg(filled > 40 * MIB && left < 2 * MIB, "pieces of %zu: %zu KiB live, %zu KiB left after minimize",
                      sizes[k], filled / KIB, left / KIB);
        system_pages_free(pieces, count * sizeof *pieces);
    }
}
END_TEST

static void done_and_on(void *unused) {
    (void)unused;
    void *kept = brainmm_alloc(100);
    CHECK(kept != NULL);
    pattern_fill(kept, 100, 3);
    for (int i = 0; i < 3; i++) {
        brainmm_thread_done();
        brainmm_thread_done();
        CHECK(pattern_holds(kept, 100, 3));
        for (size_t size = 1; size < 100000; size = size * 3 + 1) {
            void *piece = brainmm_alloc(size);
            CHECK(piece != NULL);
            piece = brainmm_realloc(piece, size * 2);
            CHECK(piece != NULL && brainmm_usable_size(piece) >= size * 2);
            CHECK(brainmm_free(piece) == BRAINMM_OK);
        }
    }
    CHECK(brainmm_free(kept) == BRAINMM_OK);
}

START_TEST(a_thread_that_is_done_can_still_allocate_and_free) {
    thread t;
    thread_start(&t, done_and_on, NULL);
    thread_join(&t);
    done_and_on(NULL); /* in the main thread, too */
}
END_TEST

/* ---- The table -------------------------------------------------------------------------------------------------- */

START_TEST(the_table_serves_the_same_heap) {
    const struct brainmm_manager *table = brainmm_get_manager();
    ck_assert_ptr_nonnull(table);
    ck_assert_mem_eq(table->magic, BRAINMM_MAGIC, 16);
    ck_assert_uint_ge(table->size, sizeof *table);
    ck_assert_uint_eq(table->abi_version, BRAINMM_ABI_VERSION);
    ck_assert_ptr_eq(table->self, table);
    void *piece = table->alloc(50);
    ck_assert_ptr_nonnull(piece);
    ck_assert_uint_eq(table->usable_size(piece), brainmm_usable_size(piece));
    piece = brainmm_realloc(piece, 5000);
    ck_assert_int_eq(table->free(piece), BRAINMM_OK);
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_E_DOUBLE_FREE);
    piece = brainmm_alloc_aligned(256, 50);
    piece = table->reget(piece, 3 * MIB);
    ck_assert(is_aligned(piece, 256));
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        pieces_of_every_class_are_usable_to_the_last_byte,
        waste_stays_within_the_next_sixteenth_up_to_1_kib,
        size_zero_gives_unique_pieces,
        free_of_null_is_ok_and_usable_size_of_null_is_0,
        many_pieces_of_a_class_do_not_overlap,
        zeroed_memory_is_zero_also_when_recycled,
        alignment_holds_for_many_live_pieces_of_mixed_sizes,
        alignments_below_16_mean_16,
        options_of_what_is_no_piece_are_left_alone,
        contains_what_is_live,
        contains_what_was_freed,
        contains_nothing_of_others,
        options_never_name_a_thread_that_has_ended,
        minimize_tells_whether_it_took_back_or_returned_anything,
        minimize_returns_idle_memory_to_the_system,
        a_thread_that_is_done_can_still_allocate_and_free,
        the_table_serves_the_same_heap,
        NULL,
    };
    return run_suite("api", 120, NULL, NULL, tests);
}
