/* SPDX-License-Identifier: MIT */
/* check_links.c: with the option `check_links`, a write into freed memory cannot make the heap hand out an address of
 * the writer's choice, wherever in a list the freed piece is. The heap reports it and goes on. Without errors it works
 * as ever.
 *
 * White box: linked with the static core, and run with BRAINMM_OPTIONS=check_links.
 */
#include "heap_whole.h"

#include "brainmm.h"
#include "os_inline.h"
#include "slab/slab.h"

enum { PIECES = 60, MORE = 3000 };

static unsigned calls;

static void BRAINMM_CALL count_error(void *context, const brainmm_error *error) {
    (void)context;
    CHECK_MSG(error->kind == BRAINMM_ERROR_CORRUPTED, "%s", error->text);
    calls++;
    void *piece = brainmm_alloc(100);
    CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
}

/* Writes TARGET over the link of one of many freed pieces. TARGET seems to be free, too. */
static void write_a_link(size_t size, unsigned which, void *target) {
    static void *pieces[PIECES], *more[MORE];
    for (unsigned i = 0; i < PIECES; i++)
        CHECK((pieces[i] = brainmm_alloc(size)) != NULL);
    for (unsigned i = 0; i < PIECES; i += 2) /* the others keep the slabs alive */
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    const struct object *object = pieces[which];
    memcpy(target, object, sizeof *object);
    *(void **)pieces[which] = target; /* the error */
    calls = 0;
    for (unsigned i = 0; i < MORE; i++) {
        CHECK((more[i] = brainmm_alloc(size)) != NULL);
        CHECK_MSG(more[i] != target, "the address that was written is handed out");
        memset(more[i], 0x77, size);
    }
    CHECK_MSG(calls > 0, "size %zu, piece %u: nothing was reported", size, which);
    for (unsigned i = 0; i < MORE; i++)
        CHECK(brainmm_free(more[i]) == BRAINMM_OK);
    for (unsigned i = 1; i < PIECES; i += 2)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

static void a_written_link_is_not_followed(void) {
    static const size_t sizes[] = {16, 48, 400, 2000};
    static _Alignas(16) char outside[64];
    CHECK(brainmm_set_error_handler(count_error, NULL) == BRAINMM_OK);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned which = 0; which < PIECES; which += 6)
            write_a_link(sizes[i], which, outside);
    write_a_link(48, 20, outside + 8); /* misaligned */
    CHECK(brainmm_set_error_handler(NULL, NULL) == BRAINMM_OK);
}

static void pieces_work_as_ever(void) {
    static struct {
        unsigned char *piece;
        size_t size;
    } live[500];
    random_source random = {7};
    for (unsigned i = 0; i < 200000; i++) {
        unsigned k = (unsigned)random_below(&random, 500);
        if (live[k].piece) {
            CHECK(pattern_holds(live[k].piece, live[k].size, k));
            CHECK(brainmm_free(live[k].piece) == BRAINMM_OK);
            CHECK(i % 16 != 0 || brainmm_free(live[k].piece) != BRAINMM_OK);
        }
        live[k].size = random_below(&random, i % 64 ? 600 : 50000);
        live[k].piece = i % 3   ? brainmm_alloc(live[k].size)
                        : i % 2 ? brainmm_alloc_zeroed(live[k].size)
                                : brainmm_alloc_aligned(64, live[k].size);
        CHECK(live[k].piece != NULL);
        pattern_fill(live[k].piece, live[k].size, k);
    }
    heap_is_whole("random use");
    for (unsigned k = 0; k < 500; k++) {
        CHECK(!live[k].piece || brainmm_free(live[k].piece) == BRAINMM_OK);
        live[k].piece = NULL;
    }
}

static void in_a_thread(void *unused) {
    (void)unused;
    pieces_work_as_ever();
}

int main(void) {
    thread other;
    const char *options = getenv("BRAINMM_OPTIONS");
    CHECK_MSG(options && strcmp(options, "check_links") == 0, "run it with BRAINMM_OPTIONS=check_links");
    watchdog_start(100);
    void *piece = brainmm_alloc(100);
    CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
    const struct thread_heap *seen = os_thread_pointer();
    CHECK(!seen || seen == &thread_heap_none); /* the fast paths see no heap */
    pieces_work_as_ever();
    thread_start(&other, in_a_thread, NULL);
    thread_join(&other);
    heap_is_whole("threads");
    a_written_link_is_not_followed();
    pieces_work_as_ever();
    return TEST_PASSED;
}
