/* SPDX-License-Identifier: MIT */
/* rights.c: see rights.h.
 *
 * Pages of the heap change rights only inside one live allocation that is made of whole pages. That happens under the
 * locks. A release waits for them once a change was announced (run_announce_rights), so that no page is touched that
 * has gone back to the heap. The allocation is marked (rights_changed), and whoever releases or resizes it makes it
 * ordinary first (run_restore_rights). Slabs share their pages and are refused.
 */
#include "heap/rights.h"
#include "base/align.h"
#include "heap/blocks.h"
#include "heap/zero.h"

#define RIGHTS_ALL (BRAINMM_READ | BRAINMM_WRITE | BRAINMM_EXECUTE)

static bool is_page(const void *address) { return address && (uintptr_t)address % BRAINMM_PAGE_SIZE == 0; }

/* A range that touches the heap's regions or tables. Under all locks. */
static int set_inside(void *pages, size_t size, unsigned rights) {
    struct unit *unit = units_find(pages);
    if (!unit)
        return BRAINMM_E_POINTER;
    unsigned kind = unit_kind(unit);
    if (kind == UNIT_NONE) /* released since units_find() saw it */
        return BRAINMM_E_POINTER;
    if (kind == UNIT_SLAB || kind == UNIT_SUB)
        return BRAINMM_E_KIND;
    void *start = kind == UNIT_BLOCKS ? block_start_in(unit, pages) : (void *)unit->start;
    size_t usable = run_size(unit); /* or that of one block */
    if (!start)
        return BRAINMM_E_POINTER;
    size_t offset = (size_t)((char *)pages - (char *)start);
    if (offset >= usable)
        return BRAINMM_E_POINTER;
    if (size > usable - offset)
        return BRAINMM_E_ARGUMENT;
    if (!run_announce_rights(unit, kind))
        return BRAINMM_E_POINTER;
    store_relaxed(&unit->run.rights_changed, true); /* before they are: a call that fails may have changed some */
    return os_protect(pages, size, rights) ? BRAINMM_OK : BRAINMM_E_REFUSED;
}

int rights_set(void *pages, size_t count, unsigned rights) {
    if (rights > RIGHTS_ALL)
        return BRAINMM_E_ARGUMENT;
    if (!is_page(pages) || !is_aligned_to((uintptr_t)pages, os_facts.page))
        return BRAINMM_E_POINTER;
    if (count > PTRDIFF_MAX / BRAINMM_PAGE_SIZE || count * BRAINMM_PAGE_SIZE > UINTPTR_MAX - (uintptr_t)pages)
        return BRAINMM_E_ARGUMENT;
    size_t size = count * BRAINMM_PAGE_SIZE;
    if (!is_aligned_to(size, os_facts.page))
        return BRAINMM_E_ARGUMENT;
    if (count == 0)
        return BRAINMM_OK;
    blocks_lock();
    units_lock();
    bool ours = units_touch(pages, size);
    int result = ours ? set_inside(pages, size, rights) : BRAINMM_OK;
    units_unlock();
    blocks_unlock();
    if (ours)
        return result;
    if (zero_touches(pages, size))
        return zero_alignment(pages) ? BRAINMM_E_KIND : BRAINMM_E_POINTER;
    if (!os_pages_are_mapped(pages, size))
        return BRAINMM_E_POINTER;
    return os_protect(pages, size, rights) ? BRAINMM_OK : BRAINMM_E_REFUSED;
}

int rights_get(const void *page, unsigned *rights) {
    if (!rights)
        return BRAINMM_E_ARGUMENT;
    if (!is_page(page))
        return BRAINMM_E_POINTER;
    if (os_page_rights(page, rights))
        return BRAINMM_OK;
    const void *whole = (const void *)align_down((uintptr_t)page, os_facts.page);
    return os_pages_are_mapped(whole, os_facts.page) ? BRAINMM_E_UNSUPPORTED : BRAINMM_E_POINTER;
}
