/* api_test.c: what brainmm.h promises of alloc, alloc_zeroed, alloc_aligned, free, realloc, reget, usable_size,
 * get_options, thread_heap_minimize and thread_done, for good input. Bad input: bad_input_test.c. Blocks, pages and
 * JIT memory: blocks_pages_test.c. Knows nothing of the size classes: it finds their boundaries by asking.
 */
#include "heap_support.h"
#include "suite.h"

#include "brainmm.h"

#define SIZE_MOST (64 * MIB)

/* Calls VISIT with every size that could be treated differently from its neighbour: 0, the first and the last size of
 * each class up to 256 KiB, and around each power of two and each 3/4 of it up to 64 MiB. */
static void each_interesting_size(void (*visit)(size_t size)) {
    visit(0);
    size_t size = 1;
    while (size <= 256 * KIB) {
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
    size_t last_bulk = under_valgrind() ? 1 * MIB : SIZE_MOST;
    for (size_t power = 512 * KIB; power <= last_bulk; power *= 2) {
        visit(power / 4 * 3);
        visit(power - 1);
        visit(power);
        if (power < SIZE_MOST)
            visit(power + 1);
    }
}

/* ---- alloc, usable_size, free ----------------------------------------------------------------------------------- */

static unsigned expected_kind(size_t usable) {
    return usable <= 128       ? BRAINMM_SMALL
           : usable <= 32768   ? BRAINMM_MEDIUM
           : usable <= 1 * MIB ? BRAINMM_BIG
                               : BRAINMM_LARGE;
}

/* What must hold of any live piece that was asked for with SIZE and ALIGNMENT by this thread. */
static void check_piece(void *piece, size_t size, size_t alignment) {
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
    ck_assert_uint_eq(options.kind, expected_kind(usable));
    ck_assert_uint_le(options.align, 7);
    ck_assert(is_aligned(piece, (size_t)16 << options.align));
    ck_assert_uint_ge((size_t)16 << options.align, alignment);
    ck_assert_uint_eq(options.block_size, 0);
    ck_assert_uint_eq(options.rights, BRAINMM_READ | BRAINMM_WRITE);
    if (usable <= BRAINMM_LOCK_FREE_MAX)
        ck_assert_uint_eq(thread_id, current_thread_id());
    else
        ck_assert(thread_id == 0 || thread_id == current_thread_id());
}

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

/* Live pieces of one class never overlap, also when the class fills many units, and come back after they were freed. */
START_TEST(many_pieces_of_a_class_do_not_overlap) {
    static const size_t sizes[] = {1,    16,   48,   112,  128,   144,   640,   1024,
                                   1040, 4096, 5000, 8192, 16384, 20000, 32768, 40000};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t size = sizes[k], count = 2 * MIB / (size < 128 ? 128 : size);
        unsigned char **pieces = system_pages(count * sizeof *pieces);
        for (int round = 0; round < 3; round++) {
            for (size_t i = 0; i < count; i++) {
                pieces[i] = brainmm_alloc(size);
                ck_assert_ptr_nonnull(pieces[i]);
                pattern_fill(pieces[i], size, i);
            }
            for (size_t i = 0; i < count; i++)
                ck_assert(pattern_holds(pieces[i], size, i));
            for (size_t i = 0; i < count; i++) /* even ones first: the lists then are not in address order */
                ck_assert_int_eq(brainmm_free(pieces[i < (count + 1) / 2 ? 2 * i : 2 * (i - (count + 1) / 2) + 1]), 0);
        }
        system_pages_free(pieces, count * sizeof *pieces);
    }
}
END_TEST

/* ---- alloc_zeroed ----------------------------------------------------------------------------------------------- */

static void visit_zeroed(size_t size) {
    /* dirty pieces of the same class go back first, so that a recycled one is likely handed out */
    void *dirty[8];
    size_t count = size > MIB ? 2 : 8;
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

/* A piece of ALIGNMENT through sizes that lead it through all kinds of memory and back. */
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

START_TEST(alignment_holds_for_many_live_pieces_of_mixed_sizes) {
    random_source random = {42};
    enum { COUNT = 2000 };
    static struct {
        unsigned char *piece;
        size_t size, alignment;
    } live[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        live[i].alignment = (size_t)1 << random_below(&random, 12);
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

/* ---- realloc, reget --------------------------------------------------------------------------------------------- */

/* Resizes a piece of FROM bytes to TO: all usable bytes are contents, up to what was asked for. */
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
    size_t count = sizeof sizes / sizeof *sizes - (under_valgrind() ? 4 : 0); /* the largest only take time there */
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
        unsigned char *neighbour = brainmm_alloc(sizes[i] / 2); /* in the way of growing in place */
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
        return; /* frees: realloc_to_0_frees */
    realloc_from_to(size, size);
    realloc_from_to(size, size + 1);
    realloc_from_to(size + 1, size);
}

START_TEST(realloc_keeps_contents_across_every_class_boundary) { each_interesting_size(visit_realloc); }
END_TEST

/* Small steps up and down again: the pattern of a string that grows. */
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
    /* both halves of the rule apply to NULL and 0; either answer is one the caller can live with */
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

/* A shrink by more than half gives memory back instead of holding on to it. */
START_TEST(shrinking_gives_memory_back) {
    static const size_t sizes[] = {2000, 32768, 200000, 8 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *piece = brainmm_realloc(brainmm_alloc(sizes[i]), sizes[i] / 8);
        ck_assert_uint_le(brainmm_usable_size(piece), sizes[i] / 2);
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

/* The id of a thread that is gone would name a stranger as soon as the system reuses it. */
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

/* Minimize until it has nothing left to do, which must be soon. */
static void settle(void) {
    for (int i = 0; i < 3; i++)
        if (!brainmm_thread_heap_minimize())
            return;
    ck_abort_msg("minimize goes on finding something to return");
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
    done_and_on(NULL); /* the main thread as well */
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
        alignment_is_given_and_kept_by_realloc_and_reget,
        alignment_holds_for_many_live_pieces_of_mixed_sizes,
        alignments_below_16_mean_16,
        realloc_keeps_contents_between_any_two_kinds,
        realloc_keeps_contents_of_large_pieces,
        realloc_keeps_contents_across_every_class_boundary,
        realloc_keeps_contents_at_each_small_step,
        realloc_and_reget_of_null_allocate,
        realloc_and_reget_to_0_free,
        reget_gives_the_size_asked_for,
        shrinking_gives_memory_back,
        options_of_what_is_no_piece_are_left_alone,
        options_never_name_a_thread_that_has_ended,
        minimize_tells_whether_it_took_back_or_returned_anything,
        minimize_returns_idle_memory_to_the_system,
        a_thread_that_is_done_can_still_allocate_and_free,
        the_table_serves_the_same_heap,
        NULL,
    };
    return run_suite("api", 120, NULL, NULL, tests);
}
