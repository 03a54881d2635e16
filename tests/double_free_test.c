/* SPDX-License-Identifier: MIT */
/* double_free_test.c: every function refuses a freed pointer, however long ago and by whichever thread it was freed.
 * brainmm.h makes one exception, which is left out here: a piece that was written to after it was freed.
 */
#include "witnesses.h"

/* Small memory gives the result that names the mistake. Large memory may have gone back to the system, so that the heap
 * no longer knows that it had it. */
static void refused_as_double_free(void *address, size_t size) {
    int result = brainmm_free(address);
    if (size <= BRAINMM_LOCK_FREE_MAX)
        ck_assert_msg(result == BRAINMM_E_DOUBLE_FREE, "second free(%p) of %zu bytes = %d", address, size, result);
    refused_by_all(address);
}

START_TEST(an_immediately_repeated_free_is_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *piece = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
        refused_as_double_free(piece, sizes[k]);
    }
}
END_TEST

START_TEST(a_repeated_free_after_other_frees_is_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *first = brainmm_alloc(sizes[k]), *second = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(first), BRAINMM_OK);
        ck_assert_int_eq(brainmm_free(second), BRAINMM_OK);
        refused_as_double_free(first, sizes[k]);
        refused_as_double_free(second, sizes[k]);
    }
}
END_TEST

START_TEST(a_free_repeated_much_later_is_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *piece = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
        for (unsigned i = 0; i < 1024; i++)
            ck_assert_int_eq(brainmm_free(brainmm_alloc(sizes[k])), BRAINMM_OK);
        refused_by_all(piece);
    }
}
END_TEST

START_TEST(freeing_many_pieces_twice_is_refused_for_each) {
    enum { COUNT = 400 };
    static void *pieces[COUNT];
    random_source random = {5};
    for (unsigned k = 0; k < SIZES; k++) {
        unsigned count = k >= SMALL_SIZES ? 10 : under_valgrind() ? COUNT / 5 : COUNT;
        for (unsigned i = 0; i < count; i++)
            pieces[i] = brainmm_alloc(sizes[k]);
        for (unsigned i = count - 1; i > 0; i--) {
            size_t other = random_below(&random, i + 1);
            void *swapped = pieces[i];
            pieces[i] = pieces[other];
            pieces[other] = swapped;
        }
        for (unsigned i = 0; i < count; i++)
            ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
        for (unsigned i = 0; i < count; i++)
            refused_by_all(pieces[i]);
    }
}
END_TEST

/* A freed piece is allocated again, then freed through the old pointer and through the new one. One of the three frees
 * is too many and must be refused. */
START_TEST(one_of_three_frees_of_two_allocations_is_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *first = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(first), BRAINMM_OK);
        void *second = brainmm_alloc(sizes[k]);
        int succeeded = (brainmm_free(first) == BRAINMM_OK) + (brainmm_free(second) == BRAINMM_OK);
        ck_assert_int_eq(succeeded, 1);
        refused_by_all(first);
        refused_by_all(second);
    }
}
END_TEST

START_TEST(freed_pieces_are_refused_after_their_memory_went_back) {
    enum { COUNT = 200 };
    static void *pieces[SIZES][COUNT];
    for (unsigned k = 0; k < SIZES; k++)
        for (unsigned i = 0; i < (k < SMALL_SIZES ? COUNT : 3); i++)
            pieces[k][i] = brainmm_alloc(sizes[k]);
    for (unsigned k = 0; k < SIZES; k++)
        for (unsigned i = 0; i < (k < SMALL_SIZES ? COUNT : 3); i++)
            ck_assert_int_eq(brainmm_free(pieces[k][i]), BRAINMM_OK);
    brainmm_thread_heap_minimize();
    for (unsigned k = 0; k < SIZES; k++)
        for (unsigned i = 0; i < (k < SMALL_SIZES ? COUNT : 3); i++)
            refused_by_all(pieces[k][i]);
}
END_TEST

static void free_in_thread(void *piece) { CHECK(brainmm_free(piece) == BRAINMM_OK); }

static void free_again_in_thread(void *piece) {
    CHECK(brainmm_free(piece) != BRAINMM_OK);
    CHECK(brainmm_usable_size(piece) == 0);
    CHECK(brainmm_realloc(piece, 50) == NULL);
    CHECK(brainmm_free(piece) != BRAINMM_OK);
}

static void in_thread(void (*run)(void *), void *argument) {
    thread t;
    thread_start(&t, run, argument);
    thread_join(&t);
}

START_TEST(double_frees_between_threads_are_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *by_owner = brainmm_alloc(sizes[k]), *by_other = brainmm_alloc(sizes[k]), *twice = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(by_owner), BRAINMM_OK);
        in_thread(free_again_in_thread, by_owner);
        in_thread(free_in_thread, by_other); /* the owner has not collected the piece yet when it frees it again */
        refused_by_all(by_other);
        in_thread(free_in_thread, twice);
        in_thread(free_again_in_thread, twice);
        refused_by_all(twice);
    }
}
END_TEST

static void *left_behind[SIZES];

static void leave_behind(void *unused) {
    (void)unused;
    for (unsigned k = 0; k < SIZES; k++)
        left_behind[k] = brainmm_alloc(sizes[k]);
}

START_TEST(double_frees_of_what_an_ended_thread_left_are_refused) {
    in_thread(leave_behind, NULL);
    for (unsigned k = 0; k < SIZES; k++) {
        ck_assert_int_eq(brainmm_free(left_behind[k]), BRAINMM_OK);
        refused_by_all(left_behind[k]);
        in_thread(free_again_in_thread, left_behind[k]);
    }
}
END_TEST

START_TEST(freed_blocks_and_pages_are_refused) {
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
        for (unsigned k = 0; k < 9; k++) {
            void *block = brainmm_block_get((size_t)4096 << (2 * k), mode);
            ck_assert_int_eq(brainmm_block_free(block, mode), BRAINMM_OK);
            refused_by_all(block);
        }
        for (size_t count = 1; count < 3000; count *= 3) {
            void *run = brainmm_pages_get(count, mode);
            ck_assert_int_eq(brainmm_pages_free(run, mode), BRAINMM_OK);
            refused_by_all(run);
        }
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        an_immediately_repeated_free_is_refused,
        a_repeated_free_after_other_frees_is_refused,
        a_free_repeated_much_later_is_refused,
        freeing_many_pieces_twice_is_refused_for_each,
        one_of_three_frees_of_two_allocations_is_refused,
        freed_pieces_are_refused_after_their_memory_went_back,
        double_frees_between_threads_are_refused,
        double_frees_of_what_an_ended_thread_left_are_refused,
        freed_blocks_and_pages_are_refused,
        NULL,
    };
    return run_suite("double frees", 60, witnesses_up, witnesses_down, tests);
}
