/* SPDX-License-Identifier: MIT */
/* piece_support.h: what the suites check of any live piece, and the sizes at which the heap may behave differently. It
 * does not know the size classes but finds their boundaries by asking the heap.
 */
#ifndef TESTS_PIECE_SUPPORT_H
#define TESTS_PIECE_SUPPORT_H

#include "heap_support.h"
#include "suite.h"

#include "brainmm.h"

#define SIZE_MOST (64 * MIB)

/* Calls VISIT with every size that the heap could treat differently from its neighbour: 0, the first and the last size
 * of each class up to 256 KiB, and sizes around each power of two and three quarters of it up to 64 MiB. Under valgrind
 * there are fewer above 64 KiB. */
SUPPORT_INLINE void each_interesting_size(void (*visit)(size_t size)) {
    visit(0);
    size_t size = 1, last_dense = under_valgrind() ? 64 * KIB : 256 * KIB;
    while (size <= last_dense) {
        void *piece = brainmm_alloc(size);
        ck_assert_ptr_nonnull(piece);
        size_t last = brainmm_usable_size(piece);
        ck_assert_uint_ge(last, size);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
        visit(size);
        if (last > size + 1)
            visit(last - 1);
        if (last > size)
            visit(last);
        size = last + 1;
    }
    size_t last_bulk = runs_slowly() ? 1 * MIB : SIZE_MOST;
    for (size_t power = 512 * KIB; power <= last_bulk; power *= 2) {
        visit(power / 4 * 3);
        visit(power - 1);
        visit(power);
        if (power < SIZE_MOST)
            visit(power + 1);
    }
}

/* The kind of a piece that has USABLE bytes, as brainmm.h defines it. */
SUPPORT_INLINE unsigned kind_of_piece(size_t usable) {
    return usable <= 128       ? BRAINMM_SMALL
           : usable <= 32768   ? BRAINMM_MEDIUM
           : usable <= 1 * MIB ? BRAINMM_BIG
                               : BRAINMM_LARGE;
}

/* Checks what must hold for any live piece that this thread has asked for with SIZE and ALIGNMENT. */
SUPPORT_INLINE void check_piece(void *piece, size_t size, size_t alignment) {
    ck_assert_ptr_nonnull(piece);
    ck_assert(is_aligned(piece, alignment < 16 ? 16 : alignment));
    size_t usable = brainmm_usable_size(piece);
    ck_assert_uint_ge(usable, size);

    brainmm_options options;
    memset(&options, 0xA5, sizeof options);
    ck_assert_int_eq(brainmm_get_options(piece, &options), 1);
    size_t described = options.size; /* copies: members of a packed struct have no address */
    uintptr_t thread_id = options.thread_id;
    ck_assert_uint_eq(described, usable);
    ck_assert_uint_eq(options.kind, kind_of_piece(usable));
    ck_assert_uint_le(options.align, 7);
    ck_assert(is_aligned(piece, (size_t)16 << options.align));
    ck_assert_uint_ge((size_t)16 << options.align, alignment < 2048 ? alignment : 2048); /* more cannot be told */
    ck_assert_uint_eq(options.block_size, 0);
    ck_assert_uint_eq(options.rights, usable ? BRAINMM_READ | BRAINMM_WRITE : 0);
    if (usable == 0)
        ck_assert_uint_eq(thread_id, 0);
    else if (usable <= BRAINMM_LOCK_FREE_MAX)
        ck_assert_uint_eq(thread_id, current_thread_id());
    else
        ck_assert(thread_id == 0 || thread_id == current_thread_id());
}

#endif
