/* SPDX-License-Identifier: MIT */
/* checked_errors.c: checked mode finds each kind of error, reports it with the right kind, allocation and address, in
 * the function that makes it or finds it, and goes on: the heap works, and nothing is reported twice.
 */
#include "support/outcome.h"
#include "support/pattern.h"

#include "brainmm.h"
#include <string.h>

BRAINMM_PROGRAM_OPTIONS("checked");

/* What freed code consists of. */
#if defined(__x86_64__) || defined(__i386__)
#define TRAP 0xCC
#else
#define TRAP 0
#endif

static unsigned reports;
static brainmm_error last;
static char function[32];

static void BRAINMM_CALL note(void *context, const brainmm_error *error) {
    CHECK(context == &reports && error->struct_size >= sizeof last && error->text && error->text[0]);
    reports++;
    last = *error;
    strncpy(function, error->function, sizeof function - 1);
}

/* Since the last question, exactly one error was found: KIND at ADDRESS, of PIECE. */
static void found(unsigned line, uint32_t kind, const void *address, const void *piece, size_t size) {
    CHECK_MSG(reports == 1 && last.kind == kind, "line %u: %u reports, the last of kind %u, not %u: %s", line, reports,
              last.kind, kind, function);
    CHECK_MSG(last.address == address, "line %u: at %p, not %p", line, last.address, address);
    CHECK_MSG(last.piece == piece && (!piece || last.size == size), "line %u: of %p, not %p", line, last.piece, piece);
    CHECK_MSG(last.thread_id != 0 && (!piece || last.alloc_thread_id == last.thread_id), "line %u: the thread", line);
    reports = 0;
}
#define FOUND(kind, address, piece, size) found(__LINE__, BRAINMM_ERROR_##kind, address, piece, size)
#define NOTHING_FOUND() CHECK_MSG(reports == 0, "%s: kind %u", function, last.kind)

static const size_t sizes[] = {1,    7,    15,   16,    17,    47,    48,    100,   512,   1000,   1007,   1008,  1024,
                               1500, 4095, 4096, 10000, 32000, 32751, 32752, 32768, 40000, 100000, 262144, 300001};
#define EACH_SIZE(size)                                                                                                \
    for (size_t at_ = 0, size; at_ < sizeof sizes / sizeof *sizes && (size = sizes[at_]) != 0; at_++)

/* ---- Right use -------------------------------------------------------------------------------------------------- */

static void right_use_is_not_reported(void) {
    EACH_SIZE(size) {
        unsigned char *piece = brainmm_alloc(size), *zeroed = brainmm_alloc_zeroed(size);
        CHECK(piece && zeroed && brainmm_usable_size(piece) == size && (uintptr_t)piece % 16 == 0);
        for (size_t i = 0; i < size; i++)
            CHECK(zeroed[i] == 0);
        pattern_fill(piece, size, size);
        unsigned char *resized = brainmm_realloc(piece, size + 100);
        CHECK(resized && resized != piece && pattern_holds(resized, size, size));
        resized = brainmm_realloc(resized, size / 2 + 1);
        CHECK(resized && pattern_holds(resized, size / 2 + 1, size));
        CHECK(brainmm_free(resized) == BRAINMM_OK && brainmm_free(zeroed) == BRAINMM_OK);
        for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
            void *aligned = brainmm_alloc_aligned(alignment, size);
            CHECK(aligned && (uintptr_t)aligned % alignment == 0 && brainmm_usable_size(aligned) == size);
            memset(aligned, 0xFF, size);
            void *kept = brainmm_realloc(aligned, size + 1);
            CHECK(kept && (uintptr_t)kept % alignment == 0 && brainmm_free(kept) == BRAINMM_OK);
        }
    }
    CHECK(brainmm_check() == BRAINMM_OK);
    NOTHING_FOUND();
}

/* ---- Overruns --------------------------------------------------------------------------------------------------- */

static void the_first_byte_behind_the_requested_size_counts(void) {
    EACH_SIZE(size) {
        char *piece = brainmm_alloc(size);
        if (size >= 32752 && size % 4096 == 0) { /* there is the guard page: checked_faults.c */
            brainmm_free(piece);
            continue;
        }
        piece[size] = 'x';
        CHECK(brainmm_free(piece) == BRAINMM_OK);
        FOUND(OVERFLOW, piece + size, piece, size);
    }
}

static void the_first_byte_before_counts(void) {
    EACH_SIZE(size) {
        char *piece = brainmm_alloc(size);
        if (size < 32752) {
            piece[-1] = 'x';
            CHECK(brainmm_free(piece) == BRAINMM_OK);
            FOUND(UNDERFLOW, piece - 1, piece, size);
        } else {
            brainmm_free(piece);
        }
    }
}

static void an_overrun_is_found_by_the_next_allocation(void) {
    char *piece = brainmm_alloc(20);
    piece[20] = 0;
    void *next = brainmm_alloc(20);
    FOUND(OVERFLOW, piece + 20, piece, 20);
    CHECK(brainmm_free(piece) == BRAINMM_OK && brainmm_free(next) == BRAINMM_OK);
    NOTHING_FOUND();
}

static void overruns_are_found_by_a_check_and_a_resize(void) {
    char *pieces[100];
    for (size_t i = 0; i < 100; i++)
        pieces[i] = brainmm_alloc(24 + i);
    pieces[31][24 + 31] = 'x';
    CHECK(brainmm_check() == BRAINMM_E_DAMAGED);
    FOUND(OVERFLOW, pieces[31] + 55, pieces[31], 55);
    CHECK(brainmm_check() == BRAINMM_OK);
    pieces[32][-16] = 'x';
    char *old = pieces[32];
    pieces[32] = brainmm_realloc(pieces[32], 1000);
    FOUND(UNDERFLOW, old - 16, old, 56);
    char *run = brainmm_alloc(50001);
    run[50001] = 1;
    CHECK(brainmm_check() == BRAINMM_E_DAMAGED);
    FOUND(OVERFLOW, run + 50001, run, 50001);
    CHECK(brainmm_free(run) == BRAINMM_OK);
    for (size_t i = 0; i < 100; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    NOTHING_FOUND();
}

/* ---- After the free --------------------------------------------------------------------------------------------- */

static void a_second_free_is_told(void) {
    EACH_SIZE(size) {
        char *piece = brainmm_alloc(size);
        CHECK(brainmm_free(piece) == BRAINMM_OK && brainmm_free(piece) == BRAINMM_E_DOUBLE_FREE);
        CHECK(last.free_thread_id == last.thread_id);
        FOUND(DOUBLE_FREE, piece, piece, size);
        CHECK(brainmm_realloc(piece, 10) == NULL);
        FOUND(DOUBLE_FREE, piece, piece, size);
        CHECK(brainmm_usable_size(piece) == 0);
    }
}

static void a_write_after_the_free_is_found(void) {
    EACH_SIZE(size) {
        if (size > 32700)
            break;
        char *piece = brainmm_alloc(size);
        CHECK(brainmm_free(piece) == BRAINMM_OK);
        piece[size - 1] = 'x';
        void *next = brainmm_alloc(1);
        FOUND(USE_AFTER_FREE, piece + size - 1, piece, size);
        CHECK(brainmm_free(next) == BRAINMM_OK);
    }
    char *early = brainmm_alloc(64), *late = brainmm_alloc(64);
    CHECK(brainmm_free(early) == BRAINMM_OK && brainmm_free(late) == BRAINMM_OK);
    early[7] = 'x';
    CHECK(brainmm_check() == BRAINMM_E_DAMAGED);
    FOUND(USE_AFTER_FREE, early + 7, early, 64);
    early[9] = 'x'; /* found when it leaves the quarantine and its memory is used again, at the latest */
    for (unsigned i = 0; i < 20000 && reports == 0; i++)
        brainmm_free(brainmm_alloc(64));
    FOUND(USE_AFTER_FREE, early + 9, early, 64);
}

static void memory_is_not_used_again_at_once(void) {
    EACH_SIZE(size) {
        if (size > 262144)
            break;
        void *piece = brainmm_alloc(size);
        CHECK(brainmm_free(piece) == BRAINMM_OK);
        void *other = brainmm_alloc(size);
        CHECK(other != piece && brainmm_free(other) == BRAINMM_OK);
    }
    NOTHING_FOUND();
}

/* ---- Wrong pointers --------------------------------------------------------------------------------------------- */

static void wrong_pointers_are_told(void) {
    int local = 0;
    static char constant[64];
    CHECK(brainmm_free(&local) == BRAINMM_E_POINTER);
    FOUND(POINTER, &local, NULL, 0);
    CHECK(brainmm_free(constant + 16) == BRAINMM_E_POINTER);
    FOUND(POINTER, constant + 16, NULL, 0);
    CHECK(brainmm_free((void *)16) == BRAINMM_E_POINTER);
    FOUND(POINTER, (void *)16, NULL, 0);
    EACH_SIZE(size) {
        char *piece = brainmm_alloc(size);
        for (size_t offset = 1; offset < size; offset = offset * 3 + 1) {
            CHECK(brainmm_free(piece + offset) == BRAINMM_E_POINTER);
            FOUND(POINTER, piece + offset, piece, size);
        }
        CHECK(brainmm_free(piece - 16) == BRAINMM_E_POINTER);
        FOUND(POINTER, piece - 16, piece, size);
        CHECK(brainmm_free(piece) == BRAINMM_OK);
    }
}

static void the_wrong_function_is_told(void) {
    void *block = brainmm_block_get(65536, BRAINMM_USER), *small = brainmm_block_get(4096, BRAINMM_SYSTEM);
    void *pages = brainmm_pages_get(3, BRAINMM_USER), *piece = brainmm_alloc(100), *nothing = brainmm_alloc(0);
    CHECK(brainmm_block_free(nothing, BRAINMM_USER) == BRAINMM_E_KIND);
    FOUND(KIND, nothing, NULL, 0);
    CHECK(brainmm_pages_free(nothing, BRAINMM_USER) == BRAINMM_E_KIND);
    FOUND(KIND, nothing, NULL, 0);
    CHECK(brainmm_pages_realloc(nothing, 2, BRAINMM_USER) == NULL);
    FOUND(KIND, nothing, NULL, 0);
    CHECK(brainmm_free(nothing) == BRAINMM_OK);
    NOTHING_FOUND();
    CHECK(brainmm_free(block) == BRAINMM_E_KIND);
    FOUND(KIND, block, block, 65536);
    CHECK(brainmm_free(small) == BRAINMM_E_KIND);
    FOUND(KIND, small, small, 4096);
    CHECK(brainmm_pages_free(block, BRAINMM_USER) == BRAINMM_E_KIND);
    FOUND(KIND, block, block, 65536);
    CHECK(brainmm_block_free(small, BRAINMM_USER) == BRAINMM_E_KIND);
    FOUND(KIND, small, small, 4096);
    CHECK(brainmm_free(pages) == BRAINMM_E_KIND);
    FOUND(KIND, pages, pages, 12288);
    CHECK(brainmm_realloc(pages, 10) == NULL);
    FOUND(KIND, pages, pages, 12288);
    CHECK(brainmm_pages_free(piece, BRAINMM_USER) == BRAINMM_E_KIND);
    FOUND(KIND, piece, piece, 100);
    CHECK(brainmm_pages_realloc(piece, 2, BRAINMM_USER) == NULL);
    FOUND(KIND, piece, piece, 100);
    CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK && brainmm_free(piece) == BRAINMM_OK);
    CHECK(brainmm_block_free(small, BRAINMM_SYSTEM) == BRAINMM_OK &&
          brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
    CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_E_DOUBLE_FREE);
    FOUND(DOUBLE_FREE, block, block, 65536);
}

static void code_is_told(void) {
    brainmm_jit_heap *heap;
    if (brainmm_jit_heap_create(BRAINMM_JIT_WRITABLE, &heap) != BRAINMM_OK)
        return;
    char *code = brainmm_jit_alloc(heap, 100, NULL);
    CHECK(code && brainmm_free(code) == BRAINMM_E_KIND);
    CHECK(reports == 1 && last.kind == BRAINMM_ERROR_KIND && last.address == code);
    reports = 0;
    CHECK(brainmm_jit_free(heap, code + 16) == BRAINMM_E_POINTER);
    CHECK(reports == 1 && last.kind == BRAINMM_ERROR_POINTER && last.address == code + 16);
    reports = 0;
    CHECK(brainmm_jit_free(heap, code) == BRAINMM_OK && brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
    NOTHING_FOUND();
}

/* Since the last question, exactly one error was found: KIND at AT, of CODE. Its memory is whole granules. */
static void code_found(unsigned line, uint32_t kind, const char *at, const char *code, size_t size) {
    CHECK_MSG(reports == 1 && last.kind == kind && last.address == at && last.piece == code && last.size == size,
              "line %u: %u reports, kind %u, at %p of %p, size %zu", line, reports, last.kind, last.address, last.piece,
              last.size);
    reports = 0;
}
#define CODE_FOUND(kind, at, code, size) code_found(__LINE__, BRAINMM_ERROR_##kind, at, code, size)

/* Freed code is traps, in both views, and is not used again at once. What is written there or behind live code is
 * told. */
static void wrong_use_of_code_is_told(unsigned kind) {
    brainmm_jit_heap *heap;
    void *writable, *other;
    if (brainmm_jit_heap_create(kind, &heap) != BRAINMM_OK)
        return;
    unsigned char *code = brainmm_jit_alloc(heap, 64, &writable), *next = brainmm_jit_alloc(heap, 64, &other);
    unsigned char *data = writable;
    CHECK(code && next == code + 80);
    memset(data, 1, 64);
    CHECK(brainmm_check() == BRAINMM_OK);
    data[64] = 1;
    CHECK(brainmm_check() == BRAINMM_E_DAMAGED);
    CODE_FOUND(OVERFLOW, (char *)code + 64, (char *)code, 64);
    CHECK(brainmm_check() == BRAINMM_OK);
    data[79] = 1;
    CHECK(brainmm_jit_free(heap, code) == BRAINMM_OK);
    CODE_FOUND(OVERFLOW, (char *)code + 79, (char *)code, 64);
    for (size_t i = 0; i < 64; i++)
        CHECK(code[i] == TRAP && data[i] == TRAP);
    brainmm_options options;
    CHECK(!brainmm_get_options(code, &options) && brainmm_get_options(next, &options) && options.size == 64);
    CHECK(brainmm_jit_free(heap, code) == BRAINMM_E_DOUBLE_FREE);
    CHECK(reports == 1 && last.kind == BRAINMM_ERROR_DOUBLE_FREE && last.address == code);
    reports = 0;
    unsigned char *third = brainmm_jit_alloc(heap, 64, NULL);
    CHECK(third && third != code);
    data[10] = 0xC3;
    CHECK(brainmm_check() == BRAINMM_E_DAMAGED);
    CODE_FOUND(USE_AFTER_FREE, (char *)code + 10, (char *)code, 64);
    data[11] = 0xC3;
    for (unsigned i = 0; i < 300; i++) { /* until it is used again */
        void *more = brainmm_jit_alloc(heap, 1024, NULL);
        CHECK(more && brainmm_jit_free(heap, more) == BRAINMM_OK);
    }
    CODE_FOUND(USE_AFTER_FREE, (char *)code + 11, (char *)code, 64);
    CHECK(brainmm_jit_free(heap, third) == BRAINMM_OK && brainmm_jit_free(heap, next) == BRAINMM_OK);
    ((char *)other)[5] = 0;
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
    CODE_FOUND(USE_AFTER_FREE, (char *)next + 5, (char *)next, 64);
    NOTHING_FOUND();
}

int main(void) {
    CHECK(brainmm_set_error_handler(note, &reports) == BRAINMM_OK);
    right_use_is_not_reported();
    the_first_byte_behind_the_requested_size_counts();
    the_first_byte_before_counts();
    an_overrun_is_found_by_the_next_allocation();
    overruns_are_found_by_a_check_and_a_resize();
    a_second_free_is_told();
    a_write_after_the_free_is_found();
    memory_is_not_used_again_at_once();
    wrong_pointers_are_told();
    the_wrong_function_is_told();
    code_is_told();
    wrong_use_of_code_is_told(BRAINMM_JIT_WRITABLE);
    wrong_use_of_code_is_told(BRAINMM_JIT_TWO_VIEWS);
    CHECK(brainmm_check() == BRAINMM_OK);
    NOTHING_FOUND();
    return TEST_PASSED;
}
