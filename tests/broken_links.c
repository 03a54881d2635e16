/* SPDX-License-Identifier: MIT */
/* broken_links.c: a program that writes to what it has freed breaks the heap's lists. When the heap meets a list whose
 * first piece was written to, it reports that piece, once, and does not use the list. What it hands out from then on is
 * in nobody's hands.
 */
#include "heap_support.h"

#include "brainmm.h"

enum { PIECES = 64, MORE = 5000, ROUNDS = 20 };

static const void *reported;
static unsigned calls;
static size_t size_reported;

static void BRAINMM_CALL remember(void *context, const brainmm_error *error) {
    (void)context;
    CHECK_MSG(error->kind == BRAINMM_ERROR_CORRUPTED && error->piece == error->address, "%s", error->text);
    CHECK_MSG(strstr(error->text, "was written to"), "%s", error->text);
    CHECK_MSG(strcmp(error->function, "brainmm_alloc") == 0, "%s", error->text);
    reported = error->address;
    size_reported = error->size;
    calls++;
    void *piece = brainmm_alloc(error->size); /* from the same bin */
    CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
}

static int by_address(const void *one, const void *other) {
    uintptr_t a = (uintptr_t) * (void *const *)one, b = (uintptr_t) * (void *const *)other;
    return a < b ? -1 : a > b;
}

/* All live pieces are apart from each other. */
static void check_apart(void **pieces, unsigned count, size_t size) {
    qsort(pieces, count, sizeof *pieces, by_address);
    for (unsigned i = 0; i < count; i++) {
        CHECK(brainmm_usable_size(pieces[i]) >= size);
        CHECK(i == 0 || (uintptr_t)pieces[i] - (uintptr_t)pieces[i - 1] >= size);
    }
}

static void break_a_list(size_t size) {
    static void *pieces[PIECES], *more[MORE];
    unsigned count = 0;
    for (unsigned i = 0; i < PIECES; i++)
        CHECK((pieces[i] = brainmm_alloc(size)) != NULL);
    for (unsigned i = 0; i < PIECES; i += 2) /* the last one is the first of its list */
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    memset(pieces[PIECES - 2], 0x41, 16); /* the error */
    calls = 0;
    while (calls == 0 && count < MORE) {
        CHECK((more[count] = brainmm_alloc(size)) != NULL);
        memset(more[count++], 0x42, size);
    }
    CHECK_MSG(calls == 1 && reported == pieces[PIECES - 2] && size_reported >= size, "%u reports, of %p, not %p", calls,
              reported, pieces[PIECES - 2]);
    for (; count < MORE; count++)
        CHECK((more[count] = brainmm_alloc(size)) != NULL);
    CHECK(calls == 1);
    for (unsigned i = 0; i < PIECES / 2; i++) /* those that were freed and are lost are in nobody's hands */
        pieces[i] = pieces[2 * i + 1];
    check_apart(more, MORE, size);
    check_apart(pieces, PIECES / 2, size);
    for (unsigned i = 0; i < MORE; i++)
        for (unsigned k = 0; k < PIECES / 2; k++)
            CHECK(more[i] != pieces[k]);
    for (unsigned i = 0; i < MORE; i++)
        CHECK(brainmm_free(more[i]) == BRAINMM_OK);
    for (unsigned i = 0; i < PIECES / 2; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

int main(void) {
    static const size_t sizes[] = {32, 112, 640, 1500};
    watchdog_start(100);
    CHECK(brainmm_set_error_handler(remember, NULL) == BRAINMM_OK);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        break_a_list(sizes[i]);
    return TEST_PASSED;
}
