/* SPDX-License-Identifier: MIT */
/* checked_scan.c: with the option scan, the next allocation or free of the thread finds what was written beyond any of
 * its youngest allocations, small ones and those with pages of their own, and to all that waits in its quarantine.
 * Other threads may free what is being reported and mended.
 */
#include "support/outcome.h"
#include "support/thread.h"

#include "brainmm.h"

BRAINMM_PROGRAM_OPTIONS("checked,scan=8");

static unsigned reports;
static uint32_t kind;
static const void *at;

/* What another thread frees while the error is being told. */
static void *to_free;

static void free_it(void *piece) { CHECK(brainmm_free(piece) == BRAINMM_OK); }

static void BRAINMM_CALL note(void *context, const brainmm_error *error) {
    (void)context;
    reports++;
    kind = error->kind;
    at = error->address;
    if (to_free) {
        thread other;
        void *piece = to_free;
        to_free = NULL;
        thread_start(&other, free_it, piece);
        thread_join(&other);
    }
}

static void found(unsigned line, uint32_t expected, const char *address) {
    CHECK_MSG(reports == 1 && kind == expected && at == address, "line %u: %u reports, kind %u at %p, not %p", line,
              reports, kind, at, (const void *)address);
    reports = 0;
}
#define FOUND(expected, address) found(__LINE__, BRAINMM_ERROR_##expected, address)

static void an_overrun_is_found_by_the_next_call(size_t size) {
    char *piece = brainmm_alloc(size), *others[6];
    for (unsigned i = 0; i < 6; i++)
        others[i] = brainmm_alloc(i % 2 ? 40 : 40001);
    CHECK(piece && reports == 0);
    piece[size] = 'x';
    void *next = brainmm_alloc(10);
    FOUND(OVERFLOW, piece + size);
    piece[size] = 'x';
    CHECK(brainmm_free(next) == BRAINMM_OK);
    FOUND(OVERFLOW, piece + size);
    for (unsigned i = 0; i < 6; i++)
        CHECK(brainmm_free(others[i]) == BRAINMM_OK);
    CHECK(brainmm_free(piece) == BRAINMM_OK && reports == 0);
}

/* The youngest ones count, also those that have gone. */
static void an_older_one_is_not_looked_at(void) {
    char *piece = brainmm_alloc(50001);
    for (unsigned i = 0; i < 8; i++)
        CHECK(brainmm_free(brainmm_alloc(i % 2 ? 40 : 40001)) == BRAINMM_OK);
    piece[50001] = 'x';
    CHECK(brainmm_free(brainmm_alloc(10)) == BRAINMM_OK && reports == 0);
    CHECK(brainmm_free(piece) == BRAINMM_OK);
    FOUND(OVERFLOW, piece + 50001);
}

static void a_write_after_the_free_is_found_by_the_next_call(void) {
    char *freed[5];
    for (unsigned i = 0; i < 5; i++)
        freed[i] = brainmm_alloc(100);
    for (unsigned i = 0; i < 5; i++)
        CHECK(brainmm_free(freed[i]) == BRAINMM_OK);
    freed[1][99] = 'x';
    CHECK(brainmm_free(brainmm_alloc(10)) == BRAINMM_OK);
    FOUND(USE_AFTER_FREE, freed[1] + 99);
}

static void look_by_check(void) { CHECK(brainmm_check() == BRAINMM_E_DAMAGED); }

static void look_by_scan(void) { CHECK(brainmm_free(brainmm_alloc(10)) == BRAINMM_OK); }

/* Its memory is gone, or is the next allocation's, before the look goes on. */
static void it_may_be_freed_while_it_is_told(size_t size, void (*look)(void)) {
    char *piece = brainmm_alloc(size);
    piece[size] = 'x';
    to_free = piece;
    look();
    FOUND(OVERFLOW, piece + size);
    CHECK(to_free == NULL && brainmm_check() == BRAINMM_OK && reports == 0);
    CHECK(brainmm_free(piece) == BRAINMM_E_DOUBLE_FREE);
    FOUND(DOUBLE_FREE, piece);
}

int main(void) {
    CHECK(brainmm_set_error_handler(note, NULL) == BRAINMM_OK);
    an_overrun_is_found_by_the_next_call(100);
    an_overrun_is_found_by_the_next_call(50001);
    an_older_one_is_not_looked_at();
    a_write_after_the_free_is_found_by_the_next_call();
    it_may_be_freed_while_it_is_told(100, look_by_scan);
    it_may_be_freed_while_it_is_told(100, look_by_check);
    it_may_be_freed_while_it_is_told(50001, look_by_scan);
    it_may_be_freed_while_it_is_told(50001, look_by_check);
    CHECK(brainmm_check() == BRAINMM_OK && reports == 0);
    return TEST_PASSED;
}
