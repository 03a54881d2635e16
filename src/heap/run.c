/* SPDX-License-Identifier: MIT */
/* run.c: see run.h. */
#include "heap/run.h"
#include "base/align.h"
#include "memory/density.h"
#include "memory/instrument.h"
#include "memory/unit_cache.h"
#include "sync/assert.h"

#define HEADROOM_FROM ((size_t)256 << 10) /* a run of this size that has grown will grow again */
#define HEADROOM_TIMES 7u                 /* its size, of address space to grow into */

/* ---- Taking ----------------------------------------------------------------------------------------------------- */

/* Large runs begin where the system can back and move them by whole tables of pages. That takes addresses, which 32 bit
 * and a process with a limit do not have. */
static size_t unit_alignment(size_t size, size_t alignment) {
    if (sizeof(void *) > 4 && size >= os_facts.huge_page && alignment < os_facts.huge_page && !units_are_limited())
        alignment = os_facts.huge_page;
    return alignment > UNIT_SIZE ? alignment >> UNIT_SHIFT : 1;
}

static void *run_enter(struct unit *run, size_t size, enum unit_kind kind, unsigned mode, size_t alignment) {
    run->start = (uintptr_t)unit_address(run);
    run->run.size = size;
    run->run.mode = (uint8_t)mode;
    run->run.alignment = (uint8_t)(log2_of(alignment) - 4);
    run->run.rights_changed = false;
    ASSERT(is_aligned_to(run->start, alignment));
    unit_set_kind(run, kind);
    return (void *)run->start;
}

void *run_alloc(size_t size, size_t alignment, bool *fresh) {
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return NULL;
    struct unit *run = units_take(run_units(size), unit_alignment(size, alignment), UNITS_SPARSE, fresh);
    if (!run)
        return NULL;
    void *address = run_enter(run, align_up(size, os_facts.page), UNIT_RUN, BRAINMM_USER, alignment);
    run_expect_use(run, 0);
    return address;
}

bool run_make_executable(const struct unit *run, void *address, size_t size) {
    return !run_is_executable(run) || os_protect(address, size, run_mode_rights(BRAINMM_JIT));
}

static enum unit_kind kind_without_lock(unsigned mode) {
    return mode == BRAINMM_USER ? UNIT_BLOCK_USER : UNIT_BLOCK_SYSTEM;
}

/* A block of 64 KiB comes from the cache of units and goes back there, without a lock. The unit may have been a slab.
 * Its marks must not be found in another. */
static void *block_take_cached(unsigned mode) {
    struct unit *block = unit_cache_take(1, UNITS_SPARSE);
    if (!block)
        return NULL;
    INSTRUMENT_ALLOW(unit_address(block), UNIT_SIZE);
    if (marks_left(block) != 0)
        marks_clear(block);
    link_set(&block->run.headroom, 0);
    return run_enter(block, UNIT_SIZE, kind_without_lock(mode), mode, UNIT_SIZE);
}

void *run_take(size_t size, size_t alignment, enum unit_kind kind, unsigned mode, bool *fresh) {
    if (kind == UNIT_BLOCK && size == UNIT_SIZE && mode != BRAINMM_JIT)
        return block_take_cached(mode);
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return NULL;
    struct unit *run = units_take(run_units(size), unit_alignment(size, alignment), UNITS_SPARSE, fresh);
    if (!run)
        return NULL;
    void *address = run_enter(run, size, kind, mode, alignment);
    if (run_make_executable(run, address, units_bytes(run_units(size))))
        return address;
    run_give(address, kind, mode);
    return NULL;
}

struct unit *run_take_like(const struct unit *run, size_t size) {
    size_t units = run_units(size), headroom = size >= HEADROOM_FROM ? units * HEADROOM_TIMES : 0;
    struct unit *like = units_take_with_headroom(units, headroom, unit_alignment(size, run_alignment(run)));
    if (!like)
        return NULL;
    void *address = run_enter(like, size, unit_kind(run), run->run.mode, run_alignment(run));
    if (run_make_executable(run, address, units_bytes(units)))
        return like;
    run_give(address, unit_kind(run), run->run.mode);
    return NULL;
}

/* ---- Giving ----------------------------------------------------------------------------------------------------- */

/* Memory of other rights for which the system refuses to make it ordinary is lost. That is better than a heap of which
 * a part cannot be written, or can be executed. */
void run_give_units(struct unit *first, size_t count, enum run_rest rest) {
    if (rest == RUN_OTHER_RIGHTS && !os_protect(unit_address(first), units_bytes(count), BRAINMM_READ | BRAINMM_WRITE))
        units_lose(first, count);
    else
        units_give(first, count, rest == RUN_MOVED_AWAY ? UNITS_EMPTY : UNITS_WITH_MEMORY);
}

/* If two threads free the same block, exactly one may win. */
static bool block_give_cached(struct unit *block) {
    uint8_t kind = (uint8_t)kind_without_lock(block->run.mode);
    if (!exchange_if_acquire(&block->kind, &kind, UNIT_NONE)) /* with the release of unit_set_kind() */
        return false;
    if (!block->run.rights_changed || os_protect((void *)block->start, UNIT_SIZE, run_mode_rights(BRAINMM_USER)))
        unit_cache_give(block, 1);
    else
        units_lose(block, 1); /* as above */
    return true;
}

bool run_give(void *address, enum unit_kind kind, unsigned mode) {
    if (!window_contains(address)) /* not ours: no reason to wait for the lock */
        return false;
    struct unit *run = kind == UNIT_BLOCK && mode != BRAINMM_JIT ? run_of(address, kind_without_lock(mode)) : NULL;
    if (run)
        return block_give_cached(run);
    units_lock(); /* if two threads free the same run, exactly one may win, here too */
    run = run_of(address, kind);
    if (run && kind != UNIT_RUN && run->run.mode != mode)
        run = NULL;
    bool other_rights = run && (run_is_executable(run) || run->run.rights_changed);
    if (run)
        unit_set_kind(run, UNIT_NONE);
    units_unlock();
    if (!run)
        return false;
    if (kind == UNIT_RUN)
        density_note_end(run);
    units_drop_headroom(run);
    run_give_units(run, run_units(run->run.size), other_rights ? RUN_OTHER_RIGHTS : RUN_ORDINARY);
    return true;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

struct unit *run_of(const void *address, enum unit_kind kind) {
    struct unit *run = unit_of(address);
    return run && unit_kind(run) == kind && (uintptr_t)address == run->start ? run : NULL;
}

struct unit *run_of_block(const void *address) {
    struct unit *run = unit_of(address);
    return run && kind_is_block(unit_kind(run)) && (uintptr_t)address == run->start ? run : NULL;
}

/* ---- Use -------------------------------------------------------------------------------------------------------- */

/* Pages and blocks cost what is touched of them, whatever they are for: only pieces are announced. */
void run_expect_use(struct unit *run, size_t from) {
    if (unit_kind(run) == UNIT_RUN)
        units_expect_use(run, from >> UNIT_SHIFT, run_units(run->run.size));
}

unsigned run_mode_rights(unsigned mode) {
    return BRAINMM_READ | BRAINMM_WRITE | (mode == BRAINMM_JIT ? BRAINMM_EXECUTE : 0u);
}

bool run_restore_rights(struct unit *run) {
    if (!run->run.rights_changed)
        return true;
    if (!os_protect((void *)run->start, align_up(run->run.size, os_facts.page), run_mode_rights(run->run.mode)))
        return false;
    run->run.rights_changed = false;
    return true;
}

unsigned run_rights(const struct unit *run, const void *address) {
    unsigned rights;
    bool changed = run->run.rights_changed && os_page_rights(address, &rights);
    return changed ? rights : run_mode_rights(run->run.mode);
}
