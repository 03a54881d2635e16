/* SPDX-License-Identifier: MIT */
/* access_rights.c: tests brainmm_pages_set_rights and brainmm_pages_get_rights with all combinations of rights. Rights
 * can only be set within one live allocation, and they end with it.
 *
 * With an argument the program is the child process that touches memory to which it has no right. */
#include "brainmm.h"
#include "machine_code.h"
#if defined(BRAINMM_STATIC)
#include "memory/region.h"
#endif

enum { PAGE = 4096, R = BRAINMM_READ, W = BRAINMM_WRITE, X = BRAINMM_EXECUTE };

static unsigned char in_image[3 * PAGE] __attribute__((aligned(PAGE)));

static unsigned rights_of(const void *page) {
    unsigned rights = 99;
    CHECK(brainmm_pages_get_rights(page, &rights) == BRAINMM_OK);
    return rights;
}

static unsigned granted(unsigned rights) { return rights & W ? rights | R : rights; }

static unsigned options_rights(const void *address) {
    brainmm_options options;
    CHECK(brainmm_get_options(address, &options) == 1);
    return options.rights;
}

/* Sets every combination on the second of at least COUNT pages. The other pages must keep their rights. */
static void check_combinations(unsigned char *pages, size_t count, unsigned before) {
    for (unsigned rights = 0; rights < 8; rights++) {
        CHECK(brainmm_pages_set_rights(pages + PAGE, 1, rights) == BRAINMM_OK);
        CHECK_MSG(rights_of(pages + PAGE) == granted(rights), "%u became %u", rights, rights_of(pages + PAGE));
        CHECK(rights_of(pages) == before && rights_of(pages + (count - 1) * PAGE) == before);
    }
    CHECK(brainmm_pages_set_rights(pages, count, R) == BRAINMM_OK);
    for (size_t i = 0; i < count; i++)
        CHECK(rights_of(pages + i * PAGE) == R);
    CHECK(brainmm_pages_set_rights(pages, count, before) == BRAINMM_OK);
    CHECK(rights_of(pages) == before);
}

static void check_everybodys_pages(void) {
    unsigned char *pages = brainmm_pages_get(40, BRAINMM_USER), *jit = brainmm_pages_get(5, BRAINMM_JIT);
    unsigned char *block = brainmm_block_get(64 * KIB, BRAINMM_USER),
                  *small = brainmm_block_get(16 * KIB, BRAINMM_USER);
    unsigned char *piece = brainmm_alloc(3 * MIB), *foreign = system_pages(8 * PAGE);
    check_combinations(pages, 40, R | W);
    check_combinations(jit, 5, R | W | X);
    check_combinations(block, 16, R | W);
    check_combinations(small, 4, R | W);
    check_combinations(piece, 700, R | W);
    check_combinations(foreign, 8, R | W);
    check_combinations(in_image, 3, R | W);
    CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK && brainmm_pages_free(jit, BRAINMM_JIT) == BRAINMM_OK);
    CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK &&
          brainmm_block_free(small, BRAINMM_USER) == BRAINMM_OK);
    CHECK(brainmm_free(piece) == BRAINMM_OK);
    system_pages_free(foreign, 8 * PAGE);
}

static void check_options(void) {
    unsigned char *pages = brainmm_pages_get(3, BRAINMM_USER), *piece = brainmm_alloc(200 * KIB);
    unsigned char *block = brainmm_block_get(4 * KIB, BRAINMM_USER), *jit = brainmm_pages_get(1, BRAINMM_JIT);
    CHECK(options_rights(pages) == (R | W) && options_rights(piece) == (R | W) && options_rights(block) == (R | W));
    CHECK(options_rights(jit) == (R | W | X));
    CHECK(brainmm_pages_set_rights(pages + PAGE, 1, 0) == BRAINMM_OK && options_rights(pages) == (R | W));
    CHECK(brainmm_pages_set_rights(pages, 1, R) == BRAINMM_OK && options_rights(pages) == R);
    CHECK(brainmm_pages_set_rights(piece, 1, 0) == BRAINMM_OK && options_rights(piece) == 0);
    CHECK(brainmm_pages_set_rights(block, 1, R | X) == BRAINMM_OK && options_rights(block) == (R | X));
    CHECK(brainmm_pages_set_rights(jit, 1, R | X) == BRAINMM_OK && options_rights(jit) == (R | X));
    CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK && brainmm_free(piece) == BRAINMM_OK);
    CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK && brainmm_pages_free(jit, BRAINMM_JIT) == BRAINMM_OK);
}

/* A refused call must change nothing. */
static void check_bounds(void) {
    unsigned char *pages = brainmm_pages_get(20, BRAINMM_USER), *piece = brainmm_alloc(100000);
    unsigned char *blocks[16], *medium = brainmm_alloc(32 * KIB), *foreign = system_pages(8 * PAGE);
    unsigned rights = 77;
    for (unsigned i = 0; i < 16; i++)
        blocks[i] = brainmm_block_get(4 * KIB, BRAINMM_USER);
    CHECK(brainmm_pages_set_rights(pages, 20, R) == BRAINMM_OK);
    CHECK(brainmm_pages_set_rights(pages + 19 * PAGE, 1, R) == BRAINMM_OK);
    CHECK(brainmm_pages_set_rights(pages, 20, R | W) == BRAINMM_OK);
    CHECK(brainmm_pages_set_rights(pages, 21, R) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_set_rights(pages + 19 * PAGE, 2, R) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_set_rights(pages, 100000, R) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_set_rights(pages + 20 * PAGE, 1, R) == BRAINMM_E_POINTER); /* behind the last page */
    CHECK(brainmm_pages_set_rights(blocks[3], 2, R) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_set_rights(pages, SIZE_MAX, R) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_set_rights(pages, PTRDIFF_MAX, R) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_set_rights(foreign, SIZE_MAX / PAGE, R) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_set_rights(pages, 1, 8) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_set_rights(pages, 1, ~0u) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_set_rights(NULL, 1, R) == BRAINMM_E_POINTER);
    CHECK(brainmm_pages_set_rights(pages + 16, 1, R) == BRAINMM_E_POINTER);
    CHECK(brainmm_pages_set_rights(pages + 2048, 1, R) == BRAINMM_E_POINTER);
    CHECK(brainmm_pages_set_rights(pages, 0, R) == BRAINMM_OK);
    CHECK(rights_of(pages) == (R | W) && rights_of(pages + 19 * PAGE) == (R | W) && rights_of(blocks[3]) == (R | W));

    unsigned char *shared = (unsigned char *)(((uintptr_t)medium + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    CHECK(brainmm_pages_set_rights(shared, 1, R) == BRAINMM_E_KIND && rights_of(shared) == (R | W));

    CHECK(brainmm_pages_get_rights(pages, NULL) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_pages_get_rights(NULL, &rights) == BRAINMM_E_POINTER);
    CHECK(brainmm_pages_get_rights(pages + 1, &rights) == BRAINMM_E_POINTER && rights == 77);
#if defined(BRAINMM_STATIC)
    void *descriptors = (void *)((uintptr_t)unit_at(pages) & ~(uintptr_t)(PAGE - 1));
    CHECK(brainmm_pages_set_rights(descriptors, 1, R) == BRAINMM_E_POINTER && rights_of(descriptors) == (R | W));
    CHECK(brainmm_pages_set_rights(space.owned, 1, R) == BRAINMM_E_POINTER && rights_of(space.owned) == (R | W));
#endif

    CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK && brainmm_free(piece) == BRAINMM_OK);
    CHECK(brainmm_pages_set_rights(pages, 1, R) == BRAINMM_E_POINTER);
    CHECK(brainmm_block_free(blocks[3], BRAINMM_USER) == BRAINMM_OK);
    CHECK(brainmm_pages_set_rights(blocks[3], 1, R) == BRAINMM_E_POINTER);
    for (unsigned i = 0; i < 16; i++)
        CHECK(i == 3 || brainmm_block_free(blocks[i], BRAINMM_USER) == BRAINMM_OK);
    CHECK(brainmm_free(medium) == BRAINMM_OK);

    system_pages_free(foreign, 8 * PAGE);
    CHECK(brainmm_pages_set_rights(foreign, 8, R) == BRAINMM_E_POINTER);
    CHECK(brainmm_pages_get_rights(foreign, &rights) == BRAINMM_E_POINTER && rights == 77);
}

/* Recycled memory can be read and written, whatever rights its last user had set. A resize copies the contents of pages
 * that the program may not read. */
static void check_reuse(void) {
    void *neighbour = brainmm_block_get(4 * KIB, BRAINMM_SYSTEM); /* keeps the unit that the blocks share */
    for (unsigned rights = 0; rights < 8; rights++) {
        unsigned char *pages = brainmm_pages_get(16, BRAINMM_USER), *jit = brainmm_pages_get(16, BRAINMM_JIT);
        unsigned char *block = brainmm_block_get(4 * KIB, BRAINMM_SYSTEM), *piece = brainmm_alloc(MIB);
        CHECK(brainmm_pages_set_rights(pages + PAGE, 9, rights) == BRAINMM_OK);
        CHECK(brainmm_pages_set_rights(jit, 16, rights) == BRAINMM_OK);
        CHECK(brainmm_pages_set_rights(block, 1, rights) == BRAINMM_OK);
        CHECK(brainmm_pages_set_rights(piece + 64 * KIB, 3, rights) == BRAINMM_OK);
        CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
        CHECK(brainmm_pages_free(jit, BRAINMM_JIT) == BRAINMM_OK);
        CHECK(brainmm_block_free(block, BRAINMM_SYSTEM) == BRAINMM_OK);
        CHECK(brainmm_free(piece) == BRAINMM_OK);
        unsigned char *again = brainmm_alloc(MIB + 256 * KIB),
                      *block_again = brainmm_block_get(4 * KIB, BRAINMM_SYSTEM);
        CHECK(block_again == block && rights_of(block) == (R | W));
        for (size_t at = 0; at < MIB + 256 * KIB; at += 4 * PAGE)
            CHECK(rights_of((void *)((uintptr_t)(again + at) & ~(uintptr_t)(PAGE - 1))) == (R | W));
        memset(again, 1, MIB + 256 * KIB);
        memset(block_again, 1, 4 * KIB);
        CHECK(brainmm_free(again) == BRAINMM_OK && brainmm_block_free(block_again, BRAINMM_SYSTEM) == BRAINMM_OK);
    }
    CHECK(brainmm_block_free(neighbour, BRAINMM_SYSTEM) == BRAINMM_OK);
}

static void check_resize(void) {
    static const size_t sizes[] = {100, 40000, 300 * KIB, 5 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *piece = brainmm_alloc(300 * KIB), *pages = brainmm_pages_get(75, BRAINMM_USER);
        size_t kept = sizes[i] < 300 * KIB ? sizes[i] : 300 * KIB, count = (sizes[i] + PAGE - 1) / PAGE;
        pattern_fill(piece, 300 * KIB, 5);
        pattern_fill(pages, 300 * KIB, 6);
        CHECK(brainmm_pages_set_rights(piece, 20, 0) == BRAINMM_OK &&
              brainmm_pages_set_rights(pages, 75, 0) == BRAINMM_OK);
        CHECK((piece = brainmm_realloc(piece, sizes[i])) != NULL);
        CHECK((pages = brainmm_pages_realloc(pages, count, BRAINMM_USER)) != NULL);
        CHECK(pattern_holds(piece, kept, 5) && pattern_holds(pages, kept, 6));
        memset(piece, 1, sizes[i]);
        memset(pages, 1, count * PAGE);
        CHECK(brainmm_pages_set_rights(pages, 1, R) == BRAINMM_OK);
        CHECK((pages = brainmm_pages_reget(pages, count + 3, BRAINMM_USER)) != NULL);
        memset(pages, 1, (count + 3) * PAGE);
        CHECK(brainmm_free(piece) == BRAINMM_OK && brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
    }
}

static void check_code(void) {
    unsigned char *pages = brainmm_pages_get(2, BRAINMM_USER);
    for (uint32_t number = 1; number < 20; number++) {
        CHECK(brainmm_pages_set_rights(pages, 2, R | W) == BRAINMM_OK);
        code_write(pages + PAGE - 8, number * 1000003);
        CHECK(brainmm_pages_set_rights(pages, 2, R | X) == BRAINMM_OK);
        __builtin___clear_cache((char *)pages, (char *)pages + 2 * PAGE);
        CHECK(code_run(pages + PAGE - 8) == number * 1000003);
    }
    CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
}

/* Threads change the rights of their own memory while other threads free and allocate the units around it. */
static void change_and_free(void *seed) {
    random_source random = {(uint64_t)(uintptr_t)seed};
    for (unsigned i = 0; i < 150; i++) {
        size_t count = 1 + random_below(&random, 40);
        bool block = random_below(&random, 3) == 0;
        unsigned char *pages =
            block ? brainmm_block_get(4 * KIB, BRAINMM_USER) : brainmm_pages_get(count, BRAINMM_USER);
        CHECK(pages != NULL);
        count = block ? 1 : count;
        memset(pages, (int)i, count * PAGE);
        size_t first = random_below(&random, count);
        CHECK(brainmm_pages_set_rights(pages + first * PAGE, count - first, (unsigned)random_below(&random, 8)) ==
              BRAINMM_OK);
        CHECK(block ? brainmm_block_free(pages, BRAINMM_USER) == BRAINMM_OK
                    : brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
    }
}

static void check_threads(void) {
    thread threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        thread_start(&threads[i], change_and_free, (void *)(i + 1));
    for (unsigned i = 0; i < 4; i++)
        thread_join(&threads[i]);
}

/* Runs in the child: reads or writes a page that has the rights named by the second letter. */
static int touch(const char *what) {
    volatile unsigned char *page = brainmm_pages_get(1, BRAINMM_USER);
    *page = 42;
    CHECK(brainmm_pages_set_rights((void *)(uintptr_t)page, 1, (unsigned)(what[1] - '0')) == BRAINMM_OK);
    if (what[0] == 'w')
        *page = 43;
    else
        CHECK(*page == 42);
    return TEST_PASSED;
}

/* An access that was granted works. Any other ends the process. */
static void check_accesses(const char *program) {
    for (unsigned rights = 0; rights < 8; rights++) {
        char argument[3] = {'w', (char)('0' + rights), 0};
        CHECK_MSG(run_again(program, argument, 30) == (rights & W ? TEST_PASSED : RUN_CRASHED), "%s", argument);
        argument[0] = 'r';
        if (rights != X)
            CHECK_MSG(run_again(program, argument, 30) == (granted(rights) & R ? TEST_PASSED : RUN_CRASHED), "%s",
                      argument);
    }
}

int main(int argc, char **argv) {
    if (argc > 1)
        return touch(argv[1]);
    check_everybodys_pages();
    check_options();
    check_bounds();
    check_reuse();
    check_resize();
    check_code();
    check_threads();
    check_accesses(argv[0]);
    return TEST_PASSED;
}
