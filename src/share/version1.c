/* SPDX-License-Identifier: MIT */
/* version1.c: the original's table over this module's heap: checks of arguments and masks, then the heap's function.
 *
 * Sizes and counts are signed in Delphi, and negative ones slip through its RTL. Here they are above PTRDIFF_MAX, which
 * the heap refuses. For the heap, size 0 is a piece. Here it is none. */
#include "share/version1.h"
#include "base/atomic.h"
#include "checked/checked.h"
#include "heap/heap.h"
#include "inspect/expected.h"
#include "os_inline.h"

/* The heap's function, in checked mode or not. */
#define HEAP(name) (checked_is_on ? checked_##name : heap_##name)

static bool is_mode(uintptr_t mode) { return mode <= BRAINMM_JIT; }

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

/* The RTL asks, in the creating thread, what the new one shall call. The end of any thread is noticed anyway, so there
 * is nothing to wrap. This is what the RTL would have done itself. */
static void *VERSION1_CALL thread_func_event(void *function, void *parameter) {
    struct version1_thread *thread = HEAP(alloc)(sizeof *thread);
    if (thread) {
        thread->function = function;
        thread->parameter = parameter;
    }
    return thread;
}

static void VERSION1_CALL end_thread_event(intptr_t exit_code) {
    (void)exit_code;
    heap_thread_done();
}

/* ---- Blocks and pages ------------------------------------------------------------------------------------------- */

static void *VERSION1_CALL get_memory_block(uintptr_t block_size, uintptr_t mode) {
    block_size &= 0xFF;
    if (block_size >= VERSION1_BLOCK_SIZES || !is_mode(mode))
        return NULL;
    return HEAP(block_get)(VERSION1_BLOCK_LEAST << 2 * block_size, (unsigned)mode);
}

static uintptr_t VERSION1_CALL free_memory_block(void *block, uintptr_t mode) {
    return is_mode(mode) && HEAP(block_free)(block, (unsigned)mode) == BRAINMM_OK;
}

static void *VERSION1_CALL get_memory_pages(uintptr_t count, uintptr_t mode) {
    return is_mode(mode) ? HEAP(pages_get)(count, (unsigned)mode) : NULL;
}

static uintptr_t VERSION1_CALL free_memory_pages(void *pages, uintptr_t mode) {
    return is_mode(mode) && HEAP(pages_free)(pages, (unsigned)mode) == BRAINMM_OK;
}

/* Flags: 0 the mode, user or system; 1 set if the contents are to be kept. */
static void *VERSION1_CALL resize_memory_pages(void *pages, uintptr_t count, uintptr_t flags) {
    brainmm_options options;
    void *result;
    if (flags > 3)
        return NULL;
    result =
        (flags & 2) != 0 ? HEAP(pages_realloc)(pages, count, flags & 1) : HEAP(pages_reget)(pages, count, flags & 1);
    /* Callers tell "out of memory" from "no pages", to raise the right exception. */
    if (!result && pages && count != 0 && (!HEAP(get_options)(pages, &options) || options.kind != BRAINMM_PAGES))
        return VERSION1_PAGES_INVALID;
    return result;
}

/* ---- Questions and upkeep --------------------------------------------------------------------------------------- */

static uintptr_t VERSION1_CALL get_memory_options(const void *address, brainmm_options *options) {
    return HEAP(get_options)(address, options) != 0;
}

static uintptr_t VERSION1_CALL thread_heap_minimize(void) { return heap_thread_heap_minimize() != 0; }

static uintptr_t VERSION1_CALL register_expected_leak(void *piece) {
    const brainmm_expected_leak leak = {.struct_size = sizeof leak, .address = piece};
    return heap_register_expected_leak(&leak) == BRAINMM_OK;
}

static uintptr_t VERSION1_CALL unregister_expected_leak(void *piece) {
    const brainmm_expected_leak leak = {.struct_size = sizeof leak, .address = piece};
    return heap_unregister_expected_leak(&leak) == BRAINMM_OK;
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

static void *VERSION1_CALL get_mem_aligned(uintptr_t align, uintptr_t size) {
    align &= 0xFF;
    return align < VERSION1_ALIGNMENTS && size != 0 ? HEAP(alloc_aligned)((size_t)16 << align, size) : NULL;
}

static void *VERSION1_CALL reget_mem(void *piece, uintptr_t size) { return HEAP(reget)(piece, size); }

/* These four are called most often, so each mode has its own. */
static void *VERSION1_CALL get_mem(uintptr_t size) { return size != 0 ? heap_alloc(size) : NULL; }

static int32_t VERSION1_CALL free_mem(void *piece) { return heap_free(piece) == BRAINMM_OK ? 0 : -1; }

static void *VERSION1_CALL realloc_mem(void *piece, uintptr_t size) { return heap_realloc(piece, size); }

static void *VERSION1_CALL alloc_mem(uintptr_t size) { return size != 0 ? heap_alloc_zeroed(size) : NULL; }

static void *VERSION1_CALL checked_get_mem(uintptr_t size) {
    CHECKED_ENTRY();
    return size != 0 ? checked_alloc_as(size, FAMILY_PIECE, "GetMem") : NULL;
}

static int32_t VERSION1_CALL checked_free_mem(void *piece) {
    CHECKED_ENTRY();
    return checked_free_as(piece, FAMILY_PIECE, "FreeMem") == BRAINMM_OK ? 0 : -1;
}

static void *VERSION1_CALL checked_realloc_mem(void *piece, uintptr_t size) {
    CHECKED_ENTRY();
    return checked_resize_as(piece, size, true, "ReallocMem");
}

static void *VERSION1_CALL checked_alloc_mem(uintptr_t size) {
    CHECKED_ENTRY();
    return size != 0 ? checked_alloc_with(size, BRAINMM_ALIGNMENT, true, FAMILY_PIECE, "AllocMem") : NULL;
}

/* ---- The table -------------------------------------------------------------------------------------------------- */

static uint8_t report_leaks;

/* Without a valid record size no module accepts the table. So a stray pointer to it makes nobody attach to a module
 * that owns no heap. PurePascal keeps the original's Redirect from jumping past the first bytes of our functions. */
OS_TABLE(struct version1_options, version1_options) = {
    .version = 1,
    .pure_pascal = 1,
};

OS_TABLE(struct version1, version1_table) = {
    .options = &version1_options,
    .get_memory_block = get_memory_block,
    .free_memory_block = free_memory_block,
    .get_memory_pages = get_memory_pages,
    .free_memory_pages = free_memory_pages,
    .resize_memory_pages = resize_memory_pages,
    .get_memory_options = get_memory_options,
    .thread_heap_minimize = thread_heap_minimize,
    .get_mem_aligned = get_mem_aligned,
    .reget_mem = reget_mem,
    .get_mem = get_mem,
    .free_mem = free_mem,
    .realloc_mem = realloc_mem,
    .alloc_mem = alloc_mem,
    .register_expected_leak = register_expected_leak,
    .unregister_expected_leak = unregister_expected_leak,
};

/* The address of the flag lies at an odd place, where not every loader can put one. */
void version1_complete(bool thread_hooks) {
    version1_options.report_leaks = &report_leaks;
    version1_table.thread_func_event = thread_hooks ? thread_func_event : NULL;
    version1_table.end_thread_event = thread_hooks ? end_thread_event : NULL;
    if (checked_is_on) {
        version1_table.get_mem = checked_get_mem;
        version1_table.free_mem = checked_free_mem;
        version1_table.realloc_mem = checked_realloc_mem;
        version1_table.alloc_mem = checked_alloc_mem;
    }
    version1_options.record_size = sizeof version1_options;
}

void version1_withdraw(void) { version1_options.record_size = 0; }

bool version1_wants_report(void) { return word_load_relaxed(&report_leaks) != 0; }
