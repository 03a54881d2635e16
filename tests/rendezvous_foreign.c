/* SPDX-License-Identifier: MIT */
/* rendezvous_foreign.c: the owner of the heap has a version-1 table only. The functions of brainmm.h call its slots,
 * and only with arguments that the original's run-time library would pass. rendezvous_foreign_owner.c explains the
 * environment variables. */
#include "rendezvous_foreign.h"
#include "rendezvous_party.h"

static const struct foreign_report *report;

/* How often SLOT has been called since the last call of this function. */
static unsigned calls(unsigned slot) {
    static unsigned before[24];
    unsigned now = report->calls[slot] - before[slot];
    before[slot] = report->calls[slot];
    return now;
}

static int BRAINMM_CALL visit_nothing(void *context, const brainmm_allocation *allocation) {
    (void)context;
    (void)allocation;
    test_end(TEST_FAILED);
}

int main(void) {
    const struct brainmm_manager *(BRAINMM_CALL * get_manager)(void);
    int(BRAINMM_CALL * attach_status)(const char **text);
    const char *text;
    bool has_options = getenv("FOREIGN_NO_OPTIONS") == NULL;
    party_get_function get;
    foreign_report_function get_report;
    module owner = module_load(path_beside("rendezvous_foreign_owner-plain" MODULE_SUFFIX));
    module_symbol(owner, "party_get", &get);
    module_symbol(owner, "foreign_report", &get_report);
    get();
    report = get_report();

    module library = module_load(path_beside(LIBRARY_FILE));
    module_symbol(library, "brainmm_attach_status", &attach_status);
    CHECK(attach_status(&text) == BRAINMM_ATTACHED_VERSION1);
    printf("%s\n", text);
    module_symbol(library, "brainmm_get_manager", &get_manager);
    const struct brainmm_manager *mm = get_manager();
    CHECK(mm->heap_id == (uintptr_t)report->table && mm->version1 == report->table && mm->self == mm);

    char *piece = mm->alloc(100);
    CHECK(piece != NULL && calls(14) == 1);
    CHECK(mm->alloc(SIZE_MAX) == NULL && mm->alloc((size_t)PTRDIFF_MAX + 1) == NULL && calls(14) == 0);
    void *empty = mm->alloc(0);
    CHECK(empty != NULL && calls(14) == 1);
    pattern_fill(piece, 100, 1);
    piece = mm->realloc(piece, 300);
    CHECK(piece != NULL && calls(16) == 1 && pattern_holds(piece, 96, 1));
    CHECK(mm->realloc(piece, SIZE_MAX) == NULL && mm->reget(piece, SIZE_MAX) == NULL);
    CHECK(mm->realloc(piece + 1, 10) == NULL && mm->reget(piece + 8, 10) == NULL);
    CHECK(calls(16) == 0 && calls(13) == 0);
    piece = mm->reget(piece, 200);
    CHECK(piece != NULL && calls(13) == 1);

    CHECK(mm->usable_size(piece) == (has_options ? 208u : 0u) && calls(10) == has_options);
    CHECK(mm->usable_size(NULL) == 0 && mm->usable_size(piece + 1) == 0 && calls(10) == 0);
    brainmm_options options;
    memset(&options, 0xEE, sizeof options);
    CHECK(mm->get_options(piece, &options) == has_options);
    CHECK(options.size == (has_options ? 208 : (size_t)0xEEEEEEEEEEEEEEEEu));
    memset(&options, 0xEE, sizeof options);
    CHECK(mm->get_options(empty ? (char *)empty + 16 : NULL, &options) == 0);
    CHECK(options.kind == 0xEE);                        /* untouched, though the owner writes to its argument */
    CHECK(mm->get_options(piece, NULL) == has_options); /* the owner needs a record all the same */
    CHECK(mm->get_options(empty ? (char *)empty + 16 : NULL, NULL) == 0 && mm->get_options(NULL, NULL) == 0);
    CHECK(mm->thread_heap_minimize() == 0 && calls(11) == has_options);
    mm->thread_done(); /* slot 2 would end the process */

    CHECK(mm->free(piece) == BRAINMM_OK && calls(15) == 1);
    CHECK(mm->free(piece) == BRAINMM_E_POINTER && calls(15) == 1);
    CHECK(mm->free(NULL) == BRAINMM_OK && mm->free(piece + 1) == BRAINMM_E_POINTER && calls(15) == 0);
    CHECK(mm->realloc(empty, 0) == NULL && calls(15) == 1);
    CHECK((piece = mm->realloc(NULL, 10)) != NULL && calls(14) == 1 && mm->reget(piece, 0) == NULL && calls(15) == 1);

    piece = mm->alloc_zeroed(50);
    CHECK(piece != NULL && calls(17) == 1 && all_zero(piece, 50) && mm->free(piece) == BRAINMM_OK);
    CHECK(mm->alloc_zeroed(SIZE_MAX / 2 + 1) == NULL && calls(17) == 0);
    for (size_t alignment = 1; alignment <= 2048; alignment *= 2) {
        piece = mm->alloc_aligned(alignment, 100);
        CHECK(piece != NULL && is_aligned(piece, alignment) && is_aligned(piece, 16) && calls(12) == 1);
        CHECK(mm->free(piece) == BRAINMM_OK);
    }
    CHECK(mm->alloc_aligned(0, 1) == NULL && mm->alloc_aligned(24, 1) == NULL && mm->alloc_aligned(4096, 1) == NULL);
    CHECK(calls(12) == 0);

    /* The functions for arrays are the library's own and call the owner's. */
    void *(BRAINMM_CALL * alloc_array)(size_t count, size_t size);
    void *(BRAINMM_CALL * alloc_zeroed_array)(size_t count, size_t size);
    void *(BRAINMM_CALL * realloc_array)(void *piece, size_t count, size_t size);
    module_symbol(library, "brainmm_alloc_array", &alloc_array);
    module_symbol(library, "brainmm_alloc_zeroed_array", &alloc_zeroed_array);
    module_symbol(library, "brainmm_realloc_array", &realloc_array);
    calls(15); /* those of the loop above */
    piece = alloc_array(10, 8);
    CHECK(piece != NULL && calls(14) == 1 && alloc_array(SIZE_MAX / 2 + 1, 2) == NULL && calls(14) == 0);
    CHECK((piece = realloc_array(piece, 100, 8)) != NULL && calls(16) == 1);
    CHECK(realloc_array(piece, SIZE_MAX / 16 + 2, 16) == NULL && calls(16) == 0 && calls(15) == 0);
    CHECK(mm->free(piece) == BRAINMM_OK && calls(15) == 1);
    piece = alloc_zeroed_array(5, 10);
    CHECK(piece != NULL && calls(17) == 1 && all_zero(piece, 50) && mm->free(piece) == BRAINMM_OK && calls(15) == 1);

    char *block = mm->block_get(65536, BRAINMM_SYSTEM);
    CHECK(block != NULL && is_aligned(block, 65536) && calls(3) == 1);
    CHECK(mm->block_free(block, BRAINMM_JIT) != BRAINMM_OK && calls(4) == 1);
    CHECK(mm->block_free(block, 7) == BRAINMM_E_ARGUMENT && mm->block_free(block + 16, 1) == BRAINMM_E_POINTER);
    CHECK(mm->block_free(NULL, 1) == BRAINMM_OK && calls(4) == 0);
    CHECK(mm->block_free(block, BRAINMM_SYSTEM) == BRAINMM_OK && calls(4) == 1);
    CHECK(mm->block_get(65536, BRAINMM_USER) == NULL && calls(3) == 1); /* this owner does not have that mode */
    CHECK(mm->block_get(4096, BRAINMM_SYSTEM) == NULL && calls(3) == 1);
    CHECK(mm->block_get(5000, 1) == NULL && mm->block_get(0, 1) == NULL && mm->block_get((size_t)1 << 30, 1) == NULL);
    CHECK(mm->block_get(65536, 3) == NULL && calls(3) == 0);

    char *pages = mm->pages_get(2, BRAINMM_SYSTEM);
    CHECK(pages != NULL && calls(5) == 1);
    pattern_fill(pages, 8192, 3);
    pages = mm->pages_realloc(pages, 9, BRAINMM_SYSTEM);
    CHECK(pages != NULL && calls(7) == 1 && pattern_holds(pages, 8192, 3));
    CHECK((pages = mm->pages_reget(pages, 4, BRAINMM_SYSTEM)) != NULL && calls(7) == 1);
    CHECK(mm->pages_realloc(pages, 4, BRAINMM_USER) == NULL && calls(7) == 1); /* the owner says: no pages */
    CHECK(mm->pages_realloc(pages, 4, BRAINMM_JIT) == NULL);                   /* slot 7 cannot express that mode */
    CHECK(mm->pages_realloc(pages, SIZE_MAX / 4096, 1) == NULL && mm->pages_realloc(pages + 16, 1, 1) == NULL);
    CHECK(mm->pages_realloc(pages, 4, 9) == NULL && calls(7) == 0);
    CHECK(mm->pages_free(pages, 9) == BRAINMM_E_ARGUMENT && mm->pages_free(pages + 16, 1) == BRAINMM_E_POINTER);
    CHECK(mm->pages_free(NULL, 1) == BRAINMM_OK && calls(6) == 0);
    CHECK(mm->pages_free(pages, BRAINMM_SYSTEM) == BRAINMM_OK && calls(6) == 1);
    CHECK(mm->pages_get(0, 1) == NULL && mm->pages_get(SIZE_MAX, 1) == NULL && mm->pages_get(1, 5) == NULL);
    CHECK(calls(5) == 0);
    CHECK((pages = mm->pages_realloc(NULL, 1, BRAINMM_JIT)) != NULL && calls(5) == 1);
    CHECK(mm->pages_realloc(pages, 0, BRAINMM_JIT) == NULL && calls(6) == 1);

    brainmm_stats stats = {.struct_size = sizeof stats, .live_count = 77};
    CHECK(mm->get_stats(&stats, NULL, 0) == BRAINMM_E_UNSUPPORTED && stats.live_count == 77);
    CHECK(mm->walk(visit_nothing, NULL) == BRAINMM_E_UNSUPPORTED);

    CHECK_MSG(report->live == 0, "%zu pieces leaked", report->live);
    return TEST_PASSED;
}
