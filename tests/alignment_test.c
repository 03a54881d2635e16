/* SPDX-License-Identifier: MIT */
/* alignment_test.c: brainmm_alloc_aligned gives every alignment for which the system has addresses, also one far above
 * the size of the piece. Up to 32 KiB a piece costs no more than its size, rounded up to the alignment. A resize keeps
 * the alignment. Impossible sizes and alignments are refused.
 */
#include "heap_support.h"
#include "walk_support.h"

#include "brainmm.h"
#include "suite.h"

#define LARGEST (64 * MIB)

static const size_t sizes[] = {0, 1, 16, 100, 2048, 4096, 5000, 32768, 32769, 65536, 100000, 3 * MIB + 1};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void check_piece(char *piece, size_t alignment, size_t size) {
    brainmm_options options;
    ck_assert_ptr_nonnull(piece);
    ck_assert_msg(is_aligned(piece, alignment), "%p is not aligned to %zu", (void *)piece, alignment);
    ck_assert_uint_ge(brainmm_usable_size(piece), size);
    ck_assert_int_eq(brainmm_get_options(piece, &options), 1);
    ck_assert_uint_eq(options.align, 7); /* "2048 or more" */
    ck_assert_uint_le(options.kind, BRAINMM_LARGE);
    ck_assert_int_eq(brainmm_get_options(piece + 16, NULL), 0);
}

START_TEST(every_alignment_is_given_for_every_size) {
    for (size_t alignment = 4096; alignment <= LARGEST; alignment *= 2)
        for (unsigned k = 0; k < SIZES; k++) {
            char *piece = brainmm_alloc_aligned(alignment, sizes[k]),
                 *other = brainmm_alloc_aligned(alignment, sizes[k]);
            check_piece(piece, alignment, sizes[k]);
            check_piece(other, alignment, sizes[k]);
            size_t usable = brainmm_usable_size(piece);
            ck_assert_msg(piece + usable <= other || other + brainmm_usable_size(other) <= piece, "they overlap");
            pattern_fill(piece, usable, k);
            pattern_fill(other, brainmm_usable_size(other), k + 100);
            ck_assert(pattern_holds(piece, usable, k));
            ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
            ck_assert_int_ne(brainmm_free(piece), BRAINMM_OK);
            ck_assert(pattern_holds(other, brainmm_usable_size(other), k + 100));
            ck_assert_int_eq(brainmm_free(other), BRAINMM_OK);
        }
}
END_TEST

/* Grows and shrinks a piece, through every kind of piece and back. */
static void resize_through_all(size_t alignment, bool keep) {
    char *piece = brainmm_alloc_aligned(alignment, 1);
    size_t size = 1;
    check_piece(piece, alignment, size);
    pattern_fill(piece, size, alignment);
    for (unsigned step = 0; step < 2 * SIZES; step++) {
        size_t target = step < SIZES ? sizes[step] : sizes[2 * SIZES - 1 - step];
        if (target == 0)
            continue;
        piece = keep ? brainmm_realloc(piece, target) : brainmm_reget(piece, target);
        check_piece(piece, alignment, target);
        if (keep)
            ck_assert(pattern_holds(piece, size < target ? size : target, alignment));
        size = target;
        pattern_fill(piece, size, alignment);
    }
    ck_assert_ptr_null(keep ? brainmm_realloc(piece, PTRDIFF_MAX) : brainmm_reget(piece, PTRDIFF_MAX));
    check_piece(piece, alignment, size);
    ck_assert(pattern_holds(piece, size, alignment));
    ck_assert_ptr_null(keep ? brainmm_realloc(piece, 0) : brainmm_reget(piece, 0)); /* frees */
    ck_assert_int_eq(brainmm_get_options(piece, NULL), 0);
}

START_TEST(a_resize_keeps_the_alignment) {
    for (size_t alignment = 4096; alignment <= LARGEST; alignment *= 2) {
        resize_through_all(alignment, true);
        resize_through_all(alignment, false);
    }
}
END_TEST

/* ---- Alignments of whole pages ---------------------------------------------------------------------------------- */

enum { SHARED_MOST = 32768, PIECES = 10000 }; /* up to here, in size and alignment, pieces share slabs */

/* What brainmm_get_stats tells about the pieces of SIZE bytes at multiples of ALIGNMENT. */
static brainmm_class_stats class_of(size_t size, size_t alignment, brainmm_stats *stats) {
    static brainmm_class_stats rows[2048];
    stats->struct_size = sizeof *stats;
    ck_assert_int_eq(brainmm_get_stats(stats, rows, 2048), BRAINMM_OK);
    for (uint64_t i = 0; i < stats->class_count; i++)
        if (rows[i].size == size && rows[i].alignment == alignment)
            return rows[i];
    return (brainmm_class_stats){0};
}

START_TEST(the_usable_size_is_the_size_rounded_up_to_the_alignment) {
    for (size_t alignment = 4096; alignment <= SHARED_MOST; alignment *= 2)
        for (size_t size = 512; size <= SHARED_MOST; size += 512)
            for (size_t k = 0; k < 3; k++) {
                size_t wanted = size + k > 1 ? size + k - 1 : 0; /* one less, the size, one more */
                size_t rounded = wanted ? (wanted + alignment - 1) / alignment * alignment : alignment;
                char *piece = brainmm_alloc_aligned(alignment, wanted);
                check_piece(piece, alignment, wanted);
                if (wanted <= SHARED_MOST)
                    ck_assert_uint_eq(brainmm_usable_size(piece), rounded);
                for (size_t page = 4096; page < brainmm_usable_size(piece); page += 4096)
                    ck_assert_int_eq(brainmm_free(piece + page), BRAINMM_E_POINTER);
                ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
            }
}
END_TEST

START_TEST(a_piece_at_a_page_costs_no_more_than_its_pages) {
    static void *pieces[PIECES];
    brainmm_stats before, after;
    void *first = brainmm_alloc_aligned(4096, 512); /* the first slab, and what the heap needs for its beginning */
    brainmm_class_stats class_before = class_of(4096, 4096, &before);
    for (unsigned i = 0; i < PIECES; i++) {
        ck_assert_ptr_nonnull(pieces[i] = brainmm_alloc_aligned(4096, 512));
        memset(pieces[i], 1, 512);
    }
    brainmm_class_stats class_after = class_of(4096, 4096, &after);
    uint64_t committed = after.committed_bytes - before.committed_bytes;
    ck_assert_msg(committed <= PIECES * (uint64_t)4608, "%u pieces took %u KiB", (unsigned)PIECES,
                  (unsigned)(committed / 1024));
    ck_assert_uint_eq(class_after.live - class_before.live, PIECES);
    ck_assert_uint_le(class_after.slabs - class_before.slabs, PIECES / 16 + 1); /* 64 KiB of addresses each */
    for (unsigned i = 0; i < PIECES; i++)
        ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
    ck_assert_int_eq(brainmm_free(first), BRAINMM_OK);
}
END_TEST

START_TEST(the_statistics_tell_alignments_of_one_size_apart) {
    brainmm_stats stats;
    uint64_t before[16];
    void *pieces[16];
    unsigned count = 0;
    for (size_t alignment = 2048; alignment <= SHARED_MOST; alignment *= 2, count++)
        before[count] = class_of(SHARED_MOST, alignment, &stats).live;
    count = 0;
    for (size_t alignment = 2048; alignment <= SHARED_MOST; alignment *= 2, count++)
        pieces[count] = brainmm_alloc_aligned(alignment, SHARED_MOST);
    count = 0;
    for (size_t alignment = 2048; alignment <= SHARED_MOST; alignment *= 2, count++) {
        ck_assert_uint_eq(class_of(SHARED_MOST, alignment, &stats).live, before[count] + 1);
        ck_assert_int_eq(brainmm_free(pieces[count]), BRAINMM_OK);
    }
}
END_TEST

START_TEST(a_piece_for_which_there_is_no_smaller_size_stays) {
    for (size_t alignment = 4096; alignment <= SHARED_MOST; alignment *= 2) {
        char *piece = brainmm_alloc_aligned(alignment, alignment);
        pattern_fill(piece, alignment, alignment);
        ck_assert_ptr_eq(brainmm_realloc(piece, 1), piece);
        ck_assert_ptr_eq(brainmm_realloc(piece, alignment), piece);
        ck_assert(pattern_holds(piece, alignment, alignment));
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
}
END_TEST

/* Its neighbours keep the piece from growing in place. */
START_TEST(a_piece_that_has_to_move_keeps_the_alignment) {
    for (size_t alignment = 4096; alignment <= 16 * MIB; alignment *= 2) {
        char *neighbours[8], *piece = brainmm_alloc_aligned(alignment, 40000);
        check_piece(piece, alignment, 40000);
        pattern_fill(piece, 40000, 1);
        for (unsigned i = 0; i < 8; i++)
            ck_assert_ptr_nonnull(neighbours[i] = brainmm_alloc(200000));
        for (size_t size = 80000; size < 5 * MIB; size *= 2) {
            piece = brainmm_realloc(piece, size);
            check_piece(piece, alignment, size);
            ck_assert(pattern_holds(piece, 40000, 1));
        }
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
        for (unsigned i = 0; i < 8; i++)
            ck_assert_int_eq(brainmm_free(neighbours[i]), BRAINMM_OK);
    }
}
END_TEST

START_TEST(the_walk_tells_the_alignment_in_bytes) {
    char *pieces[32];
    unsigned count = 0;
    struct seen seen;
    for (size_t alignment = 16; alignment <= LARGEST; alignment *= 2)
        pieces[count++] = brainmm_alloc_aligned(alignment, 100);
    pieces[0] = brainmm_realloc(pieces[0], 200);
    pieces[count - 1] = brainmm_realloc(pieces[count - 1], 200000);
    seen_start(&seen, 100000);
    seen_walk(&seen);
    for (unsigned i = 0; i < count; i++) {
        const brainmm_allocation *found = seen_at(&seen, pieces[i]);
        ck_assert_msg(found != NULL, "alignment 16 << %u is not found", i);
        ck_assert_uint_eq(found->alignment, (size_t)16 << i);
        ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
    }
    seen_end(&seen);
}
END_TEST

START_TEST(what_cannot_be_is_refused) {
    static const size_t no_powers[] = {0, 3, 4095, 4097, 4096 + 2048, 3 * MIB, SIZE_MAX, SIZE_MAX - 4095};
    static const size_t no_sizes[] = {SIZE_MAX, SIZE_MAX - 4095, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX};
    for (unsigned k = 0; k < SIZES; k++) {
        for (unsigned i = 0; i < sizeof no_powers / sizeof *no_powers; i++)
            ck_assert_ptr_null(brainmm_alloc_aligned(no_powers[i], sizes[k]));
        ck_assert_ptr_null(brainmm_alloc_aligned((size_t)PTRDIFF_MAX + 1, sizes[k]));
        if (sizeof(size_t) > 4) { /* no processor has so many addresses */
            ck_assert_ptr_null(brainmm_alloc_aligned((size_t)1 << (sizeof(size_t) * 8 - 2), sizes[k]));
            ck_assert_ptr_null(brainmm_alloc_aligned((size_t)1 << (sizeof(size_t) * 8 - 4), sizes[k]));
        }
    }
    for (size_t alignment = 1; alignment != 0; alignment *= 2)
        for (unsigned i = 0; i < sizeof no_sizes / sizeof *no_sizes; i++)
            ck_assert_msg(brainmm_alloc_aligned(alignment, no_sizes[i]) == NULL, "size %zu, alignment %zu", no_sizes[i],
                          alignment);
    /* each of the two may be possible alone, but their sum is above PTRDIFF_MAX */
    ck_assert_ptr_null(brainmm_alloc_aligned(PTRDIFF_MAX / 2 + 1, PTRDIFF_MAX / 2 + 2));
    void *piece = brainmm_alloc_aligned(4096, 100); /* the heap still works */
    check_piece(piece, 4096, 100);
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}
END_TEST

/* For every power of two up to PTRDIFF_MAX the heap gives a piece that is aligned to it, or it lacks addresses and
 * refuses. */
START_TEST(alignments_near_the_end_of_the_addresses_are_right_or_refused) {
    for (size_t alignment = LARGEST; alignment <= PTRDIFF_MAX; alignment *= 2) {
        char *piece = brainmm_alloc_aligned(alignment, 100000);
        if (!piece)
            continue;
        check_piece(piece, alignment, 100000);
        memset(piece, 1, 100000);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        every_alignment_is_given_for_every_size,
        a_resize_keeps_the_alignment,
        the_usable_size_is_the_size_rounded_up_to_the_alignment,
        a_piece_at_a_page_costs_no_more_than_its_pages,
        the_statistics_tell_alignments_of_one_size_apart,
        a_piece_for_which_there_is_no_smaller_size_stays,
        a_piece_that_has_to_move_keeps_the_alignment,
        the_walk_tells_the_alignment_in_bytes,
        what_cannot_be_is_refused,
        alignments_near_the_end_of_the_addresses_are_right_or_refused,
        NULL,
    };
    return run_suite("alignment", 120, NULL, NULL, tests);
}
