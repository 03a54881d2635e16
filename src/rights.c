/* rights.c: access rights of pages, the heap's or anybody's; see brainmm.h.
 *
 * Pages of the heap change rights only inside one live allocation made of whole pages, under the locks that its release
 * takes too, so that no page that has gone back to the heap is touched. The allocation is marked (rights_changed), and
 * whoever releases or resizes it makes it ordinary first (run_restore_rights). Slabs share their pages and are refused.
 */
#include "blocks.h"
#include "heap.h"
#include "manager.h"
#include "run.h"
#include "window.h"

#define RIGHTS_ALL (BRAINMM_READ | BRAINMM_WRITE | BRAINMM_EXECUTE)

static bool is_page(const void *address) { return address && (uintptr_t)address % BRAINMM_PAGE_SIZE == 0; }

/* A range that touches the heap's regions or tables. Under all locks. */
static int set_inside(void *pages, size_t size, unsigned rights) {
    struct unit *unit = window_find(pages);
    void *start;
    size_t usable;
    if (!unit)
        return BRAINMM_E_POINTER;
    if (unit->kind == UNIT_SLAB || unit->kind == UNIT_SUB)
        return BRAINMM_E_KIND;
    if (unit->kind == UNIT_BLOCKS) {
        if ((start = blocks_find(unit, pages)) == NULL)
            return BRAINMM_E_POINTER;
        usable = unit->size;
    } else {
        start = (void *)unit->start;
        usable = unit->size;
    }
    size_t offset = (size_t)((char *)pages - (char *)start);
    if (offset >= usable)
        return BRAINMM_E_POINTER;
    if (size > usable - offset)
        return BRAINMM_E_ARGUMENT;
    unit->rights_changed = true; /* before they are: a call that fails may have changed some */
    return os_protect(pages, size, rights) ? BRAINMM_OK : BRAINMM_E_REFUSED;
}

int BRAINMM_CALL heap_pages_set_rights(void *pages, size_t count, unsigned rights) {
    if (!manager_start())
        return manager_active.pages_set_rights(pages, count, rights);
    if (rights > RIGHTS_ALL)
        return BRAINMM_E_ARGUMENT;
    if (!is_page(pages))
        return BRAINMM_E_POINTER;
    if (count > PTRDIFF_MAX / BRAINMM_PAGE_SIZE || count * BRAINMM_PAGE_SIZE > UINTPTR_MAX - (uintptr_t)pages)
        return BRAINMM_E_ARGUMENT;
    if (count == 0)
        return BRAINMM_OK;
    size_t size = count * BRAINMM_PAGE_SIZE;
    blocks_lock();
    window_lock();
    bool ours = window_touches(pages, size);
    int result = ours ? set_inside(pages, size, rights) : BRAINMM_OK;
    window_unlock();
    blocks_unlock();
    if (ours)
        return result;
    if (!os_pages_are_mapped(pages, size))
        return BRAINMM_E_POINTER;
    return os_protect(pages, size, rights) ? BRAINMM_OK : BRAINMM_E_REFUSED;
}

int BRAINMM_CALL heap_pages_get_rights(const void *page, unsigned *rights) {
    if (!manager_start())
        return manager_active.pages_get_rights(page, rights);
    if (!rights)
        return BRAINMM_E_ARGUMENT;
    if (!is_page(page))
        return BRAINMM_E_POINTER;
    return os_page_rights(page, rights) ? BRAINMM_OK : BRAINMM_E_POINTER;
}
