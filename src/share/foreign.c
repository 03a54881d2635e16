/* SPDX-License-Identifier: MIT */
/* foreign.c: the functions of brainmm.h over a version-1 table of another make.
 *
 * Pieces go through slots 13 to 17 and 12, sizes and options through 10. Blocks and pages go through 3 to 7, in the
 * modes that the owner knows (the original: SYSTEM and JIT only). For what its RTL never passes, the original raises an
 * exception through its caller or reads wild memory. So NULL, 0, negative and misaligned arguments end here. Which
 * pointers it recognises as its own is up to the foreign_owner. What the table cannot express is refused.
 */
#include "share/foreign.h"
#include "base/align.h"
#include "os_inline.h"

OS_TABLE(struct version1, foreign_owner) = {0};
static bool owner_free_pascal;

static bool is_size(size_t size) { return size <= PTRDIFF_MAX; }

static bool is_misaligned(const void *address, size_t alignment) {
    return !is_aligned_to((uintptr_t)address, alignment);
}

/* Of a Delphi boolean, only the lowest byte is defined. */
static bool is_true(uintptr_t boolean) { return (boolean & 0xFF) != 0; }

/* How often UNIT must be shifted by SHIFT bits to give VALUE; LIMIT if that never gives it, or only later. */
static uintptr_t step_of(size_t value, size_t unit, unsigned shift, uintptr_t limit) {
    uintptr_t step = 0;
    while (step < limit && unit << shift * step != value)
        step++;
    return step;
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

static void *BRAINMM_CALL foreign_alloc(size_t size) {
    return is_size(size) ? foreign_owner.get_mem(size ? size : 1) : NULL;
}

static void *BRAINMM_CALL foreign_alloc_zeroed(size_t size) {
    return is_size(size) ? foreign_owner.alloc_mem(size ? size : 1) : NULL;
}

static void *BRAINMM_CALL foreign_alloc_aligned(size_t alignment, size_t size) {
    uintptr_t align = 0;
    if (!is_power_of_two(alignment) || !is_size(size))
        return NULL;
    if (alignment > BRAINMM_ALIGNMENT)
        align = step_of(alignment, BRAINMM_ALIGNMENT, 1, VERSION1_ALIGNMENTS);
    return align < VERSION1_ALIGNMENTS ? foreign_owner.get_mem_aligned(align, size ? size : 1) : NULL;
}

static int BRAINMM_CALL foreign_free(void *piece) {
    if (!piece)
        return BRAINMM_OK;
    if (is_misaligned(piece, BRAINMM_ALIGNMENT))
        return BRAINMM_E_POINTER;
    return (foreign_owner.free_mem(piece) != 0) == owner_free_pascal ? BRAINMM_OK : BRAINMM_E_POINTER;
}

/* Slots 16 and 13 differ only in whether contents are kept. */
static void *resize(void *(VERSION1_CALL *slot)(void *, uintptr_t), void *piece, size_t size) {
    if (!piece)
        return foreign_alloc(size);
    if (!is_size(size) || is_misaligned(piece, BRAINMM_ALIGNMENT))
        return NULL;
    if (size == 0) {
        foreign_free(piece);
        return NULL;
    }
    return slot(piece, size);
}

static void *BRAINMM_CALL foreign_realloc(void *piece, size_t size) {
    return resize(foreign_owner.realloc_mem, piece, size);
}

static void *BRAINMM_CALL foreign_reget(void *piece, size_t size) {
    return resize(foreign_owner.reget_mem, piece, size);
}

/* The original writes to the record even where it returns False, and needs one where the caller has none. */
static int BRAINMM_CALL foreign_get_options(const void *address, brainmm_options *options) {
    brainmm_options copy;
    if (!foreign_owner.get_memory_options || !address || is_misaligned(address, BRAINMM_ALIGNMENT) ||
        !is_true(foreign_owner.get_memory_options(address, &copy)))
        return 0;
    if (options)
        *options = copy;
    return 1;
}

static size_t BRAINMM_CALL foreign_usable_size(const void *piece) {
    brainmm_options options;
    return foreign_get_options(piece, &options) ? options.size : 0;
}

/* ---- Blocks and pages ------------------------------------------------------------------------------------------- */

static bool is_mode(unsigned mode) { return mode <= BRAINMM_JIT; }

static bool is_page_count(size_t count) { return count <= PTRDIFF_MAX / BRAINMM_PAGE_SIZE; }

static void *BRAINMM_CALL foreign_block_get(size_t size, unsigned mode) {
    uintptr_t block_size = step_of(size, VERSION1_BLOCK_LEAST, 2, VERSION1_BLOCK_SIZES);
    return block_size < VERSION1_BLOCK_SIZES && is_mode(mode) ? foreign_owner.get_memory_block(block_size, mode) : NULL;
}

static int BRAINMM_CALL foreign_block_free(void *block, unsigned mode) {
    if (!block)
        return BRAINMM_OK;
    if (!is_mode(mode))
        return BRAINMM_E_ARGUMENT;
    if (is_misaligned(block, VERSION1_BLOCK_LEAST))
        return BRAINMM_E_POINTER;
    return is_true(foreign_owner.free_memory_block(block, mode)) ? BRAINMM_OK : BRAINMM_E_POINTER;
}

static void *BRAINMM_CALL foreign_pages_get(size_t count, unsigned mode) {
    return count != 0 && is_page_count(count) && is_mode(mode) ? foreign_owner.get_memory_pages(count, mode) : NULL;
}

static int BRAINMM_CALL foreign_pages_free(void *pages, unsigned mode) {
    if (!pages)
        return BRAINMM_OK;
    if (!is_mode(mode))
        return BRAINMM_E_ARGUMENT;
    if (is_misaligned(pages, BRAINMM_PAGE_SIZE))
        return BRAINMM_E_POINTER;
    return is_true(foreign_owner.free_memory_pages(pages, mode)) ? BRAINMM_OK : BRAINMM_E_POINTER;
}

/* Slot 7's flags have one bit for the mode, so runs of mode JIT cannot be resized. */
static void *resize_pages(void *pages, size_t count, unsigned mode, unsigned keep) {
    if (!pages)
        return foreign_pages_get(count, mode);
    if (!is_page_count(count) || is_misaligned(pages, BRAINMM_PAGE_SIZE))
        return NULL;
    if (count == 0) {
        foreign_pages_free(pages, mode);
        return NULL;
    }
    if (mode > BRAINMM_SYSTEM)
        return NULL;
    void *result = foreign_owner.resize_memory_pages(pages, count, mode | keep);
    return result == VERSION1_PAGES_INVALID ? NULL : result;
}

static void *BRAINMM_CALL foreign_pages_reget(void *pages, size_t count, unsigned mode) {
    return resize_pages(pages, count, mode, 0);
}

static void *BRAINMM_CALL foreign_pages_realloc(void *pages, size_t count, unsigned mode) {
    return resize_pages(pages, count, mode, 2);
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

static int BRAINMM_CALL foreign_thread_heap_minimize(void) {
    return foreign_owner.thread_heap_minimize && is_true(foreign_owner.thread_heap_minimize());
}

/* Slot 2 is for threads that the owner itself has started. In any other thread it ends the process. */
static void BRAINMM_CALL foreign_thread_done(void) {}

void foreign_attach(const struct version1 *table, bool free_pascal, struct brainmm_manager *manager) {
    foreign_owner = *table;
    owner_free_pascal = free_pascal;
    manager->alloc = foreign_alloc;
    manager->alloc_zeroed = foreign_alloc_zeroed;
    manager->alloc_aligned = foreign_alloc_aligned;
    manager->free = foreign_free;
    manager->realloc = foreign_realloc;
    manager->reget = foreign_reget;
    manager->usable_size = foreign_usable_size;
    manager->block_get = foreign_block_get;
    manager->block_free = foreign_block_free;
    manager->pages_get = foreign_pages_get;
    manager->pages_reget = foreign_pages_reget;
    manager->pages_realloc = foreign_pages_realloc;
    manager->pages_free = foreign_pages_free;
    manager->get_options = foreign_get_options;
    manager->thread_heap_minimize = foreign_thread_heap_minimize;
    manager->thread_done = foreign_thread_done;
}
