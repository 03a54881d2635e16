/* SPDX-License-Identifier: MIT */
/* sparse_use.c: a large piece of which the program uses little costs little memory, however large it is: new or
 * zeroed, the first or one of many, grown from a smaller one. Pieces that are written from end to end get huge pages,
 * where the system takes advice: what grows, and new ones of a size of which one was full before. They no longer get
 * them when the next of that size were used sparsely.
 *
 * White box: linked with the static core, for os_facts.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "os.h"

#if defined(_WIN32)
enum { LARGE_MIB = sizeof(void *) > 4 ? 256 : 64 };
#else
enum { LARGE_MIB = sizeof(void *) > 4 ? 1024 : 128 };
#endif
enum { SLACK_MIB = 5, DENSE_MIB = 6, STRIDE = 1 << 20 };

static void *checked(void *piece) {
    CHECK(piece != NULL);
    return piece;
}

/* A byte a MiB, not at the same place of each page. */
static void use_sparsely(unsigned char *piece, size_t size) {
    for (size_t at = 0; at < size; at += STRIDE + 7)
        piece[at] = 1;
}

static void give(void *piece) {
    CHECK(brainmm_free(piece) == BRAINMM_OK);
    brainmm_thread_heap_minimize(); /* the next one begins as new memory */
}

static void stays_small(size_t before, size_t mib, const char *what) {
    size_t growth = resident_growth(before);
    CHECK_MSG(growth <= mib * 4096 + SLACK_MIB * MIB, "%s: %zu KiB are resident", what, growth / KIB);
}

static void sparse_pieces_stay_small(void) {
    size_t before = resident_bytes(), size = (size_t)LARGE_MIB * MIB;
    for (unsigned round = 0; round < 3; round++) {
        unsigned char *piece = checked(brainmm_alloc(size));
        use_sparsely(piece, size);
        stays_small(before, LARGE_MIB, "a new piece");
        give(piece);
        piece = checked(brainmm_alloc_zeroed(size));
        use_sparsely(piece, size);
        stays_small(before, LARGE_MIB, "a zeroed piece");
        give(piece);
    }
    unsigned char *grown = NULL;
    for (size_t now = size / 16; now <= size; now *= 2) {
        grown = checked(brainmm_realloc(grown, now));
        use_sparsely(grown, now);
    }
    stays_small(before, LARGE_MIB, "a piece that grew");
    give(grown);
}

/* ---- Where the system takes advice ------------------------------------------------------------------------------ */

#if !defined(_WIN32)

enum use { FULL, SPARSE };

static const size_t size = DENSE_MIB * MIB;

/* Whether the heap expected a new piece to be full. It is then used so. */
static bool is_expected_full(enum use use) {
    unsigned char *piece = checked(brainmm_alloc(size));
    bool huge = mappings_have_flag(piece, size, " hg");
    if (use == FULL)
        memset(piece, 1, size);
    else
        use_sparsely(piece, size);
    give(piece);
    return huge;
}

static void what_was_seen_is_expected(void) {
    CHECK(!is_expected_full(FULL)); /* the first one of the size */
    for (unsigned i = 0; i < 3; i++)
        CHECK_MSG(is_expected_full(FULL), "full piece %u", i);
    for (unsigned i = 0; i < 2; i++)
        CHECK(is_expected_full(SPARSE)); /* this, too, is seen in huge pages */
    for (unsigned i = 0; i < 3; i++)
        CHECK_MSG(!is_expected_full(SPARSE), "sparse piece %u", i);
    for (unsigned i = 0; i < 2; i++)
        CHECK_MSG(!is_expected_full(FULL), "full piece %u after sparse ones", i);
    CHECK(is_expected_full(FULL));
}

/* A program that has written what it had, will write what it gets. */
static void what_grows_goes_on(void) {
    enum { FROM = 8 * MIB, TO = 24 * MIB };
    for (unsigned full = 0; full < 2; full++) {
        unsigned char *piece = checked(brainmm_alloc(FROM));
        memset(piece, 1, full ? FROM : FROM / 4);
        piece = checked(brainmm_realloc(piece, TO));
        CHECK_MSG(mappings_have_flag(piece + FROM + 2 * MIB, TO - FROM - 4 * MIB, " hg") == full, "%s",
                  full ? "full" : "a quarter full");
        give(piece);
    }
}

/* Memory that the program has forbidden itself is not looked at. */
static void guards_are_no_trap(void) {
    size_t page = os_facts.page;
    for (unsigned i = 0; i < 4; i++) {
        unsigned char *stack = checked(brainmm_alloc_aligned(page, size));
        use_sparsely(stack, size);
        CHECK(os_protect(stack, page, 0) && os_protect(stack + size - page, page, 0));
        CHECK(brainmm_free(stack) == BRAINMM_OK);
        CHECK(os_protect(stack, page, BRAINMM_READ | BRAINMM_WRITE) &&
              os_protect(stack + size - page, page, BRAINMM_READ | BRAINMM_WRITE));
        brainmm_thread_heap_minimize();
        unsigned char *pages = checked(brainmm_alloc_aligned(page, size));
        CHECK(brainmm_pages_set_rights(pages, size / BRAINMM_PAGE_SIZE, 0) == BRAINMM_OK);
        give(pages);
    }
}

static void advice_follows_use(void) {
    if (!os_facts.takes_advice || access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0) {
        puts("no advice here");
        return;
    }
    what_was_seen_is_expected();
    what_grows_goes_on();
    guards_are_no_trap();
}
#else
static void advice_follows_use(void) {}
#endif

int main(void) {
    watchdog_start(100);
    brainmm_free(brainmm_alloc(1)); /* the first allocation reads the machine's setting */
#if defined(__linux__)
    os_facts.huge_pages_everywhere = false; /* where the administrator wants them, they cost what they cost */
#endif
    sparse_pieces_stay_small();
    advice_follows_use();
    return TEST_PASSED;
}
