/* SPDX-License-Identifier: MIT */
/* error_places.c: a handler hears of every pointer that a function refuses: which function it was, what kind of error,
 * and what lies at the address. The result of the function is the same with a handler as without.
 */
#include "heap_whole.h"

#include "brainmm.h"

static brainmm_error last;
static char text[1024];
static unsigned calls;

static void BRAINMM_CALL remember(void *context, const brainmm_error *error) {
    CHECK(context == &calls);
    last = *error;
    snprintf(text, sizeof text, "%s", error->text);
    calls++;
    void *piece = brainmm_alloc(200); /* a handler may use the heap */
    CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
}

/* The last call was reported once, as KIND of FUNCTION at ADDRESS, and the text has WHAT in it. */
static void heard(const char *function, uint32_t kind, const void *address, const char *what) {
    char number[32];
    CHECK_MSG(calls == 1, "%u reports; the last one: %s", calls, text);
    calls = 0;
    CHECK_MSG(last.kind == kind && strcmp(last.function, function) == 0 && last.address == address, "%s", text);
    CHECK(last.thread_id == current_thread_id() && last.struct_size == sizeof last);
    snprintf(number, sizeof number, "0x%" PRIxPTR ",", (uintptr_t)address);
    CHECK_MSG(strncmp(text, function, strlen(function)) == 0 && strstr(text, number) && strstr(text, what), "%s", text);
    snprintf(number, sizeof number, ", thread %" PRIuPTR, current_thread_id());
    CHECK_MSG(strlen(text) > strlen(number) && strcmp(text + strlen(text) - strlen(number), number) == 0, "%s", text);
}

static void in_place(const void *start, size_t size) {
    CHECK_MSG(last.piece == start && last.size == size, "%p, %zu bytes: %s", last.piece, last.size, text);
}

static void pieces_are_described(void) {
    static const size_t sizes[] = {16, 48, 1000, 20000};
    char on_stack[64];
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *piece = brainmm_alloc(sizes[i]), *neighbour = brainmm_alloc(sizes[i]); /* keeps the slab alive */
        size_t usable = brainmm_usable_size(piece);
        CHECK(brainmm_free(piece + 8) == BRAINMM_E_POINTER);
        heard("brainmm_free", BRAINMM_ERROR_POINTER, piece + 8, ", inside a live piece of ");
        in_place(piece, usable);
        CHECK(brainmm_free(piece) == BRAINMM_OK && calls == 0);
        CHECK(brainmm_free(piece) == BRAINMM_E_DOUBLE_FREE);
        heard("brainmm_free", BRAINMM_ERROR_DOUBLE_FREE, piece, ", a free piece of ");
        in_place(piece, usable);
        CHECK(brainmm_realloc(piece, 100) == NULL);
        heard("brainmm_realloc", BRAINMM_ERROR_DOUBLE_FREE, piece, ", a free piece of ");
        CHECK(brainmm_realloc(piece, 0) == NULL);
        heard("brainmm_realloc", BRAINMM_ERROR_DOUBLE_FREE, piece, ", a free piece of ");
        CHECK(brainmm_reget(piece, 100) == NULL);
        heard("brainmm_reget", BRAINMM_ERROR_DOUBLE_FREE, piece, ", a free piece of ");
        CHECK(brainmm_free(neighbour) == BRAINMM_OK && calls == 0);
    }
    char *large = brainmm_alloc(300 * KIB);
    size_t usable = brainmm_usable_size(large);
    CHECK(brainmm_free(large + 100 * KIB) == BRAINMM_E_POINTER);
    heard("brainmm_free", BRAINMM_ERROR_POINTER, large + 100 * KIB, ", inside a live piece of ");
    in_place(large, usable);
    CHECK(brainmm_realloc(large, SIZE_MAX) == NULL && calls == 0); /* not the pointer's fault */
    CHECK(brainmm_free(large) == BRAINMM_OK && calls == 0);
    CHECK(brainmm_free(on_stack) == BRAINMM_E_POINTER);
    heard("brainmm_free", BRAINMM_ERROR_POINTER, on_stack, ", not of this heap");
    in_place(NULL, 0);
    CHECK(brainmm_reget(on_stack, 10) == NULL);
    heard("brainmm_reget", BRAINMM_ERROR_POINTER, on_stack, ", not of this heap");
}

static void pieces_of_size_0_are_described(void) {
    char *piece = brainmm_alloc(0);
    CHECK(brainmm_pages_free(piece, BRAINMM_USER) == BRAINMM_E_KIND);
    heard("brainmm_pages_free", BRAINMM_ERROR_KIND, piece, ", a live piece of 0 bytes");
    in_place(piece, 0);
    CHECK(brainmm_free(piece) == BRAINMM_OK && brainmm_free(piece) == BRAINMM_E_DOUBLE_FREE);
    heard("brainmm_free", BRAINMM_ERROR_DOUBLE_FREE, piece, ", where pieces of size 0 are");
}

static void other_kinds_are_described(void) {
    char *pages = brainmm_pages_get(5, BRAINMM_USER), *block = brainmm_block_get(64 * KIB, BRAINMM_USER);
    char *small_block = brainmm_block_get(4 * KIB, BRAINMM_USER), *piece = brainmm_alloc(100);
    CHECK(brainmm_free(pages) == BRAINMM_E_KIND);
    heard("brainmm_free", BRAINMM_ERROR_KIND, pages, ", a run of pages of 20480 bytes");
    in_place(pages, 5 * 4096);
    CHECK(brainmm_free(pages + 4096) == BRAINMM_E_POINTER);
    heard("brainmm_free", BRAINMM_ERROR_POINTER, pages + 4096, ", inside a run of pages of 20480 bytes");
    CHECK(brainmm_free(block) == BRAINMM_E_KIND);
    heard("brainmm_free", BRAINMM_ERROR_KIND, block, ", a block of 65536 bytes");
    CHECK(brainmm_free(small_block + 16) == BRAINMM_E_KIND);
    heard("brainmm_free", BRAINMM_ERROR_KIND, small_block + 16, ", inside a block of 4096 bytes");
    CHECK(brainmm_realloc(block, 10) == NULL);
    heard("brainmm_realloc", BRAINMM_ERROR_KIND, block, ", a block of 65536 bytes");
    CHECK(brainmm_block_free(piece, BRAINMM_USER) == BRAINMM_E_KIND);
    heard("brainmm_block_free", BRAINMM_ERROR_KIND, piece, ", a live piece of 112 bytes");
    CHECK(brainmm_pages_reget(block, 3, BRAINMM_USER) == NULL);
    heard("brainmm_pages_reget", BRAINMM_ERROR_KIND, block, ", a block of 65536 bytes");
    CHECK(brainmm_pages_realloc(pages, 3, BRAINMM_SYSTEM) == NULL);
    heard("brainmm_pages_realloc", BRAINMM_ERROR_KIND, pages, ", a run of pages of 20480 bytes");
    CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK && calls == 0);
    CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_E_POINTER);
    heard("brainmm_pages_free", BRAINMM_ERROR_POINTER, pages, ", free memory of the heap");
    CHECK((pages = brainmm_pages_realloc(NULL, 3, BRAINMM_USER)) != NULL);
    CHECK(brainmm_pages_reget(pages, 0, BRAINMM_USER) == NULL && calls == 0);
    CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK && brainmm_free(piece) == BRAINMM_OK);
    CHECK(brainmm_block_free(small_block, BRAINMM_USER) == BRAINMM_OK && calls == 0);
}

static void code_is_described(void) {
    brainmm_jit_heap *heap = NULL;
    void *writable;
    if (brainmm_jit_heap_create(BRAINMM_JIT_TWO_VIEWS, &heap) != BRAINMM_OK)
        return;
    char *code = brainmm_jit_alloc(heap, 100, &writable);
    CHECK(code != NULL && brainmm_free(code) == BRAINMM_E_KIND);
    heard("brainmm_free", BRAINMM_ERROR_KIND, code, ", a piece of code of 112 bytes");
    CHECK(brainmm_jit_free(heap, code + 16) == BRAINMM_E_POINTER);
    heard("brainmm_jit_free", BRAINMM_ERROR_POINTER, code + 16, "");
    CHECK(brainmm_jit_heap_clear((brainmm_jit_heap *)(void *)&heap) == BRAINMM_E_POINTER);
    heard("brainmm_jit_heap_clear", BRAINMM_ERROR_POINTER, &heap, ", not of this heap");
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK && calls == 0);
}

/* Questions are no errors. */
static void questions_are_not_heard(void) {
    char *piece = brainmm_alloc(100);
    CHECK(brainmm_usable_size(piece + 16) == 0 && brainmm_get_options(piece + 16, NULL) == 0);
    CHECK(brainmm_free(NULL) == BRAINMM_OK && brainmm_free(piece) == BRAINMM_OK);
    CHECK(brainmm_usable_size(piece) == 0 && brainmm_alloc(SIZE_MAX) == NULL);
    CHECK(brainmm_pages_free(NULL, 77) == BRAINMM_OK && calls == 0);
}

int main(void) {
    watchdog_start(50);
    CHECK(brainmm_set_error_handler(remember, &calls) == BRAINMM_OK);
    pieces_are_described();
    pieces_of_size_0_are_described();
    other_kinds_are_described();
    code_is_described();
    questions_are_not_heard();
    CHECK(brainmm_set_error_handler(NULL, NULL) == BRAINMM_OK);
    CHECK(brainmm_free(&calls) == BRAINMM_E_POINTER && calls == 0);
    heap_is_whole("all errors");
    return TEST_PASSED;
}
