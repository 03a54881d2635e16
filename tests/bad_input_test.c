/* SPDX-License-Identifier: MIT */
/* bad_input_test.c: wrong kinds, modes, sizes, alignments and counts are refused with a documented result. Wrong
 * pointers are in bad_pointer_test.c and double_free_test.c.
 */
#include "witnesses.h"

/* ---- The wrong kind and mode ------------------------------------------------------------------------------------ */

START_TEST(blocks_and_pages_given_to_the_functions_for_pieces_are_refused) {
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++)
        for (unsigned k = 0; k < 7; k++) {
            unsigned char *block = brainmm_block_get((size_t)4096 << (2 * k), mode);
            unsigned char *run = brainmm_pages_get((size_t)1 << (2 * k), mode);
            unsigned char *const both[] = {block, run};
            for (unsigned i = 0; i < 2; i++) {
                pattern_fill(both[i], 4096, k);
                ck_assert_int_eq(brainmm_free(both[i]), BRAINMM_E_KIND);
                ck_assert_ptr_null(brainmm_realloc(both[i], 100));
                ck_assert_ptr_null(brainmm_realloc(both[i], 0));
                ck_assert_ptr_null(brainmm_reget(both[i], 100));
                ck_assert_ptr_null(brainmm_reget(both[i], 0));
                ck_assert_uint_eq(brainmm_usable_size(both[i]), 0);
                ck_assert(pattern_holds(both[i], 4096, k));
            }
            ck_assert_int_eq(brainmm_pages_free(block, mode), BRAINMM_E_KIND);
            ck_assert_ptr_null(brainmm_pages_realloc(block, 2, mode));
            ck_assert_ptr_null(brainmm_pages_reget(block, 2, mode));
            ck_assert_ptr_null(brainmm_pages_realloc(block, 0, mode));
            ck_assert_int_eq(brainmm_block_free(run, mode), BRAINMM_E_KIND);
            ck_assert_int_eq(brainmm_block_free(block, mode), BRAINMM_OK);
            ck_assert_int_eq(brainmm_pages_free(run, mode), BRAINMM_OK);
        }
}
END_TEST

START_TEST(pieces_given_to_the_functions_for_blocks_and_pages_are_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *pieces[2] = {brainmm_alloc(sizes[k]), brainmm_alloc_aligned(2048, sizes[k])};
        for (unsigned i = 0; i < 2; i++) {
            for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
                ck_assert_int_ne(brainmm_block_free(pieces[i], mode), BRAINMM_OK);
                ck_assert_int_ne(brainmm_pages_free(pieces[i], mode), BRAINMM_OK);
                ck_assert_ptr_null(brainmm_pages_realloc(pieces[i], 3, mode));
                ck_assert_ptr_null(brainmm_pages_realloc(pieces[i], 0, mode));
                ck_assert_ptr_null(brainmm_pages_reget(pieces[i], 3, mode));
            }
            ck_assert_int_eq(brainmm_block_free(pieces[i], BRAINMM_USER), BRAINMM_E_KIND);
            ck_assert_int_eq(brainmm_pages_free(pieces[i], BRAINMM_USER), BRAINMM_E_KIND);
            ck_assert_uint_ge(brainmm_usable_size(pieces[i]), sizes[k]);
            ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
        }
    }
}
END_TEST

START_TEST(the_wrong_mode_is_refused) {
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
        unsigned char *block = brainmm_block_get(64 * KIB, mode), *run = brainmm_pages_get(10, mode);
        pattern_fill(run, 10 * BRAINMM_PAGE_SIZE, mode);
        for (unsigned wrong = 0; wrong < 6; wrong++) {
            if (wrong == mode)
                continue;
            int result = brainmm_block_free(block, wrong);
            ck_assert(result == BRAINMM_E_KIND || result == BRAINMM_E_ARGUMENT);
            result = brainmm_pages_free(run, wrong);
            ck_assert(result == BRAINMM_E_KIND || result == BRAINMM_E_ARGUMENT);
            ck_assert_ptr_null(brainmm_pages_realloc(run, 20, wrong));
            ck_assert_ptr_null(brainmm_pages_realloc(run, 0, wrong));
            ck_assert_ptr_null(brainmm_pages_reget(run, 20, wrong));
        }
        ck_assert(pattern_holds(run, 10 * BRAINMM_PAGE_SIZE, mode));
        ck_assert_int_eq(brainmm_block_free(block, mode), BRAINMM_OK);
        ck_assert_int_eq(brainmm_pages_free(run, mode), BRAINMM_OK);
    }
    static const unsigned unknown[] = {3, 4, 255, 0x80000000u, 0xFFFFFFFFu};
    for (unsigned i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        ck_assert_ptr_null(brainmm_block_get(64 * KIB, unknown[i]));
        ck_assert_ptr_null(brainmm_pages_get(1, unknown[i]));
        ck_assert_ptr_null(brainmm_pages_realloc(NULL, 1, unknown[i]));
        ck_assert_ptr_null(brainmm_pages_reget(NULL, 1, unknown[i]));
        ck_assert_int_eq(brainmm_block_free(witness_block, unknown[i]), BRAINMM_E_ARGUMENT);
        ck_assert_int_eq(brainmm_pages_free(witness_pages, unknown[i]), BRAINMM_E_ARGUMENT);
    }
}
END_TEST

/* ---- Sizes, alignments, counts ---------------------------------------------------------------------------------- */

START_TEST(sizes_that_cannot_be_are_refused_and_the_old_piece_stays) {
    for (unsigned k = 0; k < 24; k++) {
        /* just above PTRDIFF_MAX, just below SIZE_MAX and between them: rounding up wraps for each of them somewhere */
        const size_t impossible[] = {(size_t)PTRDIFF_MAX + 1 + (((size_t)1 << k) - 1),
                                     SIZE_MAX - (((size_t)1 << k) - 1), SIZE_MAX / 3 * 2 + k, SIZE_MAX - k};
        for (unsigned i = 0; i < 4; i++) {
            ck_assert_ptr_null(brainmm_alloc(impossible[i]));
            ck_assert_ptr_null(brainmm_alloc_zeroed(impossible[i]));
            ck_assert_ptr_null(brainmm_realloc(NULL, impossible[i]));
            ck_assert_ptr_null(brainmm_reget(NULL, impossible[i]));
            ck_assert_ptr_null(brainmm_block_get(impossible[i], BRAINMM_USER));
            ck_assert_ptr_null(brainmm_pages_get(impossible[i], BRAINMM_USER));
            for (size_t alignment = 1; alignment <= BRAINMM_ALIGNMENT_MAX; alignment *= 2)
                ck_assert_ptr_null(brainmm_alloc_aligned(alignment, impossible[i]));
            for (unsigned w = 0; w < SIZES; w++) {
                ck_assert_ptr_null(brainmm_realloc(witnesses[w], impossible[i]));
                ck_assert_ptr_null(brainmm_reget(witnesses[w], impossible[i]));
                ck_assert(pattern_holds(witnesses[w], sizes[w] < 64 ? sizes[w] : 64, w));
            }
        }
    }
}
END_TEST

START_TEST(the_largest_sizes_allowed_are_refused_by_the_system_or_work) {
    for (unsigned k = 0; k < 24; k++) {
        size_t size = (size_t)PTRDIFF_MAX - (((size_t)1 << k) - 1);
        void *piece = brainmm_alloc(size), *aligned = brainmm_alloc_aligned(2048, size);
        ck_assert(piece == NULL || brainmm_usable_size(piece) >= size);
        ck_assert(aligned == NULL || brainmm_usable_size(aligned) >= size);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
        ck_assert_int_eq(brainmm_free(aligned), BRAINMM_OK);
        if (sizeof(size_t) > 4) { /* no system maps 2^62 bytes */
            ck_assert_ptr_null(piece);
            ck_assert_ptr_null(aligned);
        }
    }
}
END_TEST

START_TEST(alignments_out_of_range_are_refused) {
    static const size_t wrong[] = {0,    3,    5,    12,   17,   24,    48,       96,
                                   1000, 2047, 2049, 3072, 4097, 65535, SIZE_MAX, SIZE_MAX / 2 + 1};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        for (unsigned k = 0; k < SIZES; k++)
            ck_assert_ptr_null(brainmm_alloc_aligned(wrong[i], sizes[k]));
}
END_TEST

START_TEST(block_sizes_that_are_none_are_refused) {
    for (unsigned bit = 0; bit < sizeof(size_t) * 8; bit++) {
        size_t power = (size_t)1 << bit;
        bool is_block_size = bit >= 12 && bit <= 28 && bit % 2 == 0;
        const size_t around[] = {power - 1, power + 1, power + power / 2, is_block_size ? 0 : power};
        for (unsigned i = 0; i < 4; i++)
            for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++)
                ck_assert_ptr_null(brainmm_block_get(around[i], mode));
    }
}
END_TEST

#if !defined(_WIN32)
START_TEST(there_is_no_com_here) {
    struct IMalloc *object = NULL;
    ck_assert_int_eq(brainmm_create_malloc(&object), BRAINMM_E_UNSUPPORTED);
    ck_assert_int_eq(brainmm_create_malloc(NULL), BRAINMM_E_ARGUMENT);
    ck_assert_ptr_null(object);
}
END_TEST
#endif

int main(void) {
    const TTest *const tests[] = {
        blocks_and_pages_given_to_the_functions_for_pieces_are_refused,
        pieces_given_to_the_functions_for_blocks_and_pages_are_refused,
        the_wrong_mode_is_refused,
        sizes_that_cannot_be_are_refused_and_the_old_piece_stays,
        the_largest_sizes_allowed_are_refused_by_the_system_or_work,
        alignments_out_of_range_are_refused,
        block_sizes_that_are_none_are_refused,
#if !defined(_WIN32)
        there_is_no_com_here,
#endif
        NULL,
    };
    return run_suite("bad input", 60, witnesses_up, witnesses_down, tests);
}
