/* SPDX-License-Identifier: MIT */
/* zero_pieces.c: a piece of size 0 is a piece like any other, in memory that nobody may touch. Each has an address of
 * its own, aligned as asked. It is found by all questions, resized and freed. Wrong pointers near it are refused. If a
 * program has too many of them, further ones have a size.
 */
#include "heap_whole.h"
#include "walk_support.h"

#include "brainmm.h"

enum { MANY = 20000, THREADS = 4, ROUNDS = 3000, HELD = 40, SEEN_MOST = 100000 };

static void *pieces[MANY];

static int is_zero_piece(const void *piece) {
    brainmm_options options;
    return brainmm_get_options(piece, &options) == 1 && options.size == 0 && options.rights == 0 &&
           options.kind == BRAINMM_SMALL && options.block_size == 0 && options.thread_id == 0 &&
           brainmm_usable_size(piece) == 0;
}

/* Not committed on Windows; without rights on Linux. */
static void nobody_may_touch(const void *piece) {
    unsigned rights = 0;
    const void *page = (const void *)((uintptr_t)piece & ~(uintptr_t)(BRAINMM_PAGE_SIZE - 1));
    int result = brainmm_pages_get_rights(page, &rights);
    CHECK_MSG(result != BRAINMM_OK || rights == 0, "result %d, rights %u", result, rights);
    CHECK(brainmm_pages_set_rights((void *)(uintptr_t)page, 1, BRAINMM_READ | BRAINMM_WRITE) != BRAINMM_OK);
}

static void every_function_gives_one(void) {
    void *given[] = {brainmm_alloc(0),          brainmm_alloc_zeroed(0),    brainmm_alloc_aligned(16, 0),
                     brainmm_alloc_array(0, 8), brainmm_alloc_array(8, 0),  brainmm_alloc_zeroed_array(0, 0),
                     brainmm_realloc(NULL, 0),  brainmm_alloc_aligned(1, 0)};
    enum { GIVEN = sizeof given / sizeof *given };
    for (unsigned i = 0; i < GIVEN; i++) {
        CHECK_MSG(given[i] != NULL && is_aligned(given[i], 16) && is_zero_piece(given[i]), "number %u", i);
        nobody_may_touch(given[i]);
        for (unsigned k = 0; k < i; k++)
            CHECK(given[k] != given[i]);
    }
    for (unsigned i = 0; i < GIVEN; i++)
        CHECK(brainmm_free(given[i]) == BRAINMM_OK && !is_zero_piece(given[i]));
}

static void the_alignment_is_what_was_asked_for(void) {
    for (size_t alignment = 16; alignment <= 4 * MIB; alignment *= 2) {
        void *piece = brainmm_alloc_aligned(alignment, 0);
        brainmm_options options;
        CHECK(piece != NULL && is_aligned(piece, alignment) && brainmm_get_options(piece, &options) == 1);
        CHECK((size_t)16 << options.align == alignment || alignment > 2048);
        CHECK(alignment > 4096 || options.size == 0);
        void *resized = brainmm_realloc(piece, 100); /* keeps it */
        CHECK(resized != NULL && is_aligned(resized, alignment) && brainmm_usable_size(resized) >= 100);
        CHECK(brainmm_free(resized) == BRAINMM_OK);
    }
}

static void resizing_makes_another_piece(void) {
    static const size_t sizes[] = {1, 100, 5000, 100000, 3000000};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned keep = 0; keep < 2; keep++) {
            void *piece = brainmm_alloc(0);
            void *resized = keep ? brainmm_realloc(piece, sizes[i]) : brainmm_reget(piece, sizes[i]);
            CHECK(resized != NULL && resized != piece && brainmm_usable_size(resized) >= sizes[i]);
            CHECK(!is_zero_piece(piece) && brainmm_free(piece) == BRAINMM_E_DOUBLE_FREE);
            CHECK(brainmm_realloc(piece, 10) == NULL && brainmm_reget(piece, 10) == NULL);
            CHECK(brainmm_free(resized) == BRAINMM_OK);
        }
    void *piece = brainmm_alloc(0);
    CHECK(brainmm_realloc(piece, SIZE_MAX) == NULL && brainmm_realloc(piece, PTRDIFF_MAX) == NULL);
    CHECK(is_zero_piece(piece)); /* a resize that fails leaves it as it was */
    CHECK(brainmm_realloc(piece, 0) == NULL && !is_zero_piece(piece));
}

static void wrong_pointers_are_refused(void) {
    char *piece = brainmm_alloc(0), *other = brainmm_alloc_aligned(64, 0);
    CHECK(brainmm_free(piece + 1) == BRAINMM_E_POINTER && brainmm_free(piece + 8) == BRAINMM_E_POINTER);
    CHECK(brainmm_usable_size(piece + 1) == 0 && brainmm_get_options(piece + 1, NULL) == 0);
    CHECK(brainmm_block_free(other, BRAINMM_USER) != BRAINMM_OK &&
          brainmm_pages_free(other, BRAINMM_USER) != BRAINMM_OK);
    CHECK(brainmm_realloc(piece + 8, 100) == NULL);
    CHECK(is_zero_piece(piece) && is_zero_piece(other));
    CHECK(brainmm_free(piece) == BRAINMM_OK && brainmm_free(piece) == BRAINMM_E_DOUBLE_FREE);
    for (unsigned i = 0; i < 100; i++) /* the address does not come back soon */
        CHECK(brainmm_free(brainmm_alloc(0)) == BRAINMM_OK);
    CHECK(brainmm_free(piece) == BRAINMM_E_DOUBLE_FREE && brainmm_free(other) == BRAINMM_OK);
}

static void the_walk_and_the_figures_have_them(void) {
    struct seen seen;
    brainmm_stats before = {.struct_size = sizeof before}, after = {.struct_size = sizeof after};
    void *code = NULL;
    brainmm_jit_heap *jit = NULL; /* its memory lies outside the window, too */
    seen_start(&seen, SEEN_MOST);
    if (brainmm_jit_heap_create(BRAINMM_JIT_TWO_VIEWS, &jit) == BRAINMM_OK)
        CHECK((code = brainmm_jit_alloc(jit, 100, &(void *){NULL})) != NULL);
    CHECK(brainmm_get_stats(&before, NULL, 0) == BRAINMM_OK);
    for (unsigned i = 0; i < 300; i++)
        CHECK((pieces[i] = brainmm_alloc_aligned(i % 7 ? 16 : 256, 0)) != NULL);
    CHECK(brainmm_get_stats(&after, NULL, 0) == BRAINMM_OK);
    CHECK(after.live_count == before.live_count + 300 && after.live_bytes == before.live_bytes);
    CHECK(after.kinds[BRAINMM_SMALL].count == before.kinds[BRAINMM_SMALL].count + 300);
    CHECK(after.approximate != 0 ||
          after.committed_bytes == after.live_bytes + after.free_bytes + after.cached_bytes + after.overhead_bytes);
    seen_walk(&seen); /* in ascending order */
    for (unsigned i = 0; i < 300; i++) {
        const brainmm_allocation *found = seen_at(&seen, pieces[i]);
        CHECK(found != NULL && found->size == 0 && found->alignment == (i % 7 ? 16 : 256));
        CHECK(found->kind == BRAINMM_SMALL && found->mode == BRAINMM_USER && found->thread_id == 0);
    }
    CHECK(!code || seen_at(&seen, code) != NULL);
    for (unsigned i = 0; i < 300; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    seen_walk(&seen);
    for (unsigned i = 0; i < 300; i++)
        CHECK(seen_at(&seen, pieces[i]) == NULL);
    CHECK(brainmm_jit_heap_destroy(jit) == BRAINMM_OK);
    seen_end(&seen);
}

static int by_address(const void *one, const void *other) {
    uintptr_t a = (uintptr_t) * (void *const *)one, b = (uintptr_t) * (void *const *)other;
    return a < b ? -1 : a > b;
}

static void when_there_are_too_many_they_have_a_size(void) {
    size_t with_size = 0;
    for (unsigned i = 0; i < MANY; i++) {
        CHECK((pieces[i] = i % 2 ? brainmm_alloc(0) : brainmm_alloc_zeroed(0)) != NULL);
        size_t usable = brainmm_usable_size(pieces[i]);
        with_size += usable != 0;
        CHECK(i > 1000 || usable == 0);
        if (usable != 0 && i % 2 == 0)
            CHECK(all_zero(pieces[i], usable));
        memset(pieces[i], 0xEE, usable);
    }
    CHECK_MSG(with_size > 0 && with_size < MANY, "%zu have a size", with_size);
    heap_is_whole("there were too many pieces of size 0");
    qsort(pieces, MANY, sizeof *pieces, by_address);
    for (unsigned i = 1; i < MANY; i++)
        CHECK(pieces[i - 1] != pieces[i]);
    for (unsigned i = 0; i < MANY; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    CHECK(is_zero_piece(pieces[0] = brainmm_alloc(0)) && brainmm_free(pieces[0]) == BRAINMM_OK);
}

/* An address in the hands of one thread is not given to another. */
static void *owners[THREADS][HELD];

static void take_and_free(void *number) {
    void **held = owners[*(unsigned *)number];
    for (unsigned i = 0; i < ROUNDS; i++) {
        void **slot = &held[i % HELD];
        if (*slot) {
            CHECK(is_zero_piece(*slot));
            CHECK(brainmm_free(*slot) == BRAINMM_OK);
        }
        CHECK((*slot = brainmm_alloc_aligned(i % 3 ? 16 : 64, 0)) != NULL);
    }
}

static void threads_get_different_ones(void) {
    thread threads[THREADS];
    unsigned numbers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        thread_start(&threads[i], take_and_free, &numbers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    void **all = &owners[0][0];
    qsort(all, THREADS * HELD, sizeof *all, by_address);
    for (unsigned i = 0; i < THREADS * HELD; i++) {
        CHECK(i == 0 || all[i - 1] != all[i]);
        CHECK(brainmm_free(all[i]) == BRAINMM_OK); /* by another thread */
    }
}

int main(void) {
    watchdog_start(100);
    every_function_gives_one();
    the_alignment_is_what_was_asked_for();
    resizing_makes_another_piece();
    wrong_pointers_are_refused();
    the_walk_and_the_figures_have_them();
    when_there_are_too_many_they_have_a_size();
    threads_get_different_ones();
    heap_is_whole("all of it");
    return TEST_PASSED;
}
