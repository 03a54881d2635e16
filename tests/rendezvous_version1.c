/* SPDX-License-Identifier: MIT */
/* rendezvous_version1.c: reads the original's table byte by byte and calls its functions as Delphi does: in Delphi's
 * convention, with sizes that may be negative and with byte arguments whose register holds more than the byte. */
#include "rendezvous_party.h"

#if defined(__i386__)
#define REGISTER __attribute__((regparm(3)))
#else
#define REGISTER
#endif

static const char *table; /* 24 pointers */

static uintptr_t slot(unsigned index) {
    uintptr_t value;
    memcpy(&value, table + index * sizeof value, sizeof value);
    return value;
}

typedef uintptr_t(REGISTER *function0)(void);
typedef uintptr_t(REGISTER *function1)(uintptr_t a);
typedef uintptr_t(REGISTER *function2)(uintptr_t a, uintptr_t b);
typedef uintptr_t(REGISTER *function3)(uintptr_t a, uintptr_t b, uintptr_t c);

static uintptr_t call0(unsigned index) { return ((function0)slot(index))(); }
static uintptr_t call1(unsigned index, uintptr_t a) { return ((function1)slot(index))(a); }
static uintptr_t call2(unsigned index, uintptr_t a, uintptr_t b) { return ((function2)slot(index))(a, b); }

static uintptr_t call3(unsigned index, uintptr_t a, uintptr_t b, uintptr_t c) {
    return ((function3)slot(index))(a, b, c);
}

static bool is_true(uintptr_t result) { return (result & 0xFF) != 0; }
static uintptr_t negative(int value) { return (uintptr_t)(intptr_t)value; }

/* A byte in a register whose other bits are undefined. */
static uintptr_t dirty(unsigned byte) { return (uintptr_t)0xABCDEF00u | byte; }

static void check_options(void) {
    const unsigned char *options = (const unsigned char *)slot(0);
    const unsigned char expected[11] = {11 + sizeof(void *), 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    unsigned char *flag;
    CHECK(options != NULL);
    CHECK(memcmp(options, expected, sizeof expected) == 0);
    memcpy(&flag, options + 11, sizeof flag);
    CHECK(flag != NULL && *flag == 0);
    *flag = 1; /* attached modules may write it */
    *flag = 0;
}

static void check_slots(void) {
    for (unsigned i = 0; i < 24; i++) {
        bool reserved = i == 8 || i == 9 || i >= 20;
#if !defined(_WIN32)
        reserved = reserved || i == 1 || i == 2; /* Delphi's hooks have another form on POSIX */
#endif
        CHECK_MSG((slot(i) == 0) == reserved, "slot %u", i);
        CHECK_MSG(i == 0 || reserved || is_executable((void *)slot(i)), "slot %u", i);
    }
}

static void check_pieces(void) {
    uintptr_t piece = call1(14, 100), moved;
    CHECK(piece != 0 && is_aligned((void *)piece, 16) && brainmm_usable_size((void *)piece) >= 100);
    pattern_fill((void *)piece, 100, 1);
    moved = call2(16, piece, 5000);
    CHECK(moved != 0 && pattern_holds((void *)moved, 96, 1));
    CHECK(call2(16, moved, negative(-5)) == 0); /* refused; the piece stays */
    CHECK(pattern_holds((void *)moved, 96, 1));
    moved = call2(13, moved, 70000);
    CHECK(moved != 0);
    CHECK(call2(13, moved, negative(-1)) == 0);
    CHECK((int32_t)call1(15, moved) == 0);
    CHECK((int32_t)call1(15, moved) != 0); /* refused */
    CHECK((int32_t)call1(15, (uintptr_t)&piece) != 0);
    CHECK((int32_t)call1(15, 0) == 0);

    piece = call1(17, 100);
    CHECK(piece != 0 && all_zero((void *)piece, brainmm_usable_size((void *)piece)));
    CHECK(call2(16, piece, 0) == 0); /* frees it */
    CHECK((int32_t)call1(15, piece) != 0);
    CHECK(call2(16, 0, 10) != 0 && call2(13, 0, 10) != 0);

    static const unsigned allocate[] = {14, 17};
    for (unsigned i = 0; i < 2; i++) {
        CHECK(call1(allocate[i], 0) == 0);
        CHECK(call1(allocate[i], negative(-1)) == 0);
        CHECK(call1(allocate[i], negative(-15)) == 0); /* rounded up to 16, this would be 0 */
        CHECK(call1(allocate[i], (uintptr_t)1 << (8 * sizeof(void *) - 1)) == 0);
    }
    for (unsigned align = 0; align < 8; align++) {
        piece = call2(12, dirty(align), 100);
        CHECK(piece != 0 && is_aligned((void *)piece, (size_t)16 << align));
        CHECK((int32_t)call1(15, piece) == 0);
    }
    CHECK(call2(12, dirty(8), 100) == 0 && call2(12, dirty(255), 100) == 0);
    CHECK(call2(12, 0, 0) == 0 && call2(12, 0, negative(-100)) == 0);
    CHECK(is_true(call1(18, piece)) && is_true(call1(19, piece)) && !is_true(call1(19, piece)));
}

static void check_questions(void) {
    unsigned char record[4 + 2 * sizeof(void *) + 8];
    uintptr_t piece = call2(12, 3, 1000), size; /* 128-byte aligned */
    memset(record, 0xEE, sizeof record);
    CHECK(is_true(call2(10, piece, (uintptr_t)record)));
    CHECK(record[0] == BRAINMM_MEDIUM && record[1] == 3 && record[2] == 0 && record[3] == 3);
    memcpy(&size, record + 4 + sizeof size, sizeof size);
    CHECK(size == brainmm_usable_size((void *)piece));
    for (unsigned i = 0; i < 8; i++)
        CHECK(record[4 + 2 * sizeof size + i] == 0xEE); /* it writes 12 or 20 bytes, no more */
    CHECK((int32_t)call1(15, piece) == 0);
    CHECK(!is_true(call2(10, piece, (uintptr_t)record)));
    CHECK(!is_true(call2(10, 0, (uintptr_t)record)));
    CHECK(!is_true(call2(10, (uintptr_t)record & ~(uintptr_t)15, (uintptr_t)record)));
    call0(11);
    CHECK(!is_true(call0(11))); /* nothing is left to do */
}

static void check_blocks(void) {
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
        for (unsigned size = 0; size < 7; size++) { /* the two largest may not fit a 32-bit address space */
            uintptr_t block = call2(3, dirty(size), mode);
            CHECK_MSG(block != 0 && is_aligned((void *)block, (size_t)4096 << 2 * size), "size %u, mode %u", size,
                      mode);
            CHECK(!is_true(call2(4, block, mode == BRAINMM_USER ? BRAINMM_JIT : BRAINMM_USER)));
            CHECK(is_true(call2(4, block, mode)));
            CHECK(!is_true(call2(4, block, mode)));
        }
    }
    CHECK(call2(3, dirty(9), 0) == 0 && call2(3, dirty(255), 0) == 0);
    CHECK(call2(3, 0, 3) == 0 && call2(3, 0, (uintptr_t)-1) == 0);
#if UINTPTR_MAX > 0xFFFFFFFFu
    CHECK(call2(3, 0, (uintptr_t)1 << 32) == 0); /* a mode is a whole word */
#endif
    CHECK(!is_true(call2(4, (uintptr_t)&table, 0)));
}

static void check_pages(void) {
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_SYSTEM; mode++) {
        uintptr_t pages = call2(5, 3, mode);
        CHECK(pages != 0 && is_aligned((void *)pages, 4096));
        pattern_fill((void *)pages, 3 * 4096, mode);
        CHECK(call3(7, pages, negative(-1), mode | 2) == 0);
        pages = call3(7, pages, 700, mode | 2);
        CHECK(pages > 1 && pattern_holds((void *)pages, 3 * 4096, mode));
        pages = call3(7, pages, 20, mode | 2);
        CHECK(pages > 1 && pattern_holds((void *)pages, 3 * 4096, mode));
        pages = call3(7, pages, 50, mode);
        CHECK(pages > 1);
        CHECK(call3(7, pages, 50, 4) == 0);
        CHECK(is_true(call2(6, pages, mode)));
        CHECK(!is_true(call2(6, pages, mode)));
        CHECK(call3(7, pages, 50, mode | 2) == 1); /* "no pages", not "no memory" */
    }
    uintptr_t pages = call2(5, 1, BRAINMM_JIT);
    CHECK(pages != 0 && is_executable((void *)pages));
    CHECK(is_true(call2(6, pages, BRAINMM_JIT)));
    CHECK(call2(5, 0, 0) == 0 && call2(5, negative(-1), 0) == 0 && call2(5, 1, 3) == 0);
    CHECK(call2(5, (uintptr_t)-1 / 4096 + 2, 0) == 0); /* the count in bytes would wrap to one page */
    pages = call2(5, 1, 0);
    CHECK(call3(7, pages, (uintptr_t)-1 / 8192, 2) == 0); /* not enough memory: the run stays */
    CHECK(is_true(call2(6, pages, 0)));
}

#if defined(_WIN32)
static void check_thread_events(void) {
    uintptr_t *record = (uintptr_t *)call2(1, 0x1111, 0x2222);
    CHECK(record != NULL && record[0] == 0x1111 && record[1] == 0x2222);
    CHECK((int32_t)call1(15, (uintptr_t)record) == 0); /* as the new thread does */
    call1(2, 0);
    call1(2, 0); /* a thread may report its end twice and go on */
    uintptr_t piece = call1(14, 50);
    CHECK(piece != 0 && (int32_t)call1(15, piece) == 0);
}
#endif

int main(void) {
    table = (const char *)brainmm_get_manager()->version1;
    check_options();
    check_slots();
    check_pieces();
    check_questions();
    check_blocks();
    check_pages();
#if defined(_WIN32)
    check_thread_events();
#endif
    return TEST_PASSED;
}
