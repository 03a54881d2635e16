/* run.c: runs of whole units; see run.h.
 *
 * A run starts at a unit and has a length in pages of 4 KiB. What lies behind its last page, up to the end of its last
 * unit, is never touched and so costs addresses only.
 */
#include "run.h"
#include "instrument.h"
#include "size_class.h"
#include "slab.h"

#define ROOM_FROM ((size_t)256 << 10) /* a run of this size that has grown will grow again */
#define ROOM_TIMES 7u                 /* its size, of address space to grow into */

static size_t page_round(size_t size) { return (size + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1); }

/* Large runs begin where the system can back and move them by whole tables of pages; 32 bit has no addresses for that. */
static size_t unit_alignment(size_t size, size_t alignment) {
    if (sizeof(void *) > 4 && size >= OS_HUGE_PAGE && alignment < OS_HUGE_PAGE)
        alignment = OS_HUGE_PAGE;
    return alignment > UNIT_SIZE ? alignment >> UNIT_SHIFT : 1;
}

static void *run_enter(struct unit *run, size_t size, enum unit_kind kind, unsigned attributes) {
    run->start = (uintptr_t)unit_address(unit_index(run));
    run->size = page_round(size);
    run->attributes = (uint8_t)attributes;
    run->rights_changed = false;
    run->kind = (uint8_t)kind;
    return (void *)run->start;
}

void run_expect_use(struct unit *run, size_t from) {
    if (run->kind == UNIT_RUN) /* pages and blocks cost what is touched, whatever they are for */
        window_expect_use(run, from >> UNIT_SHIFT, run_units(run->size));
}

void *run_alloc(size_t size, size_t alignment, bool *fresh) {
    unsigned kept = 0;
    while (kept < ALIGNMENTS - 1 && ((size_t)16 << kept) < alignment)
        kept++;
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return NULL;
    struct unit *run = window_take(run_units(size), unit_alignment(size, alignment), fresh);
    if (!run)
        return NULL;
    void *address = run_enter(run, size, UNIT_RUN, kept);
    run_expect_use(run, 0);
    return address;
}

static bool make_executable(void *address, size_t size) {
    return os_protect(address, size, run_mode_rights(BRAINMM_JIT));
}

static enum unit_kind block_kind_alone(unsigned mode) {
    return mode == BRAINMM_USER ? UNIT_BLOCK_USER : UNIT_BLOCK_SYSTEM;
}

void *run_get(size_t size, size_t alignment, enum unit_kind kind, unsigned mode) {
    bool alone = kind == UNIT_BLOCK && size == UNIT_SIZE && mode != BRAINMM_JIT;
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return NULL;
    struct unit *run =
        alone ? window_take_slab(1, false) : window_take(run_units(size), unit_alignment(size, alignment), NULL);
    if (!run)
        return NULL;
    if (alone) { /* it may have been a slab, whose marks are not to be found in another */
        INSTRUMENT_ALLOW(unit_address(unit_index(run)), UNIT_SIZE);
        if (atomic_load_explicit(&run->carved, memory_order_relaxed) != 0)
            slab_clear_marks(run);
    }
    atomic_store_explicit(&run->remote, 0, memory_order_relaxed);
    void *address = run_enter(run, size, alone ? block_kind_alone(mode) : kind, mode);
    if (mode == BRAINMM_JIT && !make_executable(address, run_units(size) << UNIT_SHIFT)) {
        run_free(address, kind, mode);
        return NULL;
    }
    return address;
}

struct unit *run_get_like(const struct unit *run, size_t size) {
    size_t units = run_units(size), room = size >= ROOM_FROM ? units * ROOM_TIMES : 0;
    struct unit *like = window_take_with_room(units, room, unit_alignment(size, UNIT_SIZE));
    if (!like)
        return NULL;
    void *address = run_enter(like, size, run->kind, run->attributes);
    if (run_is_executable(run) && !make_executable(address, units << UNIT_SHIFT)) {
        run_free(address, run->kind, run->attributes);
        return NULL;
    }
    return like;
}

struct unit *run_of(const void *address, enum unit_kind kind) {
    struct unit *run = unit_of(address);
    return run && run->kind == kind && (uintptr_t)address == run->start ? run : NULL;
}

struct unit *block_of(const void *address) {
    struct unit *run = unit_of(address);
    return run && kind_is_block(run->kind) && (uintptr_t)address == run->start ? run : NULL;
}

/* Memory of other rights is made ordinary first. If the system cannot, it is lost, which is better than a heap that runs. */
void run_give_units(struct unit *first, size_t count, bool other_rights, bool empty) {
    if (empty) /* and with its rights as they were at first */
        window_give_empty(first, count);
    else if (!other_rights ||
             os_protect(unit_address(unit_index(first)), count << UNIT_SHIFT, BRAINMM_READ | BRAINMM_WRITE))
        window_give(first, count);
}

/* Blocks of 64 KiB come from the slabs' cache and go back there, without a lock. Of two threads that free the same one
 * must lose. */
static bool block_free_alone(struct unit *block) {
    uint8_t kind = (uint8_t)block_kind_alone(block->attributes);
    if (!atomic_compare_exchange_strong_explicit(&block->kind, &kind, UNIT_NONE, memory_order_acquire,
                                                 memory_order_relaxed))
        return false;
    if (!block->rights_changed || os_protect((void *)block->start, UNIT_SIZE, run_mode_rights(BRAINMM_USER)))
        window_give_slab(block, 1);
    return true; /* if the system cannot make it ordinary, it is lost, as above */
}

bool run_free(void *address, enum unit_kind kind, unsigned mode) {
    struct unit *run = kind == UNIT_BLOCK && mode != BRAINMM_JIT ? run_of(address, block_kind_alone(mode)) : NULL;
    if (run)
        return block_free_alone(run);
    window_lock(); /* here too */
    run = run_of(address, kind);
    if (run && kind != UNIT_RUN && run->attributes != mode)
        run = NULL;
    bool other_rights = run && (run_is_executable(run) || run->rights_changed);
    if (run)
        run->kind = UNIT_NONE;
    window_unlock();
    if (!run)
        return false;
    window_drop_room(run);
    run_give_units(run, run_units(run->size), other_rights, false);
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
