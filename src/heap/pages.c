/* SPDX-License-Identifier: MIT */
/* pages.c: see pages.h. */
#include "heap/pages.h"
#include "heap/reclaim.h"
#include "slab/thread_heap.h"

static bool count_is_possible(size_t count) { return count <= PTRDIFF_MAX / BRAINMM_PAGE_SIZE; }

static void *take_once(size_t count, unsigned mode) {
    return run_take(count * BRAINMM_PAGE_SIZE, UNIT_SIZE, UNIT_PAGES, mode, NULL);
}

void *pages_take(size_t count, unsigned mode) {
    if (count == 0 || !count_is_possible(count) || mode >= MODES)
        return NULL;
    reclaim_tick_if_due(thread_heap_get());
    void *pages = take_once(count, mode);
    if (!pages && reclaim_for(count * BRAINMM_PAGE_SIZE))
        pages = take_once(count, mode);
    return pages ? pages : reclaim_failed();
}

int pages_give(void *pages, unsigned mode) {
    if (!pages)
        return BRAINMM_OK;
    if (mode >= MODES)
        return BRAINMM_E_ARGUMENT;
    reclaim_tick_if_due(thread_heap_existing());
    return run_give(pages, UNIT_PAGES, mode) ? BRAINMM_OK : BRAINMM_E_POINTER;
}

void *pages_resize(void *pages, size_t count, unsigned mode, enum contents contents) {
    if (!pages)
        return pages_take(count, mode);
    struct unit *run = run_of(pages, UNIT_PAGES);
    if (!run || run_mode(run) != mode)
        return NULL;
    if (count == 0) {
        pages_give(pages, mode);
        return NULL;
    }
    if (!count_is_possible(count) || !run_restore_rights(run))
        return NULL;
    size_t size = count * BRAINMM_PAGE_SIZE;
    void *resized = run_resize(run, size, contents);
    if (!resized && reclaim_for(size))
        resized = run_resize(run, size, contents);
    return resized ? resized : reclaim_failed();
}
