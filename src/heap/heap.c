/* SPDX-License-Identifier: MIT */
/* heap.c: see heap.h. What each function does itself is to tell a wrong kind of memory from a wrong pointer: that takes
 * a look at all kinds. */
#include "heap/heap.h"
#include "base/align.h"
#include "heap/blocks.h"
#include "heap/jit.h"
#include "heap/pages.h"
#include "heap/piece.h"
#include "heap/reclaim.h"
#include "heap/report.h"
#include "heap/rights.h"
#include "heap/zero.h"
#include "memory/units.h"
#include "slab/thread_heap.h"
#include "sync/error.h"
#include "sync/lock.h"

/* ---- The heap as a whole ---------------------------------------------------------------------------------------- */

const char *heap_start(bool fixed_addresses) {
    const char *lacking = os_start();
    if (!lacking && !units_start(fixed_addresses))
        lacking = "The system gave no address space for a heap";
    if (!lacking)
        size_class_start();
    return lacking;
}

void heap_thread_exit(void) { thread_heap_exit(); }

void BRAINMM_CALL heap_thread_done(void) { thread_heap_done(); }

int BRAINMM_CALL heap_thread_heap_minimize(void) { return reclaim_all(); }

void heap_forked(uintptr_t before, uintptr_t now, bool first) {
    if (first)
        locks_forked(before, now);
    thread_heap_forked(now);
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

static bool describe_piece(const void *address, brainmm_options *options) {
    struct piece piece;
    if (!piece_describe(address, &piece))
        return false;
    unsigned align = log2_of(piece.alignment) - 4;
    options->size = piece.usable;
    options->align = (uint8_t)(align < ALIGNMENTS ? align : ALIGNMENTS - 1); /* 2048 is the most that can be told */
    if (piece.slab) {
        options->kind = piece.usable <= SMALL_KIND_MAX ? BRAINMM_SMALL : BRAINMM_MEDIUM;
        options->rights = BRAINMM_READ | BRAINMM_WRITE;
        options->thread_id = slab_thread_id(piece.slab);
    } else if (!piece.run) {
        options->kind = BRAINMM_SMALL; /* of size 0: without any rights */
    } else {
        options->kind = piece.usable <= BIG_MAX ? BRAINMM_BIG : BRAINMM_LARGE;
        options->rights = (uint8_t)run_rights(piece.run, address);
    }
    return true;
}

static bool describe_block_or_pages(const void *address, brainmm_options *options) {
    blocks_lock();
    struct unit *unit = block_find(address);
    options->kind = unit ? BRAINMM_BLOCK : BRAINMM_PAGES;
    if (unit)
        options->block_size = (uint8_t)block_index(run_size(unit));
    else
        unit = run_of(address, UNIT_PAGES);
    if (unit) {
        options->size = run_size(unit);
        options->align = ALIGNMENTS - 1; /* less than there is, but the most that can be told */
        options->rights = (uint8_t)run_rights(unit, address);
        if (run_mode(unit) == BRAINMM_JIT)
            options->kind = BRAINMM_JIT_MEMORY;
    }
    blocks_unlock();
    return unit != NULL;
}

int BRAINMM_CALL heap_get_options(const void *address, brainmm_options *options) {
    brainmm_options description = {0};
    os_thread_id(); /* in the child of a fork, the thread's heap gets its new id now */
    if (!describe_piece(address, &description) && !describe_block_or_pages(address, &description) &&
        !jit_describe(address, &description))
        return 0;
    if (options)
        *options = description;
    return 1;
}

int BRAINMM_CALL heap_contains(const void *address) {
    units_lock();
    bool ours = units_touch(address, 1);
    units_unlock();
    return ours || zero_touches(address, 1) || jit_describe(address, &(brainmm_options){0});
}

size_t BRAINMM_CALL heap_usable_size(const void *piece) { return piece_usable_size(piece); }

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

void *BRAINMM_CALL heap_alloc(size_t size) { return piece_alloc(size); }

void *BRAINMM_CALL heap_alloc_zeroed(size_t size) { return piece_alloc_zeroed(size, "brainmm_alloc_zeroed"); }

void *heap_alloc_aligned_as(size_t alignment, size_t size, const char *function) {
    bool possible = is_power_of_two(alignment) && size <= PTRDIFF_MAX && alignment <= PTRDIFF_MAX - size;
    return possible ? piece_alloc_aligned(alignment, size, function) : NULL;
}

void *BRAINMM_CALL heap_alloc_aligned(size_t alignment, size_t size) {
    return heap_alloc_aligned_as(alignment, size, "brainmm_alloc_aligned");
}

/* A block's 4 or 16 KiB share a unit: any pointer into it is one to memory of another kind. */
int heap_refusal(const void *piece, int result) {
    struct unit *unit = unit_of(piece);
    brainmm_options options;
    if (result != BRAINMM_E_POINTER)
        return result;
    bool other = (unit && unit_kind(unit) == UNIT_BLOCKS) || describe_block_or_pages(piece, &options) ||
                 jit_describe(piece, &options);
    return other ? BRAINMM_E_KIND : BRAINMM_E_POINTER;
}

/* Not inlined: heap_free() needs no stack frame as long as it only jumps here. */
static __attribute__((noinline)) int free_slow(void *piece) {
    int result = piece_free_slow(piece);
    return LIKELY(result == BRAINMM_OK) ? BRAINMM_OK
                                        : report_refusal("brainmm_free", piece, heap_refusal(piece, result));
}

int BRAINMM_CALL heap_free(void *piece) {
    instrument_free(piece, piece_usable_size); /* before the piece can be anybody else's */
    return fast_free(os_thread_pointer(), piece, free_slow);
}

/* Reports OLD if it is what keeps it from being resized. */
static COLD void *resize_failed(const char *function, void *old) {
    struct piece piece;
    if (!piece_describe(old, &piece))
        report_refusal(function, old, heap_refusal(old, piece.slab ? BRAINMM_E_DOUBLE_FREE : BRAINMM_E_POINTER));
    return NULL;
}

static inline void *resize(const char *function, void *old, size_t size, enum contents contents) {
    if (!old)
        return piece_alloc_as(size, function);
    if (size != 0) {
        void *resized = piece_resize(old, size, contents, function);
        return LIKELY(resized != NULL) ? resized : resize_failed(function, old);
    }
    int result = piece_free(old);
    if (result != BRAINMM_OK)
        report_refusal(function, old, heap_refusal(old, result));
    return NULL;
}

void *BRAINMM_CALL heap_realloc(void *piece, size_t size) {
    return resize("brainmm_realloc", piece, size, CONTENTS_KEPT);
}

void *BRAINMM_CALL heap_reget(void *piece, size_t size) {
    return resize("brainmm_reget", piece, size, CONTENTS_UNDEFINED);
}

/* ---- Blocks, pages, rights, code -------------------------------------------------------------------------------- */

/* Why FUNCTION released nothing at ADDRESS. */
static int refusal(const char *function, const void *address, int result) {
    if (result == BRAINMM_E_POINTER && heap_get_options(address, NULL))
        result = BRAINMM_E_KIND;
    return result == BRAINMM_OK ? BRAINMM_OK : report_refusal(function, address, result);
}

/* Whether FUNCTION may resize PAGES, which are NULL or a run of MODE. */
static bool are_pages(const char *function, void *pages, unsigned mode) {
    const struct unit *run = pages ? run_of(pages, UNIT_PAGES) : NULL;
    if (!pages || (run && run_mode(run) == mode))
        return true;
    refusal(function, pages, BRAINMM_E_POINTER);
    return false;
}

void *BRAINMM_CALL heap_block_get(size_t size, unsigned mode) { return block_take(size, mode); }

int BRAINMM_CALL heap_block_free(void *block, unsigned mode) {
    return refusal("brainmm_block_free", block, block_give(block, mode));
}

void *BRAINMM_CALL heap_pages_get(size_t count, unsigned mode) { return pages_take(count, mode); }

void *BRAINMM_CALL heap_pages_reget(void *pages, size_t count, unsigned mode) {
    return are_pages("brainmm_pages_reget", pages, mode) ? pages_resize(pages, count, mode, CONTENTS_UNDEFINED) : NULL;
}

void *BRAINMM_CALL heap_pages_realloc(void *pages, size_t count, unsigned mode) {
    return are_pages("brainmm_pages_realloc", pages, mode) ? pages_resize(pages, count, mode, CONTENTS_KEPT) : NULL;
}

int BRAINMM_CALL heap_pages_free(void *pages, unsigned mode) {
    return refusal("brainmm_pages_free", pages, pages_give(pages, mode));
}

int BRAINMM_CALL heap_pages_set_rights(void *pages, size_t count, unsigned rights) {
    return rights_set(pages, count, rights);
}

int BRAINMM_CALL heap_pages_get_rights(const void *page, unsigned *rights) { return rights_get(page, rights); }

int BRAINMM_CALL heap_jit_heap_create(unsigned kind, brainmm_jit_heap **heap) { return jit_heap_create(kind, heap); }

int BRAINMM_CALL heap_jit_heap_clear(brainmm_jit_heap *heap) {
    int result = jit_heap_clear(heap);
    return result == BRAINMM_OK ? BRAINMM_OK : report_refusal("brainmm_jit_heap_clear", heap, result);
}

int BRAINMM_CALL heap_jit_heap_destroy(brainmm_jit_heap *heap) {
    int result = jit_heap_destroy(heap);
    return result == BRAINMM_OK ? BRAINMM_OK : report_refusal("brainmm_jit_heap_destroy", heap, result);
}

void *BRAINMM_CALL heap_jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable) {
    return jit_alloc(heap, size, writable);
}

int BRAINMM_CALL heap_jit_free(brainmm_jit_heap *heap, void *code) {
    int result = jit_free(heap, code, NULL);
    return result == BRAINMM_OK ? BRAINMM_OK : report_refusal("brainmm_jit_free", code, result);
}

int BRAINMM_CALL heap_set_error_handler(brainmm_error_handler handler, void *context) {
    return error_set_handler(handler, context);
}

/* Without checked mode nothing is known that could be looked at. */
int BRAINMM_CALL heap_check(void) { return BRAINMM_E_UNSUPPORTED; }
