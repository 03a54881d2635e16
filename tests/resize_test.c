/* SPDX-License-Identifier: MIT */
/* resize_test.c: realloc and reget keep contents and alignment at every step between small and large. */
#include "piece_support.h"

/* ---- realloc, reget --------------------------------------------------------------------------------------------- */

/* Resizes a piece of FROM bytes to TO. All usable bytes are contents, and min(usable, TO) of them must stay. */
static void realloc_from_to(size_t from, size_t to) {
    unsigned char *piece = brainmm_alloc(from);
    ck_assert_ptr_nonnull(piece);
    size_t usable = brainmm_usable_size(piece);
    pattern_fill(piece, usable, from + to);
    piece = brainmm_realloc(piece, to);
    ck_assert_ptr_nonnull(piece);
    ck_assert(is_aligned(piece, 16));
    size_t new_usable = brainmm_usable_size(piece);
    ck_assert_uint_ge(new_usable, to);
    ck_assert(pattern_holds(piece, usable < to ? usable : to, from + to));
    pattern_fill(piece, new_usable, to);
    ck_assert(pattern_holds(piece, new_usable, to));
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}

START_TEST(realloc_keeps_contents_between_any_two_kinds) {
    static const size_t sizes[] = {1,     16,    17,    128,   129,    1000,   1024,    1025,        4096,   10000,
                                   32767, 32768, 32769, 65536, 100000, 500000, 1 * MIB, 1 * MIB + 1, 3 * MIB};
    size_t count = sizeof sizes / sizeof *sizes - (runs_slowly() ? 4 : 0); /* the largest only take time there */
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            realloc_from_to(sizes[i], sizes[j]);
}
END_TEST

START_TEST(realloc_keeps_contents_of_large_pieces) {
    static const size_t sizes[] = {2 * MIB, 16 * MIB + 5, 33 * MIB, SIZE_MOST, 33 * MIB, 100, SIZE_MOST, 5 * MIB};
    unsigned char *piece = brainmm_alloc(100);
    size_t held = 100;
    pattern_fill(piece, held, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *neighbour = brainmm_alloc(sizes[i] / 2); /* prevents growing in place */
        ck_assert_ptr_nonnull(neighbour);
        piece = brainmm_realloc(piece, sizes[i]);
        ck_assert_ptr_nonnull(piece);
        ck_assert(pattern_holds(piece, held < sizes[i] ? held : sizes[i], i));
        held = brainmm_usable_size(piece);
        pattern_fill(piece, held, i + 1);
        ck_assert_int_eq(brainmm_free(neighbour), BRAINMM_OK);
    }
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}
END_TEST

static void visit_realloc(size_t size) {
    if (size == 0)
        return; /* would free it; realloc_and_reget_to_0_free tests that */
    realloc_from_to(size, size);
    realloc_from_to(size, size + 1);
    realloc_from_to(size + 1, size);
}

START_TEST(realloc_keeps_contents_across_every_class_boundary) { each_interesting_size(visit_realloc); }
END_TEST

/* Grows and shrinks in small steps, as a string does that grows by appending. */
START_TEST(realloc_keeps_contents_at_each_small_step) {
    unsigned char *piece = NULL;
    size_t size = 0, most = 300000;
    for (size_t next = 1; next <= most; next += 1 + next / 64) {
        piece = brainmm_realloc(piece, next);
        ck_assert_ptr_nonnull(piece);
        ck_assert(pattern_holds(piece, size, 7));
        pattern_fill(piece, next, 7);
        size = next;
    }
    while (size > 1) {
        size -= 1 + size / 64;
        if (size == 0)
            size = 1;
        piece = brainmm_realloc(piece, size);
        ck_assert_ptr_nonnull(piece);
        ck_assert(pattern_holds(piece, size, 7));
    }
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}
END_TEST

START_TEST(realloc_and_reget_of_null_allocate) {
    void *a = brainmm_realloc(NULL, 100), *b = brainmm_reget(NULL, 100);
    check_piece(a, 100, 16);
    check_piece(b, 100, 16);
    ck_assert_ptr_ne(a, b);
    void *c = brainmm_realloc(NULL, 0), *d = brainmm_reget(NULL, 0);
    /* for NULL with size 0 brainmm.h has two rules: it may allocate and it may return NULL */
    ck_assert(c == NULL || brainmm_free(c) == BRAINMM_OK);
    ck_assert(d == NULL || brainmm_free(d) == BRAINMM_OK);
    ck_assert_int_eq(brainmm_free(a), BRAINMM_OK);
    ck_assert_int_eq(brainmm_free(b), BRAINMM_OK);
}
END_TEST

START_TEST(realloc_and_reget_to_0_free) {
    static const size_t sizes[] = {16, 1000, 20000, 100000, 3 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *a = brainmm_alloc(sizes[i]), *b = brainmm_alloc(sizes[i]);
        ck_assert_ptr_null(brainmm_realloc(a, 0));
        ck_assert_ptr_null(brainmm_reget(b, 0));
        ck_assert_uint_eq(brainmm_usable_size(a), 0);
        ck_assert_uint_eq(brainmm_usable_size(b), 0);
        ck_assert_int_ne(brainmm_free(a), BRAINMM_OK);
        ck_assert_int_ne(brainmm_free(b), BRAINMM_OK);
    }
}
END_TEST

static void visit_reget(size_t size) {
    void *piece = brainmm_alloc(size / 3);
    ck_assert_ptr_nonnull(piece);
    piece = brainmm_reget(piece, size ? size : 1);
    ck_assert_ptr_nonnull(piece);
    ck_assert(is_aligned(piece, 16));
    size_t usable = brainmm_usable_size(piece);
    ck_assert_uint_ge(usable, size);
    pattern_fill(piece, usable, size);
    piece = brainmm_reget(piece, size / 2 + 1);
    ck_assert_ptr_nonnull(piece);
    ck_assert_uint_ge(brainmm_usable_size(piece), size / 2 + 1);
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}

START_TEST(reget_gives_the_size_asked_for) { each_interesting_size(visit_reget); }
END_TEST

/* A shrink by more than half must give memory back. */
START_TEST(shrinking_gives_memory_back) {
    static const size_t sizes[] = {2000, 32768, 200000, 8 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *piece = brainmm_realloc(brainmm_alloc(sizes[i]), sizes[i] / 8);
        ck_assert_uint_le(brainmm_usable_size(piece), sizes[i] / 2);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
}
END_TEST

/* ---- Alignment -------------------------------------------------------------------------------------------------- */

/* Resizes a piece of ALIGNMENT so that it goes through all kinds of memory and back. */
static void resize_keeps_alignment(size_t alignment, bool keep_contents) {
    static const size_t sizes[] = {1,       100,         129,     1000,    2048,   3000,  32768, 32769, 100000,
                                   1 * MIB, 1 * MIB + 1, 5 * MIB, 3 * MIB, 500000, 40000, 20000, 300,   16};
    size_t size = 24;
    void *piece = brainmm_alloc_aligned(alignment, size);
    check_piece(piece, size, alignment);
    pattern_fill(piece, size, alignment);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t kept = size < sizes[i] ? size : sizes[i];
        piece = keep_contents ? brainmm_realloc(piece, sizes[i]) : brainmm_reget(piece, sizes[i]);
        size = sizes[i];
        check_piece(piece, size, alignment);
        if (keep_contents)
            ck_assert(pattern_holds(piece, kept, alignment));
        pattern_fill(piece, size, alignment);
    }
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}

START_TEST(alignment_is_given_and_kept_by_realloc_and_reget) {
    for (size_t alignment = 16; alignment <= BRAINMM_ALIGNMENT_MAX; alignment *= 2) {
        resize_keeps_alignment(alignment, true);
        resize_keeps_alignment(alignment, false);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        realloc_keeps_contents_between_any_two_kinds,
        realloc_keeps_contents_of_large_pieces,
        realloc_keeps_contents_across_every_class_boundary,
        realloc_keeps_contents_at_each_small_step,
        realloc_and_reget_of_null_allocate,
        realloc_and_reget_to_0_free,
        reget_gives_the_size_asked_for,
        shrinking_gives_memory_back,
        alignment_is_given_and_kept_by_realloc_and_reget,
        NULL,
    };
    return run_suite("resize", 120, NULL, NULL, tests);
}
