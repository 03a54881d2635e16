/* blocks.c: blocks of 4 KiB to 256 MiB, aligned to their size, and runs of pages; see brainmm.h.
 *
 * From 64 KiB on a block is a run of units. Blocks of 4 and 16 KiB share a unit, which is then UNIT_BLOCKS:
 *   size    of one block
 *   goal    one bit for each 4 KiB: set where a block in use begins
 *   next    links units of a kind that have room, under the window's lock
 * A unit serves one size and one mode, so memory that is executable is never anything else.
 */
#include "blocks.h"
#include "heap.h"
#include "lock.h"
#include "manager.h"
#include "run.h"
#include "size_class.h"
#include "window.h"

#define MODES 3u
#define BLOCK_SIZES 9u
#define SHARED_SIZES 2u /* 4 and 16 KiB share units */

static struct lock lock;
static uint32_t with_room[SHARED_SIZES][MODES]; /* first unit of a list */

static size_t block_bytes(unsigned size_index) { return (size_t)4096 << (2 * size_index); }

/* 0 for 4 KiB to 8 for 256 MiB; BLOCK_SIZES if there are no blocks of that size. */
static unsigned block_index(size_t size) {
    unsigned index = 0;
    while (index < BLOCK_SIZES && block_bytes(index) != size)
        index++;
    return index;
}

/* ---- Blocks that share a unit ----------------------------------------------------------------------------------- */

static unsigned all_slots(size_t size) { return size == block_bytes(0) ? 0xFFFF : 0x1111; }

static unsigned slots_used(struct unit *unit) { return atomic_load_explicit(&unit->goal, memory_order_relaxed); }

static void set_slots_used(struct unit *unit, unsigned slots) {
    atomic_store_explicit(&unit->goal, (uint16_t)slots, memory_order_relaxed);
}

static void room_remove(uint32_t *list, struct unit *unit) {
    uint32_t index = unit_index(unit), next = atomic_load_explicit(&unit->next, memory_order_relaxed);
    if (*list == index) {
        *list = next;
        return;
    }
    struct unit *before = unit_from_index(*list);
    while (atomic_load_explicit(&before->next, memory_order_relaxed) != index)
        before = unit_from_index(atomic_load_explicit(&before->next, memory_order_relaxed));
    atomic_store_explicit(&before->next, next, memory_order_relaxed);
}

static void room_add(uint32_t *list, struct unit *unit) {
    atomic_store_explicit(&unit->next, *list, memory_order_relaxed);
    *list = unit_index(unit);
}

static struct unit *shared_unit_make(size_t size, unsigned mode) {
    char *address = run_get(UNIT_SIZE, UNIT_SIZE, UNIT_BLOCKS, mode);
    if (!address)
        return NULL;
    struct unit *unit = unit_at(address);
    unit->size = size;
    set_slots_used(unit, 0);
    return unit;
}

static void *shared_get(unsigned size_index, unsigned mode) {
    size_t size = block_bytes(size_index);
    char *block = NULL;
    lock_take(&lock);
    uint32_t *list = &with_room[size_index][mode];
    struct unit *unit = *list ? unit_from_index(*list) : shared_unit_make(size, mode);
    if (unit) {
        if (*list == 0)
            room_add(list, unit);
        unsigned slots = slots_used(unit);
        unsigned slot = (unsigned)__builtin_ctz(all_slots(size) & ~slots);
        slots |= 1u << slot;
        set_slots_used(unit, slots);
        if (slots == all_slots(size))
            room_remove(list, unit);
        block = (char *)unit->start + (size_t)slot * 4096;
    }
    lock_open(&lock);
    return block;
}

/* The unit of the shared block that starts at ADDRESS, and its slot; NULL if there is none. Under the lock. */
static struct unit *shared_find(const void *address, unsigned *slot) {
    struct unit *unit = unit_of(address);
    uintptr_t offset = (uintptr_t)address % UNIT_SIZE;
    if (!unit || unit->kind != UNIT_BLOCKS || offset % 4096 != 0)
        return NULL;
    *slot = 1u << (offset / 4096);
    return slots_used(unit) & *slot ? unit : NULL;
}

void *blocks_find(struct unit *unit, const void *address) {
    char *start = (char *)((uintptr_t)address & ~(uintptr_t)(unit->size - 1));
    return slots_used(unit) & 1u << ((uintptr_t)start % UNIT_SIZE / 4096) ? start : NULL;
}

/* Makes the pages of a shared block what its mode gives. False if the system cannot. */
static bool shared_restore_rights(struct unit *unit, void *block) {
    return !unit->rights_changed || os_protect(block, unit->size, run_mode_rights(unit->attributes));
}

static int shared_free(void *block, unsigned mode) {
    int result = BRAINMM_E_POINTER;
    unsigned slot;
    lock_take(&lock);
    struct unit *unit = shared_find(block, &slot);
    if (unit && unit->attributes != mode) {
        result = BRAINMM_E_KIND;
    } else if (unit && !shared_restore_rights(unit, block)) {
        result = BRAINMM_E_REFUSED;
    } else if (unit) {
        uint32_t *list = &with_room[block_index(unit->size)][mode];
        if (slots_used(unit) == all_slots(unit->size))
            room_add(list, unit);
        set_slots_used(unit, slots_used(unit) & ~slot);
        if (slots_used(unit) == 0) {
            room_remove(list, unit);
            unit->size = UNIT_SIZE;
            run_free((void *)unit->start, UNIT_BLOCKS, mode);
        }
        result = BRAINMM_OK;
    }
    lock_open(&lock);
    return result;
}

/* ---- All blocks ------------------------------------------------------------------------------------------------- */

static void *block_get(unsigned index, unsigned mode) {
    size_t size = block_bytes(index);
    return index < SHARED_SIZES ? shared_get(index, mode) : run_get(size, size, UNIT_BLOCK, mode);
}

/* Here and below: what is idle elsewhere is collected before a request fails. */
void *BRAINMM_CALL heap_block_get(size_t size, unsigned mode) {
    if (!manager_start())
        return manager_active.block_get(size, mode);
    unsigned index = block_index(size);
    if (index == BLOCK_SIZES || mode >= MODES)
        return NULL;
    void *block = block_get(index, mode);
    return block || !heap_thread_heap_minimize() ? block : block_get(index, mode);
}

/* Why nothing of KIND was released at ADDRESS. */
static int refusal(const void *address, unsigned mode) {
    brainmm_options options;
    if (mode >= MODES)
        return BRAINMM_E_ARGUMENT;
    return heap_get_options(address, &options) ? BRAINMM_E_KIND : BRAINMM_E_POINTER;
}

int BRAINMM_CALL heap_block_free(void *block, unsigned mode) {
    if (!manager_start())
        return manager_active.block_free(block, mode);
    if (!block)
        return BRAINMM_OK;
    struct unit *unit = unit_of(block);
    if (unit && unit->kind == UNIT_BLOCKS && mode < MODES)
        return shared_free(block, mode);
    return mode < MODES && run_free(block, UNIT_BLOCK, mode) ? BRAINMM_OK : refusal(block, mode);
}

/* ---- Pages ------------------------------------------------------------------------------------------------------ */

static bool pages_count_is_possible(size_t count) { return count <= PTRDIFF_MAX / BRAINMM_PAGE_SIZE; }

void *BRAINMM_CALL heap_pages_get(size_t count, unsigned mode) {
    if (!manager_start())
        return manager_active.pages_get(count, mode);
    if (count == 0 || !pages_count_is_possible(count) || mode >= MODES)
        return NULL;
    void *pages = run_get(count * BRAINMM_PAGE_SIZE, UNIT_SIZE, UNIT_PAGES, mode);
    return pages || !heap_thread_heap_minimize() ? pages
                                                 : run_get(count * BRAINMM_PAGE_SIZE, UNIT_SIZE, UNIT_PAGES, mode);
}

int BRAINMM_CALL heap_pages_free(void *pages, unsigned mode) {
    if (!manager_start())
        return manager_active.pages_free(pages, mode);
    if (!pages)
        return BRAINMM_OK;
    return mode < MODES && run_free(pages, UNIT_PAGES, mode) ? BRAINMM_OK : refusal(pages, mode);
}

static void *pages_resize(void *pages, size_t count, unsigned mode, bool keep) {
    if (!pages)
        return heap_pages_get(count, mode);
    struct unit *run = run_of(pages, UNIT_PAGES);
    if (!run || run->attributes != mode)
        return NULL;
    if (count == 0) {
        heap_pages_free(pages, mode);
        return NULL;
    }
    if (!pages_count_is_possible(count) || !run_restore_rights(run))
        return NULL;
    void *resized = run_resize(run, count * BRAINMM_PAGE_SIZE, keep);
    return resized || !heap_thread_heap_minimize() ? resized : run_resize(run, count * BRAINMM_PAGE_SIZE, keep);
}

void *BRAINMM_CALL heap_pages_reget(void *pages, size_t count, unsigned mode) {
    return manager_start() ? pages_resize(pages, count, mode, false) : manager_active.pages_reget(pages, count, mode);
}

void *BRAINMM_CALL heap_pages_realloc(void *pages, size_t count, unsigned mode) {
    return manager_start() ? pages_resize(pages, count, mode, true) : manager_active.pages_realloc(pages, count, mode);
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

bool blocks_describe(const void *address, brainmm_options *options) {
    unsigned slot;
    lock_take(&lock);
    struct unit *unit = shared_find(address, &slot);
    if (!unit && (unit = block_of(address)) == NULL)
        unit = run_of(address, UNIT_PAGES);
    if (unit) {
        options->size = unit->size;
        options->kind = unit->kind == UNIT_PAGES ? BRAINMM_PAGES : BRAINMM_BLOCK;
        options->block_size = (uint8_t)(options->kind == BRAINMM_BLOCK ? block_index(unit->size) : 0);
        if (unit->attributes == BRAINMM_JIT)
            options->kind = BRAINMM_JIT_MEMORY;
        options->align = ALIGNMENTS - 1; /* 2048, the most that can be told, and still less than there is */
        options->rights = (uint8_t)run_rights(unit, address, unit->attributes);
    }
    lock_open(&lock);
    return unit != NULL;
}

void blocks_lock(void) { lock_take(&lock); }
void blocks_unlock(void) { lock_open(&lock); }
