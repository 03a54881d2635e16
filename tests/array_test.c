/* SPDX-License-Identifier: MIT */
/* array_test.c: pieces for COUNT elements of SIZE bytes. The product never wraps round. A product that is too large is
 * refused, and the old piece stays as it was.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "suite.h"

/* Pairs whose product is above PTRDIFF_MAX. Where it is also above SIZE_MAX, it would wrap round to a small number. */
static const struct {
    size_t count, size;
} too_large[] = {
    {SIZE_MAX, 1},
    {1, SIZE_MAX},
    {(size_t)PTRDIFF_MAX + 1, 1},
    {PTRDIFF_MAX / 8 + 1, 8},
    {SIZE_MAX / 2 + 1, 2},                                                        /* wraps to 0 */
    {2, SIZE_MAX / 2 + 1},                                                        /* wraps to 0 */
    {SIZE_MAX / 16 + 2, 16},                                                      /* wraps to 16 */
    {(size_t)1 << (sizeof(size_t) * 4), (size_t)1 << (sizeof(size_t) * 4)},       /* wraps to 0 */
    {((size_t)1 << (sizeof(size_t) * 4)) + 1, (size_t)1 << (sizeof(size_t) * 4)}, /* wraps to little */
    {SIZE_MAX, SIZE_MAX},                                                         /* wraps to 1 */
};
enum { TOO_LARGE = sizeof too_large / sizeof *too_large };

static const struct {
    size_t count, size;
} possible[] = {{0, 0}, {0, 8}, {8, 0},   {SIZE_MAX, 0}, {0, SIZE_MAX},
                {1, 1}, {3, 5}, {100, 8}, {5000, 24},    {3, 1 << 20}};
enum { POSSIBLE = sizeof possible / sizeof *possible };

START_TEST(a_product_that_is_too_large_is_refused) {
    for (unsigned i = 0; i < TOO_LARGE; i++) {
        ck_assert_msg(brainmm_alloc_array(too_large[i].count, too_large[i].size) == NULL, "pair %u", i);
        ck_assert_msg(brainmm_alloc_zeroed_array(too_large[i].count, too_large[i].size) == NULL, "pair %u", i);
        ck_assert_msg(brainmm_realloc_array(NULL, too_large[i].count, too_large[i].size) == NULL, "pair %u", i);
    }
}
END_TEST

START_TEST(a_resize_that_is_refused_leaves_the_old_piece) {
    static const size_t sizes[] = {24, 3000, 100000, 3 * MIB};
    for (unsigned k = 0; k < 4; k++) {
        char *piece = brainmm_alloc(sizes[k]);
        ck_assert_ptr_nonnull(piece);
        size_t usable = brainmm_usable_size(piece);
        pattern_fill(piece, usable, k);
        for (unsigned i = 0; i < TOO_LARGE; i++)
            ck_assert_msg(brainmm_realloc_array(piece, too_large[i].count, too_large[i].size) == NULL, "pair %u", i);
        ck_assert_uint_eq(brainmm_usable_size(piece), usable);
        ck_assert(pattern_holds(piece, usable, k));
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
}
END_TEST

START_TEST(arrays_hold_their_elements) {
    for (unsigned i = 0; i < POSSIBLE; i++) {
        size_t bytes = possible[i].count * possible[i].size;
        char *piece = brainmm_alloc_array(possible[i].count, possible[i].size);
        char *other = brainmm_alloc_array(possible[i].count, possible[i].size);
        ck_assert_ptr_nonnull(piece);
        ck_assert_ptr_nonnull(other);
        ck_assert_ptr_ne(piece, other);
        ck_assert(is_aligned(piece, BRAINMM_ALIGNMENT));
        ck_assert_uint_ge(brainmm_usable_size(piece), bytes);
        memset(piece, 0xAA, brainmm_usable_size(piece));
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
        ck_assert_int_eq(brainmm_free(other), BRAINMM_OK);
        piece = brainmm_alloc_zeroed_array(possible[i].count, possible[i].size); /* probably the memory just freed */
        ck_assert_ptr_nonnull(piece);
        ck_assert_uint_ge(brainmm_usable_size(piece), bytes);
        ck_assert(all_zero(piece, brainmm_usable_size(piece)));
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
}
END_TEST

START_TEST(a_resize_keeps_the_elements) {
    char *piece = brainmm_realloc_array(NULL, 10, 4);
    ck_assert_ptr_nonnull(piece);
    pattern_fill(piece, 40, 7);
    for (size_t count = 20; count < 2 * MIB; count *= 3) {
        piece = brainmm_realloc_array(piece, count, 4);
        ck_assert_ptr_nonnull(piece);
        ck_assert_uint_ge(brainmm_usable_size(piece), count * 4);
        ck_assert(pattern_holds(piece, 40, 7));
    }
    piece = brainmm_realloc_array(piece, 5, 8);
    ck_assert_ptr_nonnull(piece);
    ck_assert(pattern_holds(piece, 40, 7));
    ck_assert_uint_lt(brainmm_usable_size(piece), 100000);
    ck_assert_ptr_null(brainmm_realloc_array(piece, 0, 8)); /* frees */
    ck_assert_uint_eq(brainmm_usable_size(piece), 0);
    piece = brainmm_alloc(100);
    ck_assert_ptr_null(brainmm_realloc_array(piece, 8, 0)); /* frees */
    ck_assert_uint_eq(brainmm_usable_size(piece), 0);
}
END_TEST

START_TEST(what_is_no_piece_is_refused) {
    char on_stack[64];
    memset(on_stack, 1, sizeof on_stack);
    ck_assert_ptr_null(brainmm_realloc_array(on_stack, 10, 10));
    for (unsigned i = 0; i < sizeof on_stack; i++)
        ck_assert_int_eq(on_stack[i], 1);
    char *piece = brainmm_alloc(100);
    ck_assert_ptr_null(brainmm_realloc_array(piece + 16, 10, 10));
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_product_that_is_too_large_is_refused,
        a_resize_that_is_refused_leaves_the_old_piece,
        arrays_hold_their_elements,
        a_resize_keeps_the_elements,
        what_is_no_piece_is_refused,
        NULL,
    };
    return run_suite("array", 60, NULL, NULL, tests);
}
