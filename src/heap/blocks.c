/* SPDX-License-Identifier: MIT */
/* blocks.c: see blocks.h.
 *
 * From 64 KiB on, a block is a run of units. Blocks of 4 and 16 KiB share a unit, which is then UNIT_BLOCKS and also a
 * run of 64 KiB. `slots` has a bit for each 4 KiB, set where a block in use begins. A unit serves one size and one
 * mode, so memory that is executable is never anything else.
 */
#include "heap/blocks.h"
#include "heap/reclaim.h"
#include "slab/thread_heap.h"
#include "sync/lock.h"
#include <string.h>

#define BLOCK_SIZES 9u
#define BLOCK_LEAST ((size_t)4096)
#define SHARED_SIZES 2u /* 4 and 16 KiB share units */

static uint32_t with_space[SHARED_SIZES][MODES]; /* lists of units, linked by next */

void blocks_unlock(void) { lock_release(LOCK_BLOCKS); }

static size_t block_bytes(unsigned index) { return BLOCK_LEAST << (2 * index); }

unsigned block_index(size_t size) {
    unsigned index = 0;
    while (index < BLOCK_SIZES && block_bytes(index) != size)
        index++;
    return index;
}

/* ---- Blocks that share a unit ----------------------------------------------------------------------------------- */

static unsigned all_slots(size_t size) { return size == block_bytes(0) ? 0xFFFF : 0x1111; }

static unsigned slots_used(const struct unit *unit) { return load_relaxed(&unit->blocks.slots); }

static void set_slots_used(struct unit *unit, unsigned slots) { store_relaxed(&unit->blocks.slots, (uint16_t)slots); }

static unsigned slot_at(const void *address) { return 1u << ((uintptr_t)address % UNIT_SIZE / BLOCK_LEAST); }

static void list_remove(uint32_t *list, struct unit *unit) {
    uint32_t number = unit_number(unit), next = link_get(&unit->next);
    if (*list == number) {
        *list = next;
        return;
    }
    struct unit *before = unit_from_number(*list);
    while (link_get(&before->next) != number)
        before = unit_from_number(link_get(&before->next));
    link_set(&before->next, next);
}

static void list_add(uint32_t *list, struct unit *unit) {
    link_set(&unit->next, *list);
    *list = unit_number(unit);
}

static struct unit *shared_unit_create(size_t size, unsigned mode) {
    char *address = run_take(UNIT_SIZE, UNIT_SIZE, UNIT_BLOCKS, mode, NULL);
    if (!address)
        return NULL;
    struct unit *unit = unit_at(address);
    set_slots_used(unit, 0);
    store_order(); /* until it has a size of shared blocks, it is nobody's: blocks_recover() */
    run_set_size(unit, size);
    return unit;
}

static void *shared_take(unsigned index, unsigned mode) {
    size_t size = block_bytes(index);
    char *block = NULL;
    blocks_lock();
    uint32_t *list = &with_space[index][mode];
    struct unit *unit = *list ? unit_from_number(*list) : shared_unit_create(size, mode);
    if (unit) {
        if (*list == 0)
            list_add(list, unit);
        unsigned slots = slots_used(unit);
        unsigned slot = (unsigned)__builtin_ctz(all_slots(size) & ~slots);
        slots |= 1u << slot;
        set_slots_used(unit, slots);
        if (slots == all_slots(size))
            list_remove(list, unit);
        block = (char *)unit->start + slot * BLOCK_LEAST;
    }
    blocks_unlock();
    return block;
}

/* The unit of the shared block that starts at ADDRESS; NULL if there is none. Under the lock. */
static struct unit *shared_find(const void *address) {
    struct unit *unit = unit_of(address);
    if (!unit || unit_kind(unit) != UNIT_BLOCKS || (uintptr_t)address % BLOCK_LEAST != 0)
        return NULL;
    return slots_used(unit) & slot_at(address) ? unit : NULL;
}

void *block_start_in(const struct unit *unit, const void *address) {
    char *start = (char *)((uintptr_t)address & ~(uintptr_t)(run_size(unit) - 1));
    return slots_used(unit) & slot_at(start) ? start : NULL;
}

/* Makes the pages of a shared block what its mode gives. False if the system cannot. */
static bool shared_restore_rights(struct unit *unit, void *block) {
    return !load_relaxed(&unit->run.rights_changed) ||
           os_protect(block, run_size(unit), run_mode_rights(run_mode(unit)));
}

static void shared_free_slot(struct unit *unit, unsigned slot) {
    size_t size = run_size(unit);
    uint32_t *list = &with_space[block_index(size)][run_mode(unit)];
    if (slots_used(unit) == all_slots(size))
        list_add(list, unit);
    set_slots_used(unit, slots_used(unit) & ~slot);
    if (slots_used(unit) == 0) {
        list_remove(list, unit);
        run_set_size(unit, UNIT_SIZE);
        run_give((void *)unit->start, UNIT_BLOCKS, run_mode(unit));
    }
}

static int shared_give(void *block, unsigned mode) {
    int result = BRAINMM_E_POINTER;
    blocks_lock();
    struct unit *unit = shared_find(block);
    if (unit && run_mode(unit) != mode) {
        result = BRAINMM_E_KIND;
    } else if (unit && !shared_restore_rights(unit, block)) {
        result = BRAINMM_E_REFUSED;
    } else if (unit) {
        shared_free_slot(unit, slot_at(block));
        result = BRAINMM_OK;
    }
    blocks_unlock();
    return result;
}

/* ---- All blocks ------------------------------------------------------------------------------------------------- */

static void *take_once(unsigned index, unsigned mode) {
    size_t size = block_bytes(index);
    return index < SHARED_SIZES ? shared_take(index, mode) : run_take(size, size, UNIT_BLOCK, mode, NULL);
}

bool block_is_possible(size_t size, unsigned mode) { return block_index(size) < BLOCK_SIZES && mode < MODES; }

void *block_take(size_t size, unsigned mode) {
    unsigned index = block_index(size);
    if (!block_is_possible(size, mode))
        return NULL;
    reclaim_tick_if_due(thread_heap_get());
    void *block = take_once(index, mode);
    if (!block && reclaim_all())
        block = take_once(index, mode);
    return block ? block : reclaim_failed();
}

int block_give(void *block, unsigned mode) {
    if (!block)
        return BRAINMM_OK;
    if (mode >= MODES)
        return BRAINMM_E_ARGUMENT;
    reclaim_tick_if_due(thread_heap_existing());
    struct unit *unit = unit_of(block);
    if (unit && unit_kind(unit) == UNIT_BLOCKS)
        return shared_give(block, mode);
    return run_give(block, UNIT_BLOCK, mode) ? BRAINMM_OK : BRAINMM_E_POINTER;
}

/* The lock was taken from a dead thread, which may have ended in the midst of a list. A unit that it was making or
 * giving back is lost, or serves the next blocks. */
static COLD void blocks_recover(void) {
    memset(with_space, 0, sizeof with_space);
    units_lock();
    size_t at = 0;
    for (struct unit *unit; (unit = units_next_used(at)) != NULL; at = unit_number(unit)) {
        unsigned index = unit_kind(unit) == UNIT_BLOCKS ? block_index(run_size(unit)) : BLOCK_SIZES;
        if (index < SHARED_SIZES && slots_used(unit) != all_slots(run_size(unit)))
            list_add(&with_space[index][run_mode(unit)], unit);
        else if (unit_kind(unit) == UNIT_BLOCKS && index >= SHARED_SIZES) /* not yet, or no longer, one of blocks */
            unit_set_kind(unit, UNIT_NONE);
    }
    units_unlock();
}

void blocks_lock(void) {
    if (lock_acquire(LOCK_BLOCKS))
        blocks_recover();
}

struct unit *block_find(const void *address) {
    struct unit *unit = shared_find(address);
    return unit ? unit : run_of(address, UNIT_BLOCK);
}

/* ---- Consistency ------------------------------------------------------------------------------------------------ */

static bool unit_is_listed(const struct unit *wanted) {
    unsigned index = block_index(run_size(wanted));
    const struct unit *unit = unit_or_null(with_space[index][run_mode(wanted)]);
    while (unit && unit != wanted)
        unit = unit_or_null(link_get(&unit->next));
    return unit != NULL;
}

static const char *unit_check(const struct unit *unit) {
    size_t size = run_size(unit);
    if (block_index(size) >= SHARED_SIZES || run_mode(unit) >= MODES)
        return "a unit has blocks of no known size or mode";
    unsigned slots = slots_used(unit);
    if ((slots == 0 && !locks_were_cut()) || (slots & ~all_slots(size)) != 0)
        return "a unit of blocks is empty, or has blocks where none start";
    return unit_is_listed(unit) == (slots != all_slots(size)) ? NULL : "a unit of blocks is in the wrong list";
}

const char *blocks_check(void) {
    const char *wrong = NULL;
    size_t at = 0;
    blocks_lock();
    units_lock();
    for (struct unit *unit; !wrong && (unit = units_next_used(at)) != NULL; at = unit_number(unit))
        if (unit_kind(unit) == UNIT_BLOCKS)
            wrong = unit_check(unit);
    units_unlock();
    blocks_unlock();
    return wrong;
}
