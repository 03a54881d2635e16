/* SPDX-License-Identifier: MIT */
/* blocks_pages_test.c: what brainmm.h promises of blocks and pages for good input, in all three modes. Alignment and
 * contents hold over resizes, get_options describes them, only touched memory costs anything, and only JIT memory is
 * executable.
 */
#include "heap_support.h"
#include "suite.h"

#include "brainmm.h"

static const unsigned modes[] = {BRAINMM_USER, BRAINMM_SYSTEM, BRAINMM_JIT};
enum { MODES = 3, BLOCK_SIZES = 9 };

static size_t block_size(unsigned index) { return (size_t)4096 << (2 * index); }

/* Writes at both ends and in the middle only: to touch all of 256 MiB would take too long. */
static void mark(unsigned char *memory, size_t size, uint64_t seed) {
    pattern_fill(memory, 1024, seed);
    pattern_fill(memory + size / 2, 1024, seed + 1);
    pattern_fill(memory + size - 1024, 1024, seed + 2);
}

static bool marks_hold(const unsigned char *memory, size_t size, uint64_t seed) {
    return pattern_holds(memory, 1024, seed) && pattern_holds(memory + size / 2, 1024, seed + 1) &&
           pattern_holds(memory + size - 1024, 1024, seed + 2);
}

static void check_options(const void *memory, unsigned kind, size_t size, unsigned size_code, unsigned mode) {
    brainmm_options options;
    memset(&options, 0xA5, sizeof options);
    ck_assert_int_eq(brainmm_get_options(memory, &options), 1);
    size_t described = options.size; /* copies: members of a packed struct have no address */
    uintptr_t thread_id = options.thread_id;
    ck_assert_uint_eq(described, size);
    ck_assert_uint_eq(options.kind, mode == BRAINMM_JIT ? (unsigned)BRAINMM_JIT_MEMORY : kind);
    ck_assert_uint_eq(options.block_size, size_code);
    ck_assert_uint_eq(options.rights,
                      BRAINMM_READ | BRAINMM_WRITE | (mode == BRAINMM_JIT ? (unsigned)BRAINMM_EXECUTE : 0));
    ck_assert_uint_le(options.align, 7);
    ck_assert(thread_id == 0 || thread_id == current_thread_id());
    if (!under_qemu())
        ck_assert_int_eq(is_executable(memory), mode == BRAINMM_JIT);
}

/* ---- Blocks ----------------------------------------------------------------------------------------------------- */

START_TEST(blocks_of_all_sizes_and_modes_are_aligned_to_their_size) {
    for (unsigned m = 0; m < MODES; m++)
        for (unsigned k = 0; k < BLOCK_SIZES; k++) {
            size_t size = block_size(k);
            unsigned char *block = brainmm_block_get(size, modes[m]);
            ck_assert_msg(block != NULL, "no block of %zu bytes, mode %u", size, modes[m]);
            ck_assert(is_aligned(block, size));
            mark(block, size, k);
            check_options(block, BRAINMM_BLOCK, size, k, modes[m]);
            ck_assert(marks_hold(block, size, k));
            ck_assert_int_eq(brainmm_block_free(block, modes[m]), BRAINMM_OK);
        }
}
END_TEST

/* A block's purpose is that AND leads from any address inside to its start. */
START_TEST(many_live_blocks_do_not_overlap) {
    enum { EACH = 24, SIZES = 4 };
    static unsigned char *blocks[MODES][SIZES][EACH];
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < EACH; i++)
            for (unsigned k = 0; k < SIZES; k++)
                for (unsigned m = 0; m < MODES; m++) {
                    unsigned char *block = brainmm_block_get(block_size(k), modes[m]);
                    ck_assert_ptr_nonnull(block);
                    ck_assert(is_aligned(block, block_size(k)));
                    pattern_fill(block, block_size(k), i * 100 + k * 10 + m);
                    blocks[m][k][i] = block;
                }
        for (unsigned i = 0; i < EACH; i++)
            for (unsigned k = 0; k < SIZES; k++)
                for (unsigned m = 0; m < MODES; m++) {
                    ck_assert(pattern_holds(blocks[m][k][i], block_size(k), i * 100 + k * 10 + m));
                    check_options(blocks[m][k][i], BRAINMM_BLOCK, block_size(k), k, modes[m]);
                    ck_assert_int_eq(brainmm_block_free(blocks[m][k][i], modes[m]), BRAINMM_OK);
                }
    }
}
END_TEST

START_TEST(a_block_costs_only_what_is_touched) {
    if (UNDER_SANITIZER || under_valgrind())
        return; /* their shadow memory grows with the block */
    for (unsigned m = 0; m < MODES; m++) {
        brainmm_thread_heap_minimize();
        size_t before = resident_bytes();
        unsigned char *block = brainmm_block_get(256 * MIB, modes[m]);
        ck_assert_ptr_nonnull(block);
        mark(block, 256 * MIB, 1);
        size_t growth = resident_growth(before);
        ck_assert_msg(growth < 8 * MIB, "a block of 256 MiB with three pages touched: %zu KiB", growth / KIB);
        ck_assert_int_eq(brainmm_block_free(block, modes[m]), BRAINMM_OK);
        brainmm_thread_heap_minimize();
        growth = resident_growth(before);
        ck_assert_msg(growth < 2 * MIB, "%zu KiB are still resident after the block was freed", growth / KIB);
    }
}
END_TEST

START_TEST(block_free_of_null_is_ok) {
    for (unsigned m = 0; m < MODES; m++)
        ck_assert_int_eq(brainmm_block_free(NULL, modes[m]), BRAINMM_OK);
}
END_TEST

/* ---- Pages ------------------------------------------------------------------------------------------------------ */

static const size_t page_counts[] = {1, 2, 3, 15, 16, 17, 31, 255, 256, 257, 1000, 4096, 5000};
enum { PAGE_COUNTS = sizeof page_counts / sizeof *page_counts };

START_TEST(runs_of_pages_are_given_in_all_modes) {
    for (unsigned m = 0; m < MODES; m++)
        for (unsigned i = 0; i < PAGE_COUNTS; i++) {
            size_t size = page_counts[i] * BRAINMM_PAGE_SIZE;
            unsigned char *run = brainmm_pages_get(page_counts[i], modes[m]);
            ck_assert_ptr_nonnull(run);
            ck_assert(is_aligned(run, BRAINMM_PAGE_SIZE));
            pattern_fill(run, size, i);
            check_options(run, BRAINMM_PAGES, size, 0, modes[m]);
            ck_assert(pattern_holds(run, size, i));
            ck_assert_int_eq(brainmm_pages_free(run, modes[m]), BRAINMM_OK);
        }
}
END_TEST

START_TEST(many_live_runs_do_not_overlap) {
    enum { RUNS = 600 };
    static struct {
        unsigned char *run;
        size_t size;
    } live[RUNS];
    random_source random = {7};
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < RUNS; i++) {
            size_t count = 1 + random_below(&random, 40);
            live[i].run = brainmm_pages_get(count, modes[i % MODES]);
            live[i].size = count * BRAINMM_PAGE_SIZE;
            ck_assert_ptr_nonnull(live[i].run);
            pattern_fill(live[i].run, live[i].size, i);
        }
        for (unsigned i = 0; i < RUNS; i++) {
            ck_assert(pattern_holds(live[i].run, live[i].size, i));
            ck_assert_int_eq(brainmm_pages_free(live[i].run, modes[i % MODES]), BRAINMM_OK);
        }
    }
}
END_TEST

static void resize_between_all_counts(bool keep_contents) {
    unsigned counts = runs_slowly() ? PAGE_COUNTS - 3 : PAGE_COUNTS; /* the largest only take time there */
    for (unsigned m = 0; m < MODES; m++)
        for (unsigned i = 0; i < counts; i++)
            for (unsigned j = 0; j < counts; j++) {
                size_t from = page_counts[i], to = page_counts[j], kept = from < to ? from : to;
                unsigned char *run = brainmm_pages_get(from, modes[m]);
                ck_assert_ptr_nonnull(run);
                pattern_fill(run, from * BRAINMM_PAGE_SIZE, i);
                run = keep_contents ? brainmm_pages_realloc(run, to, modes[m]) : brainmm_pages_reget(run, to, modes[m]);
                ck_assert_ptr_nonnull(run);
                ck_assert(is_aligned(run, BRAINMM_PAGE_SIZE));
                if (keep_contents)
                    ck_assert(pattern_holds(run, kept * BRAINMM_PAGE_SIZE, i));
                pattern_fill(run, to * BRAINMM_PAGE_SIZE, j);
                check_options(run, BRAINMM_PAGES, to * BRAINMM_PAGE_SIZE, 0, modes[m]);
                ck_assert(pattern_holds(run, to * BRAINMM_PAGE_SIZE, j));
                ck_assert_int_eq(brainmm_pages_free(run, modes[m]), BRAINMM_OK);
            }
}

START_TEST(pages_realloc_keeps_contents_between_all_counts) { resize_between_all_counts(true); }
END_TEST

START_TEST(pages_reget_gives_the_count_asked_for) { resize_between_all_counts(false); }
END_TEST

/* Runs that lie close to each other grow and shrink in turn. Each loses and gets left and right neighbours. */
START_TEST(neighbouring_runs_grow_and_shrink_without_harm) {
    enum { RUNS = 40, STEPS = 3000 };
    random_source random = {99};
    for (unsigned m = 0; m < MODES; m++) {
        struct {
            unsigned char *run;
            size_t count;
            uint64_t seed;
        } live[RUNS];
        for (unsigned i = 0; i < RUNS; i++) {
            live[i].count = 1 + random_below(&random, 8);
            live[i].seed = i;
            live[i].run = brainmm_pages_get(live[i].count, modes[m]);
            ck_assert_ptr_nonnull(live[i].run);
            pattern_fill(live[i].run, live[i].count * BRAINMM_PAGE_SIZE, i);
        }
        for (unsigned step = 0; step < STEPS; step++) {
            unsigned i = (unsigned)random_below(&random, RUNS);
            size_t count = 1 + random_below(&random, 24), kept = count < live[i].count ? count : live[i].count;
            live[i].run = brainmm_pages_realloc(live[i].run, count, modes[m]);
            ck_assert_ptr_nonnull(live[i].run);
            ck_assert(pattern_holds(live[i].run, kept * BRAINMM_PAGE_SIZE, live[i].seed));
            live[i].count = count;
            live[i].seed = RUNS + step;
            pattern_fill(live[i].run, count * BRAINMM_PAGE_SIZE, live[i].seed);
        }
        for (unsigned i = 0; i < RUNS; i++) {
            ck_assert(pattern_holds(live[i].run, live[i].count * BRAINMM_PAGE_SIZE, live[i].seed));
            ck_assert_int_eq(brainmm_pages_free(live[i].run, modes[m]), BRAINMM_OK);
        }
    }
}
END_TEST

START_TEST(pages_of_null_and_0) {
    for (unsigned m = 0; m < MODES; m++) {
        ck_assert_ptr_null(brainmm_pages_get(0, modes[m]));
        ck_assert_int_eq(brainmm_pages_free(NULL, modes[m]), BRAINMM_OK);
        void *a = brainmm_pages_realloc(NULL, 3, modes[m]), *b = brainmm_pages_reget(NULL, 3, modes[m]);
        check_options(a, BRAINMM_PAGES, 3 * BRAINMM_PAGE_SIZE, 0, modes[m]);
        check_options(b, BRAINMM_PAGES, 3 * BRAINMM_PAGE_SIZE, 0, modes[m]);
        ck_assert_ptr_null(brainmm_pages_realloc(a, 0, modes[m]));
        ck_assert_ptr_null(brainmm_pages_reget(b, 0, modes[m]));
        ck_assert_int_ne(brainmm_pages_free(a, modes[m]), BRAINMM_OK);
        ck_assert_int_ne(brainmm_pages_free(b, modes[m]), BRAINMM_OK);
        ck_assert_ptr_null(brainmm_pages_realloc(NULL, 0, modes[m]));
        ck_assert_ptr_null(brainmm_pages_reget(NULL, 0, modes[m]));
    }
}
END_TEST

/* A failed resize must leave the run, its contents and its mode as they were. */
START_TEST(a_failed_resize_of_pages_changes_nothing) {
    static const size_t too_many[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / BRAINMM_PAGE_SIZE + 2,
                                      PTRDIFF_MAX / BRAINMM_PAGE_SIZE, PTRDIFF_MAX / BRAINMM_PAGE_SIZE + 1};
    for (unsigned m = 0; m < MODES; m++) {
        unsigned char *run = brainmm_pages_get(20, modes[m]);
        pattern_fill(run, 20 * BRAINMM_PAGE_SIZE, m);
        for (unsigned i = 0; i < sizeof too_many / sizeof *too_many; i++) {
            ck_assert_ptr_null(brainmm_pages_get(too_many[i], modes[m]));
            ck_assert_ptr_null(brainmm_pages_realloc(run, too_many[i], modes[m]));
            ck_assert_ptr_null(brainmm_pages_reget(run, too_many[i], modes[m]));
            check_options(run, BRAINMM_PAGES, 20 * BRAINMM_PAGE_SIZE, 0, modes[m]);
            ck_assert(pattern_holds(run, 20 * BRAINMM_PAGE_SIZE, m));
        }
        ck_assert_int_eq(brainmm_pages_free(run, modes[m]), BRAINMM_OK);
    }
}
END_TEST

/* ---- JIT memory ------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__i386__)
/* Writes "mov eax, RESULT; ret": the same bytes on x86 and x64 and in every calling convention. */
static void write_function(unsigned char *code, uint32_t result) {
    code[0] = 0xB8;
    memcpy(code + 1, &result, 4);
    code[5] = 0xC3;
}

static uint32_t call_function(void *code) {
    uint32_t (*function)(void);
    memcpy(&function, &code, sizeof function); /* ISO C has no cast from an object to a function pointer */
    return function();
}

START_TEST(jit_memory_runs_code) {
    size_t last_code =
        under_valgrind() ? 32 : 6; /* valgrind reads beyond the code it translates, where memory may end */
    for (unsigned k = 0; k < BLOCK_SIZES; k++) {
        unsigned char *block = brainmm_block_get(block_size(k), BRAINMM_JIT);
        ck_assert_ptr_nonnull(block);
        write_function(block, 1000 + k);
        write_function(block + block_size(k) - last_code, 2000 + k);
        ck_assert_uint_eq(call_function(block), 1000 + k);
        ck_assert_uint_eq(call_function(block + block_size(k) - last_code), 2000 + k);
        ck_assert_int_eq(brainmm_block_free(block, BRAINMM_JIT), BRAINMM_OK);
    }
    size_t held = 1;
    unsigned char *run = brainmm_pages_get(held, BRAINMM_JIT);
    write_function(run, 77);
    for (unsigned i = 0; i < PAGE_COUNTS; i++) { /* code moves with its pages and stays executable */
        run = brainmm_pages_realloc(run, page_counts[i], BRAINMM_JIT);
        ck_assert_ptr_nonnull(run);
        ck_assert_uint_eq(call_function(run), 77);
        unsigned char *last = run + page_counts[i] * BRAINMM_PAGE_SIZE - last_code;
        write_function(last, i);
        ck_assert_uint_eq(call_function(last), i);
    }
    ck_assert_int_eq(brainmm_pages_free(run, BRAINMM_JIT), BRAINMM_OK);
}
END_TEST
#endif

/* Memory in which code ran must not be executable when it is handed out as something else. */
START_TEST(freed_jit_memory_never_comes_back_executable) {
    enum { COUNT = 64 };
    static unsigned char *blocks[COUNT], *runs[COUNT], *pieces[4 * COUNT];
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            blocks[i] = brainmm_block_get(64 * KIB, BRAINMM_JIT);
            runs[i] = brainmm_pages_get(1 + i % 20, BRAINMM_JIT);
            ck_assert(blocks[i] && runs[i]);
            blocks[i][0] = runs[i][0] = 0xC3;
        }
        for (unsigned i = 0; i < COUNT; i++) {
            ck_assert_int_eq(brainmm_block_free(blocks[i], BRAINMM_JIT), BRAINMM_OK);
            ck_assert_int_eq(brainmm_pages_free(runs[i], BRAINMM_JIT), BRAINMM_OK);
        }
        for (unsigned i = 0; i < COUNT; i++) {
            blocks[i] = brainmm_block_get(64 * KIB, BRAINMM_USER);
            runs[i] = brainmm_pages_get(1 + i % 20, BRAINMM_SYSTEM);
            pieces[4 * i] = brainmm_alloc(40);
            pieces[4 * i + 1] = brainmm_alloc(9000);
            pieces[4 * i + 2] = brainmm_alloc(64 * KIB);
            pieces[4 * i + 3] = brainmm_alloc(1 * MIB + 1);
            ck_assert(!is_executable(blocks[i]) && !is_executable(runs[i]));
            for (unsigned k = 0; k < 4; k++)
                ck_assert(!is_executable(pieces[4 * i + k]));
        }
        for (unsigned i = 0; i < COUNT; i++) {
            ck_assert_int_eq(brainmm_block_free(blocks[i], BRAINMM_USER), BRAINMM_OK);
            ck_assert_int_eq(brainmm_pages_free(runs[i], BRAINMM_SYSTEM), BRAINMM_OK);
            for (unsigned k = 0; k < 4; k++)
                ck_assert_int_eq(brainmm_free(pieces[4 * i + k]), BRAINMM_OK);
        }
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        blocks_of_all_sizes_and_modes_are_aligned_to_their_size,
        many_live_blocks_do_not_overlap,
        a_block_costs_only_what_is_touched,
        block_free_of_null_is_ok,
        runs_of_pages_are_given_in_all_modes,
        many_live_runs_do_not_overlap,
        pages_realloc_keeps_contents_between_all_counts,
        pages_reget_gives_the_count_asked_for,
        neighbouring_runs_grow_and_shrink_without_harm,
        pages_of_null_and_0,
        a_failed_resize_of_pages_changes_nothing,
#if defined(__x86_64__) || defined(__i386__)
        jit_memory_runs_code,
#endif
        freed_jit_memory_never_comes_back_executable,
        NULL,
    };
    return run_suite("blocks and pages", 60, NULL, NULL, tests);
}
