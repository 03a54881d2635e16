/* SPDX-License-Identifier: MIT */
/* walk_code_test.c: brainmm_get_options, brainmm_walk and brainmm_get_stats know each piece of code of both kinds of
 * JIT heap. Other functions refuse it.
 */
#include "suite.h"
#include "walk_support.h"
#if defined(BRAINMM_STATIC)
#include "heap/jit.h"
#endif

static struct seen seen;

enum { CODE_HEAPS = 4, CODE_PIECES = 600 };

struct code_piece {
    char *code; /* NULL: none */
    void *writable;
    size_t size;
    unsigned heap;
};

/* The walk must find each piece of code once, with the size that was asked for, and nothing else. The figures must be
 * the sums. */
static void compare_code(const struct code_piece *pieces) {
    size_t count = 0, bytes = 0;
    seen_walk(&seen);
    for (unsigned i = 0; i < CODE_PIECES; i++) {
        brainmm_options options = {0};
        if (!pieces[i].code)
            continue;
        size_t size = (pieces[i].size + 15) / 16 * 16;
        const brainmm_allocation *found = seen_at(&seen, pieces[i].code);
        ck_assert_ptr_nonnull(found);
        ck_assert_uint_eq(found->size, size);
        ck_assert_uint_eq(found->kind, BRAINMM_JIT_MEMORY);
        ck_assert_uint_eq(found->mode, BRAINMM_JIT);
        ck_assert_uint_eq(found->alignment, 16);
        ck_assert_uint_eq(found->thread_id, 0);
        ck_assert_uint_eq(found->certainty, BRAINMM_EXACT);
        ck_assert_int_eq(brainmm_get_options(pieces[i].code, &options), 1);
        ck_assert_uint_eq(options.size, size);
        ck_assert_uint_eq(options.kind, BRAINMM_JIT_MEMORY);
        ck_assert_uint_eq(options.align, 0);
        ck_assert_uint_eq(options.rights, pieces[i].writable == pieces[i].code
                                              ? BRAINMM_READ | BRAINMM_WRITE | BRAINMM_EXECUTE
                                              : BRAINMM_READ | BRAINMM_EXECUTE);
        count++;
        bytes += size;
    }
    ck_assert_uint_eq(seen.count, count); /* the JIT heaps' own records are not reported */
    brainmm_stats stats = {.struct_size = sizeof stats};
    ck_assert_int_eq(brainmm_get_stats(&stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(stats.approximate, 0);
    ck_assert_uint_eq(stats.live_count, seen.count);
    ck_assert_uint_eq(stats.kinds[BRAINMM_JIT_MEMORY].count, count);
    ck_assert_uint_eq(stats.kinds[BRAINMM_JIT_MEMORY].bytes, bytes);
    ck_assert_uint_ge(stats.free_bytes + bytes, count ? 65536 : 0); /* memory with two views counts once */
    ck_assert_uint_eq(stats.committed_bytes,
                      stats.live_bytes + stats.free_bytes + stats.cached_bytes + stats.overhead_bytes);
    ck_assert_uint_le(stats.committed_bytes, stats.reserved_bytes);
    ck_assert_uint_ge(stats.committed_most + stats.overhead_bytes, stats.committed_bytes);
}

/* Checks addresses that are not the start of a piece of code, and functions that are not for code. */
static void code_is_of_its_own_kind(brainmm_jit_heap *heap, char *code, void *writable) {
    brainmm_options options, before;
    memset(&options, 0x5A, sizeof options);
    before = options;
    ck_assert_int_eq(brainmm_get_options(code + 16, &options), 0);
    if (writable != code)
        ck_assert_int_eq(brainmm_get_options(writable, &options), 0);
    ck_assert_int_eq(brainmm_free(code), BRAINMM_E_KIND);
    ck_assert_int_eq(brainmm_free(code + 16), BRAINMM_E_POINTER);
    ck_assert_int_eq(brainmm_pages_free(code, BRAINMM_JIT), BRAINMM_E_KIND);
    ck_assert_int_eq(brainmm_block_free(code, BRAINMM_JIT), BRAINMM_E_KIND);
    ck_assert_ptr_null(brainmm_pages_realloc(code, 20, BRAINMM_JIT));
    ck_assert_ptr_null(brainmm_realloc(code, 5000));
    ck_assert_int_eq(brainmm_jit_free(heap, code), BRAINMM_OK);
    ck_assert_int_eq(brainmm_get_options(code, &options), 0);
    ck_assert(memcmp(&options, &before, sizeof options) == 0);
}

START_TEST(code_is_found_piece_by_piece) {
    static struct code_piece pieces[CODE_PIECES];
    brainmm_jit_heap *heaps[CODE_HEAPS];
    random_source random = {9};
    memset(pieces, 0, sizeof pieces);
    seen_start(&seen, 20000);
    for (unsigned i = 0; i < CODE_HEAPS; i++)
        ck_assert_int_eq(brainmm_jit_heap_create(i % 2, &heaps[i]), BRAINMM_OK);
    for (unsigned heap = 0; heap < CODE_HEAPS; heap++) { /* the first piece lies at the start of its chunk */
        void *writable;
        char *code = brainmm_jit_alloc(heaps[heap], 100, &writable);
        ck_assert_ptr_nonnull(code);
        code_is_of_its_own_kind(heaps[heap], code, writable);
    }
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 2 * CODE_PIECES; i++) {
            struct code_piece *piece = &pieces[random_below(&random, CODE_PIECES)];
            ck_assert_int_eq(brainmm_jit_free(heaps[piece->heap], piece->code), BRAINMM_OK);
            *piece = (struct code_piece){.size = 1 + random_below(&random, i % 200 == 0 ? 6 * MIB
                                                                           : i % 50     ? 1000
                                                                                        : 200 * KIB),
                                         .heap = (unsigned)random_below(&random, CODE_HEAPS)};
            if (i % 3)
                piece->code = brainmm_jit_alloc(heaps[piece->heap], piece->size, &piece->writable);
            ck_assert(i % 3 == 0 || piece->code != NULL);
        }
        compare_code(pieces);
    }
    for (unsigned heap = 0; heap < CODE_HEAPS; heap++) {
        for (unsigned i = 0; i < CODE_PIECES; i++)
            if (pieces[i].heap == heap)
                pieces[i].code = NULL;
        ck_assert_int_eq(heap % 2 ? brainmm_jit_heap_destroy(heaps[heap]) : brainmm_jit_heap_clear(heaps[heap]),
                         BRAINMM_OK);
        compare_code(pieces);
    }
    ck_assert_int_eq(brainmm_jit_heap_destroy(heaps[0]), BRAINMM_OK);
    ck_assert_int_eq(brainmm_jit_heap_destroy(heaps[2]), BRAINMM_OK);
    seen_walk(&seen);
    ck_assert_uint_eq(seen.count, 0);
    seen_end(&seen);
}
END_TEST

#if defined(BRAINMM_STATIC) /* only in the static core can internal functions be called */
static void count_one(void *count, const struct live_row *found) {
    (void)found;
    ++*(unsigned *)count;
}

/* A walk first asks where the next chunk lies and then what is in it. In between another chunk may be created around
 * that place. The walk must not report its pieces, because they begin at lower addresses. */
START_TEST(a_chunk_that_begins_elsewhere_is_not_visited) {
    for (unsigned kind = 0; kind < 2; kind++) {
        brainmm_jit_heap *heap;
        unsigned inside = 0, at_start = 0;
        ck_assert_int_eq(brainmm_jit_heap_create(kind, &heap), BRAINMM_OK);
        char *code = brainmm_jit_alloc(heap, 2 * MIB, NULL), *later = brainmm_jit_alloc(heap, 100, NULL);
        ck_assert(code != NULL && later != NULL);
        ck_assert_uint_eq(jit_next_chunk((uintptr_t)code), (uintptr_t)code);
        jit_visit_chunk((uintptr_t)code + 65536, count_one, &inside);
        jit_visit_chunk((uintptr_t)code, count_one, &at_start);
        ck_assert_uint_eq(inside, 0);
        ck_assert_uint_eq(at_start, 1);
        ck_assert_int_eq(brainmm_jit_heap_destroy(heap), BRAINMM_OK);
        jit_visit_chunk((uintptr_t)code, count_one, &at_start);
        ck_assert_uint_eq(at_start, 1);
    }
}
END_TEST
#endif

int main(void) {
    const TTest *const tests[] = {
        code_is_found_piece_by_piece,
#if defined(BRAINMM_STATIC)
        a_chunk_that_begins_elsewhere_is_not_visited,
#endif
        NULL,
    };
    return run_suite("walk_code", 100, NULL, NULL, tests);
}
