/* SPDX-License-Identifier: MIT */
/* witnesses.h: for suites that give the heap wrong arguments. Each test runs among live pieces, blocks and pages. After
 * the test their contents are unchanged, each can be freed, and the heap still gives out memory.
 */
#ifndef TESTS_WITNESSES_H
#define TESTS_WITNESSES_H

#include "heap_support.h"
#include "suite.h"

#include "brainmm.h"

static const size_t sizes[] = {8, 100, 128, 144, 1000, 4096, 20000, 32768, 40000, 256 * KIB, 900000, 3 * MIB};
enum { SIZES = sizeof sizes / sizeof *sizes, SMALL_SIZES = 8 /* those up to 32 KiB */ };

/* ---- Witnesses: live memory that no refused call may touch ------------------------------------------------------ */

enum { WITNESSES = 10 * SIZES };
static unsigned char *witnesses[WITNESSES], *witness_block, *witness_pages, *witness_jit;

/* The bytes of a piece of SIZE that have contents. valgrind takes seconds for all. */
SUPPORT_INLINE size_t filled_of(size_t size) { return under_valgrind() && size > 64 * KIB ? 64 * KIB : size; }

SUPPORT_INLINE void witnesses_up(void) {
    for (unsigned i = 0; i < WITNESSES; i++) {
        witnesses[i] = brainmm_alloc(sizes[i % SIZES]);
        ck_assert_ptr_nonnull(witnesses[i]);
        pattern_fill(witnesses[i], filled_of(sizes[i % SIZES]), i);
    }
    witness_block = brainmm_block_get(64 * KIB, BRAINMM_USER);
    witness_pages = brainmm_pages_get(5, BRAINMM_SYSTEM);
    witness_jit = brainmm_pages_get(5, BRAINMM_JIT);
    pattern_fill(witness_block, 64 * KIB, 1);
    pattern_fill(witness_pages, 5 * BRAINMM_PAGE_SIZE, 2);
    pattern_fill(witness_jit, 5 * BRAINMM_PAGE_SIZE, 3);
}

/* Each class must still hand out different pieces: a corrupted free list would hand one out twice. */
SUPPORT_INLINE void classes_are_sound(void) {
    enum { COUNT = 300 };
    static unsigned char *pieces[COUNT];
    for (unsigned k = 0; k < SIZES; k++) {
        unsigned count = sizes[k] > MIB ? 4 : sizes[k] > BRAINMM_LOCK_FREE_MAX ? 20 : COUNT;
        if (under_valgrind())
            count = count / 10 + 2;
        for (unsigned i = 0; i < count; i++) {
            pieces[i] = brainmm_alloc(sizes[k]);
            ck_assert_ptr_nonnull(pieces[i]);
            pattern_fill(pieces[i], filled_of(sizes[k]), i);
        }
        for (unsigned i = 0; i < count; i++) {
            ck_assert(pattern_holds(pieces[i], filled_of(sizes[k]), i));
            ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
        }
    }
}

SUPPORT_INLINE void witnesses_down(void) {
    classes_are_sound();
    for (unsigned i = 0; i < WITNESSES; i++) {
        ck_assert(pattern_holds(witnesses[i], filled_of(sizes[i % SIZES]), i));
        ck_assert_int_eq(brainmm_free(witnesses[i]), BRAINMM_OK);
    }
    ck_assert(pattern_holds(witness_block, 64 * KIB, 1));
    ck_assert(pattern_holds(witness_pages, 5 * BRAINMM_PAGE_SIZE, 2));
    ck_assert(pattern_holds(witness_jit, 5 * BRAINMM_PAGE_SIZE, 3));
    ck_assert_int_eq(brainmm_block_free(witness_block, BRAINMM_USER), BRAINMM_OK);
    ck_assert_int_eq(brainmm_pages_free(witness_pages, BRAINMM_SYSTEM), BRAINMM_OK);
    ck_assert_int_eq(brainmm_pages_free(witness_jit, BRAINMM_JIT), BRAINMM_OK);
}

SUPPORT_INLINE bool is_witness(const void *address) {
    for (unsigned i = 0; i < WITNESSES; i++)
        if (witnesses[i] == address)
            return true;
    return address == witness_block || address == witness_pages || address == witness_jit;
}

/* Checks that every function refuses ADDRESS, which was freed or never was an allocation. */
SUPPORT_INLINE void refused_by_all(void *address) {
    int result = brainmm_free(address);
    ck_assert_msg(result == BRAINMM_E_POINTER || result == BRAINMM_E_DOUBLE_FREE, "free(%p) = %d", address, result);
    ck_assert_uint_eq(brainmm_usable_size(address), 0);
    brainmm_options options, before;
    memset(&options, 0x5A, sizeof options);
    before = options;
    ck_assert_int_eq(brainmm_get_options(address, &options), 0);
    ck_assert_mem_eq(&options, &before, sizeof options);
    static const size_t to[] = {0, 1, 100, 5000, 100000, 2 * MIB};
    for (unsigned i = 0; i < sizeof to / sizeof *to; i++) {
        ck_assert_ptr_null(brainmm_realloc(address, to[i]));
        ck_assert_ptr_null(brainmm_reget(address, to[i]));
    }
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
        ck_assert_int_ne(brainmm_block_free(address, mode), BRAINMM_OK);
        ck_assert_int_ne(brainmm_pages_free(address, mode), BRAINMM_OK);
        for (unsigned count = 0; count < 40; count += 13) {
            ck_assert_ptr_null(brainmm_pages_realloc(address, count, mode));
            ck_assert_ptr_null(brainmm_pages_reget(address, count, mode));
        }
    }
    result = brainmm_free(address); /* the calls above have not changed that */
    ck_assert(result == BRAINMM_E_POINTER || result == BRAINMM_E_DOUBLE_FREE);
}

#endif
