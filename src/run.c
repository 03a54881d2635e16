/* run.c: runs of whole units; see run.h.
 *
 * A run starts at a unit and has a length in pages of 4 KiB. What lies behind its last page, up to the end of its last
 * unit, is never touched and so costs addresses only.
 */
#include "run.h"
#include "lock.h"
#include "size_class.h"

static size_t page_round(size_t size) { return (size + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1); }
static size_t units_of(size_t size) { return (size + UNIT_SIZE - 1) >> UNIT_SHIFT; }

static void *run_make(size_t size, size_t alignment, enum unit_kind kind, unsigned attributes, bool *fresh) {
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return NULL;
    struct unit *run = window_take(units_of(size), alignment > UNIT_SIZE ? alignment >> UNIT_SHIFT : 1, fresh);
    if (!run)
        return NULL;
    run->start = (uintptr_t)unit_address(unit_index(run));
    run->size = page_round(size);
    run->attributes = (uint8_t)attributes;
    run->rights_changed = false;
    run->kind = (uint8_t)kind;
    return (void *)run->start;
}

void *run_alloc(size_t size, size_t alignment, bool *fresh) {
    unsigned kept = 0;
    while (kept < ALIGNMENTS - 1 && ((size_t)16 << kept) < alignment)
        kept++;
    return run_make(size, alignment, UNIT_RUN, kept, fresh);
}

void *run_get(size_t size, size_t alignment, enum unit_kind kind, unsigned mode) {
    void *address = run_make(size, alignment, kind, mode, NULL);
    if (address && mode == BRAINMM_JIT && !os_protect(address, units_of(size) << UNIT_SHIFT, run_mode_rights(mode))) {
        run_free(address, kind, mode);
        return NULL;
    }
    return address;
}

struct unit *run_of(const void *address, enum unit_kind kind) {
    struct unit *run = unit_of(address);
    return run && run->kind == kind && (uintptr_t)address == run->start ? run : NULL;
}

/* Memory of other RIGHTS is made ordinary first. If the system cannot, it is lost, which is better than a heap that runs. */
static void units_give(struct unit *first, size_t count, bool other_rights) {
    if (!other_rights || os_protect(unit_address(unit_index(first)), count << UNIT_SHIFT, BRAINMM_READ | BRAINMM_WRITE))
        window_give(first, count);
}

bool run_free(void *address, enum unit_kind kind, unsigned mode) {
    window_lock(); /* of two threads that free the same run one must lose */
    struct unit *run = run_of(address, kind);
    if (run && kind != UNIT_RUN && run->attributes != mode)
        run = NULL;
    if (run)
        run->kind = UNIT_NONE;
    window_unlock();
    if (!run)
        return false;
    units_give(run, units_of(run->size), run->rights_changed || (kind != UNIT_RUN && mode == BRAINMM_JIT));
    return true;
}

unsigned run_mode_rights(unsigned mode) {
    return BRAINMM_READ | BRAINMM_WRITE | (mode == BRAINMM_JIT ? BRAINMM_EXECUTE : 0u);
}

bool run_restore_rights(struct unit *run) {
    unsigned mode = run->kind == UNIT_RUN ? BRAINMM_USER : run->attributes;
    if (!run->rights_changed)
        return true;
    if (!os_protect((void *)run->start, page_round(run->size), run_mode_rights(mode)))
        return false;
    run->rights_changed = false;
    return true;
}

unsigned run_rights(const struct unit *run, const void *address, unsigned mode) {
    unsigned rights;
    return run->rights_changed && os_page_rights(address, &rights) ? rights : run_mode_rights(mode);
}

bool run_resize(struct unit *run, size_t size) {
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return false;
    size_t now = units_of(run->size), wanted = units_of(size);
    bool jit = run->kind != UNIT_RUN && run->attributes == BRAINMM_JIT;
    if (wanted > now) {
        if (!window_take_at(unit_from_index(unit_index(run) + (uint32_t)now), wanted - now))
            return false;
        if (jit && !os_protect((char *)run->start + (now << UNIT_SHIFT), (wanted - now) << UNIT_SHIFT,
                               run_mode_rights(BRAINMM_JIT))) {
            window_give(unit_from_index(unit_index(run) + (uint32_t)now), wanted - now);
            return false;
        }
    } else if (wanted < now) {
        units_give(unit_from_index(unit_index(run) + (uint32_t)wanted), now - wanted, jit);
    }
    window_lock();
    run->size = page_round(size);
    window_unlock();
    return true;
}
