/* SPDX-License-Identifier: MIT */
/* move_test.c: brainmm_move_b16 does what memmove does at every length, overlap and alignment, in each of its variants.
 * It writes nothing outside the target and refuses what it cannot move. */
#include "heap_support.h"
#include "suite.h"
#include "brainmm.h"
#if defined(BRAINMM_STATIC)
#include "move/move.h"
#endif

enum { UNIT = 16 };

static int(BRAINMM_CALL *move)(void *to, const void *from, size_t count);

/* Runs CHECKS with every variant that the processor supports, and with the one that the library chooses. */
static void in_every_way(void (*checks)(void)) {
#if defined(BRAINMM_STATIC)
    for (unsigned way = 0; way < MOVE_WAYS; way++)
        if ((move = move_in_way(way)) != NULL)
            checks();
        else
            ck_assert_uint_ne(way, MOVE_VECTORS);
#endif
    move = brainmm_move_b16;
    checks();
}

/* Moves within BUFFER and compares all of it with EXPECTED, in which memmove did the same. */
static void check_move(unsigned char *buffer, unsigned char *expected, size_t size, size_t to, size_t from,
                       size_t count) {
    pattern_fill(buffer, size, count ^ (uint64_t)to << 20 ^ (uint64_t)from << 40);
    memcpy(expected, buffer, size);
    memmove(expected + to * UNIT, expected + from * UNIT, count * UNIT);
    ck_assert_int_eq(move(buffer + to * UNIT, buffer + from * UNIT, count), BRAINMM_OK);
    ck_assert_msg(memcmp(buffer, expected, size) == 0, "%zu units from %zu to %zu", count, from, to);
}

static void short_moves(void) {
    enum { UNITS = 160 };
    unsigned char *buffer = brainmm_alloc_aligned(64, 2 * UNITS * UNIT), *expected = buffer + UNITS * UNIT;
    for (size_t count = 0; count <= 40; count++)
        for (size_t from = 0; from < 48; from += from < 4 ? 1 : 5)
            for (size_t to = 0; to < 100; to += to < 52 ? 1 : 7)
                check_move(buffer, expected, UNITS * UNIT, to, from, count);
    brainmm_free(buffer);
}

/* Lengths around each at which the method changes. The target lies just before, just behind and far from the source. */
static void long_moves(void) {
    static const size_t counts[] = {63, 64, 65, 100, 255, 256, 257, 1024, 5000};
    static const size_t distances[] = {0, 1, 2, 3, 4, 5, 8, 17, 63, 64, 255, 256, 257, 259, 5100};
    enum { UNITS = 12000 };
    unsigned char *buffer = brainmm_alloc(2 * UNITS * UNIT), *expected = buffer + UNITS * UNIT;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t d = 0; d < sizeof distances / sizeof *distances; d++)
            for (size_t at = 1; at <= 4; at += 3) {
                check_move(buffer, expected, UNITS * UNIT, at, at + distances[d], counts[c]);
                check_move(buffer, expected, UNITS * UNIT, at + distances[d], at, counts[c]);
            }
    brainmm_free(buffer);
}

/* Lengths that no cache holds, where stores bypass the cache. */
static void huge_moves(void) {
    static const size_t distances[] = {1, 64 * KIB + 3, 4 * MIB + 5, 4 * MIB + 6};
    size_t units = runs_slowly() || UNDER_SANITIZER ? 40 * KIB : 4 * MIB + 5, size = units * UNIT;
    unsigned char *buffer = system_pages(2 * size + 64);
    for (size_t d = 0; d < sizeof distances / sizeof *distances; d++) {
        size_t distance = distances[d] < units + 1 ? distances[d] : units + 1;
        for (unsigned down = 0; down < 2; down++) {
            unsigned char *from = buffer + (down ? 0 : distance * UNIT), *to = buffer + (down ? distance * UNIT : 0);
            pattern_fill(from, size, d);
            ck_assert_int_eq(move(to, from, units), BRAINMM_OK);
            ck_assert(pattern_holds(to, size, d));
        }
    }
    system_pages_free(buffer, 2 * size + 64);
}

/* Addresses that are no multiples of 16. */
static void odd_moves(void) {
    enum { UNITS = 600, SIZE = UNITS * UNIT + 64 };
    unsigned char *memory = brainmm_alloc(3 * SIZE), *buffer = memory, *expected = memory + SIZE;
    static const size_t counts[] = {1, 2, 4, 5, 8, 12, 20, 70, 500};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t to = 0; to < 40; to += 3)
            for (size_t from = 0; from < 40; from += 5) {
                pattern_fill(buffer, SIZE, c ^ (uint64_t)to << 20 ^ (uint64_t)from << 40);
                memcpy(expected, buffer, SIZE);
                memmove(expected + to, expected + from, counts[c] * UNIT);
                ck_assert_int_eq(move(buffer + to, buffer + from, counts[c]), BRAINMM_OK);
                ck_assert_msg(memcmp(buffer, expected, SIZE) == 0, "%zu units from %zu to %zu", counts[c], from, to);
            }
    brainmm_free(memory);
}

/* Source and target begin or end at inaccessible memory. */
static void moves_at_the_edge(void) {
    enum { PAGE = 4096, MOST = 2 * PAGE / UNIT };
    unsigned char *fenced[2];
    for (unsigned i = 0; i < 2; i++) {
        fenced[i] = system_pages(4 * PAGE);
        system_pages_forbid(fenced[i], PAGE);
        system_pages_forbid(fenced[i] + 3 * PAGE, PAGE);
    }
    for (size_t count = 1; count <= MOST; count++)
        for (unsigned end = 0; end < 2; end++) {
            size_t at = PAGE + (end ? 2 * PAGE - count * UNIT : 0);
            pattern_fill(fenced[0] + at, count * UNIT, count);
            ck_assert_int_eq(move(fenced[1] + at, fenced[0] + at, count), BRAINMM_OK);
            ck_assert(pattern_holds(fenced[1] + at, count * UNIT, count));
        }
    system_pages_free(fenced[0], 4 * PAGE);
    system_pages_free(fenced[1], 4 * PAGE);
}

static void bad_arguments(void) {
    unsigned char *buffer = brainmm_alloc(64), before[64];
    pattern_fill(buffer, 64, 7);
    memcpy(before, buffer, 64);
    ck_assert_int_eq(move(NULL, buffer, 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(move(buffer, NULL, 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(move(NULL, buffer, 100), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(move(buffer, NULL, 100), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(move(buffer, buffer + 16, (size_t)-1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(move(buffer, buffer + 16, PTRDIFF_MAX), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(move(buffer, buffer + 16, PTRDIFF_MAX / UNIT + 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(move(NULL, NULL, 0), BRAINMM_OK);
    ck_assert_mem_eq(buffer, before, 64);
    brainmm_free(buffer);
}

START_TEST(short_lengths_at_every_overlap) { in_every_way(short_moves); }
END_TEST

START_TEST(long_lengths_at_every_kind_of_overlap) { in_every_way(long_moves); }
END_TEST

START_TEST(addresses_of_every_kind) { in_every_way(odd_moves); }
END_TEST

START_TEST(lengths_beyond_the_cache) { in_every_way(huge_moves); }
END_TEST

START_TEST(nothing_beside_is_touched) { in_every_way(moves_at_the_edge); }
END_TEST

START_TEST(bad_arguments_are_refused) { in_every_way(bad_arguments); }
END_TEST

START_TEST(the_table_has_it) {
    unsigned char from[160] __attribute__((aligned(16))), to[160] __attribute__((aligned(16)));
    pattern_fill(from, sizeof from, 3);
    ck_assert_int_eq(brainmm_get_manager()->move_b16(to, from, 10), BRAINMM_OK);
    ck_assert_mem_eq(to, from, sizeof to);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        short_lengths_at_every_overlap,
        long_lengths_at_every_kind_of_overlap,
        addresses_of_every_kind,
        lengths_beyond_the_cache,
        nothing_beside_is_touched,
        bad_arguments_are_refused,
        the_table_has_it,
        NULL,
    };
    return run_suite("move", 200, NULL, NULL, tests);
}
