/* SPDX-License-Identifier: MIT */
/* run.c: see run.h. */
#include "heap/run.h"
#include "base/align.h"
#include "memory/density.h"
#include "memory/headroom.h"
#include "memory/instrument.h"
#include "memory/mark.h"
#include "memory/unit_cache.h"
#include "slab/thread_heap.h"
#include "sync/assert.h"

#define HEADROOM_FROM ((size_t)256 << 10) /* a run of this size that has grown will grow again */
#define HEADROOM_TIMES 7u                 /* its size, of address space to grow into */
#define COLOUR_STEP 64u                   /* a line of the cache */
#define COLOURS 64u

/* ---- Taking ----------------------------------------------------------------------------------------------------- */

static size_t unit_alignment(size_t alignment) { return alignment > UNIT_SIZE ? alignment >> UNIT_SHIFT : 1; }

/* The same for a run of SIZE bytes that the cache has no place for, or that grows: it begins where the system can back
 * and move it by whole tables of pages. That takes addresses, which 32 bit and a process with a limit do not have. */
static size_t unit_alignment_of_large(size_t size, size_t alignment) {
    bool whole_tables = sizeof(void *) > 4 && size >= os_facts.huge_page && !units_are_limited();
    return unit_alignment(whole_tables && alignment < os_facts.huge_page ? os_facts.huge_page : alignment);
}

static struct unit_stock *own_stock(void) {
    struct thread_heap *heap = thread_heap_existing();
    return heap ? &heap->stock : NULL;
}

/* Units for a run of SIZE bytes. They may have been a slab, whose marks must not be found in another. */
static struct unit *take_units(size_t size, size_t alignment, bool *fresh) {
    size_t count = run_units(size);
    alignment = count > CACHE_LONGEST ? unit_alignment_of_large(size, alignment) : unit_alignment(alignment);
    struct unit *run = unit_cache_take(own_stock(), count, alignment, UNITS_SPARSE, fresh);
    if (!run)
        return NULL;
    INSTRUMENT_ALLOW(unit_address(run), units_bytes(count));
    if (marks_left(run) != 0)
        marks_clear(run);
    link_set(&run->run.headroom, 0);
    return run;
}

/* In the rest of a piece's last page is room for its colour. Runs side by side have different ones. */
static inline size_t colour_for(const struct unit *run, size_t size) {
    size_t rest = (0 - size) & (os_facts.page - 1), colour = unit_number(run) % COLOURS * COLOUR_STEP;
    return colour < rest ? colour : rest & ~(size_t)(COLOUR_STEP - 1);
}

static inline void *run_enter(struct unit *run, size_t colour, size_t size, enum unit_kind kind, unsigned mode,
                              size_t alignment) {
    word_store_relaxed(&run->start, (uintptr_t)unit_address(run) + colour);
    run_set_size(run, size);
    store_relaxed(&run->run.mode, (uint8_t)mode);
    store_relaxed(&run->run.alignment, (uint8_t)(log2_of(alignment) - 4));
    store_relaxed(&run->run.rights_changed, false);
    ASSERT(is_aligned_to(run->start, alignment));
    unit_set_kind(run, kind);
    return (void *)run->start;
}

void *run_alloc(size_t size, size_t alignment, bool *fresh) {
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return NULL;
    struct unit *run = take_units(size, alignment, fresh);
    if (!run)
        return NULL;
    size_t colour = alignment <= COLOUR_STEP ? colour_for(run, size) : 0, whole = align_up(size, os_facts.page);
    void *address = run_enter(run, colour, whole - colour, UNIT_RUN, BRAINMM_USER, alignment);
    if (run->run.is_new || run_units(size) > CACHE_LONGEST) /* what was kept has its pages already */
        run_expect_use(run, 0);
    return address;
}

void *run_alloc_from_stock(struct thread_heap *heap, size_t size) {
    size_t count = run_units(size); /* 0 for a size that cannot be */
    struct unit *run = count - 1 < STOCK_LONGEST ? unit_stock_take(&heap->stock, count) : NULL;
    if (UNLIKELY(!run))
        return NULL;
    INSTRUMENT_ALLOW(unit_address(run), units_bytes(count));
    size_t colour = colour_for(run, size), whole = align_up(size, os_facts.page);
    return run_enter(run, colour, whole - colour, UNIT_RUN, BRAINMM_USER, BRAINMM_ALIGNMENT);
}

bool run_make_executable(const struct unit *run, void *address, size_t size) {
    return !run_is_executable(run) || os_protect(address, size, run_mode_rights(BRAINMM_JIT));
}

void *run_take(size_t size, size_t alignment, enum unit_kind kind, unsigned mode, bool *fresh) {
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return NULL;
    struct unit *run = take_units(size, alignment, fresh);
    if (!run)
        return NULL;
    void *address = run_enter(run, 0, size, kind, mode, alignment);
    if (run_make_executable(run, address, units_bytes(run_units(size))))
        return address;
    run_give(address, kind, mode);
    return NULL;
}

struct unit *run_take_like(const struct unit *run, size_t size) {
    size_t units = run_units(run_colour(run) + size), headroom = size >= HEADROOM_FROM ? units * HEADROOM_TIMES : 0;
    size_t alignment = run_alignment(run);
    struct unit *like = headroom ? units_take_with_headroom(units, headroom, unit_alignment_of_large(size, alignment))
                                 : take_units(run_colour(run) + size, alignment, NULL);
    if (!like)
        return NULL;
    void *address = run_enter(like, run_colour(run), size, unit_kind(run), run_mode(run), run_alignment(run));
    if (run_make_executable(run, address, units_bytes(units)))
        return like;
    run_give(address, unit_kind(run), run_mode(run));
    return NULL;
}

/* ---- Giving ----------------------------------------------------------------------------------------------------- */

/* Memory of other rights for which the system refuses to make it ordinary is lost. That is better than a heap of which
 * a part cannot be written, or can be executed. */
void run_give_units(struct unit *first, size_t count, size_t alignment, enum run_rest rest) {
    if (rest == RUN_OTHER_RIGHTS && !os_protect(unit_address(first), units_bytes(count), BRAINMM_READ | BRAINMM_WRITE))
        units_lose(first, count);
    else if (rest == RUN_MOVED_AWAY)
        units_give(first, count, UNITS_SPARSE, UNITS_EMPTY, UNITS_WAIT);
    else
        unit_cache_give(own_stock(), first, count, alignment, UNITS_SPARSE);
}

/* A change of rights was announced for a unit with the same remainder. Then whoever releases it takes the lock, under
 * which rights change, before it believes that they have not. */
static atomic_u8 announced[256];

static atomic_u8 *announced_for(const struct unit *run) { return &announced[unit_number(run) % 256]; }

bool run_announce_rights(struct unit *run, unsigned kind) {
    store_relaxed(announced_for(run), true);
    order_all(); /* with the exchange in set_nothing(): who made it sees this, or the kind is seen to be gone */
    return unit_kind(run) == kind;
}

static bool rights_are_changed(const struct unit *run) {
    if (UNLIKELY(load_ordered(announced_for(run)))) {
        units_lock();
        units_unlock();
    }
    return load_relaxed(&run->run.rights_changed);
}

static inline bool set_nothing(struct unit *run, unsigned kind) {
    uint8_t expected = (uint8_t)kind;
    return exchange_if_ordered(&run->kind, &expected, UNIT_NONE); /* with unit_set_kind(), and run_announce_rights() */
}

bool run_end(struct unit *run, unsigned kind, enum run_rest *rest) {
    if (!set_nothing(run, kind))
        return false;
    *rest = run_is_executable(run) || rights_are_changed(run) ? RUN_OTHER_RIGHTS : RUN_ORDINARY;
    units_drop_headroom(run);
    return true;
}

/* The caller has made the run nothing. It was of KIND. */
static void give_all(struct unit *run, enum unit_kind kind) {
    bool other_rights = run_is_executable(run) || rights_are_changed(run);
    size_t count = run_units(run_size(run));
    if (kind == UNIT_RUN)
        density_note_end(run);
    units_drop_headroom(run);
    run_give_units(run, count, kind == UNIT_BLOCK ? count : 1, other_rights ? RUN_OTHER_RIGHTS : RUN_ORDINARY);
}

bool run_give(void *address, enum unit_kind kind, unsigned mode) {
    struct unit *run = run_of(address, kind);
    if (!run || (kind != UNIT_RUN && run_mode(run) != mode) || !set_nothing(run, kind))
        return false;
    give_all(run, kind);
    return true;
}

bool run_free(struct thread_heap *heap, struct unit *run, const void *piece) {
    if (UNLIKELY((uintptr_t)piece != run->start || !set_nothing(run, UNIT_RUN)))
        return false;
    size_t count = run_units(run_size(run));
    bool ordinary = !load_ordered(announced_for(run)) && headroom_of(run) == 0;
    if (UNLIKELY(!ordinary || count > STOCK_LONGEST || !unit_stock_put(&heap->stock, run, count)))
        give_all(run, UNIT_RUN);
    return true;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

struct unit *run_of(const void *address, enum unit_kind kind) {
    struct unit *run = unit_of(address);
    return run && unit_kind(run) == kind && (uintptr_t)address == run->start ? run : NULL;
}

/* ---- Use -------------------------------------------------------------------------------------------------------- */

/* Pages and blocks cost what is touched of them, whatever they are for: only pieces are announced. */
void run_expect_use(struct unit *run, size_t from) {
    if (unit_kind(run) == UNIT_RUN)
        units_expect_use(run, from >> UNIT_SHIFT, run_units(run_size(run)));
}

unsigned run_mode_rights(unsigned mode) {
    return BRAINMM_READ | BRAINMM_WRITE | (mode == BRAINMM_JIT ? BRAINMM_EXECUTE : 0u);
}

bool run_restore_rights(struct unit *run) {
    if (!load_relaxed(&run->run.rights_changed))
        return true;
    size_t size = align_up(run_colour(run) + run_size(run), os_facts.page);
    if (!os_protect(unit_address(run), size, run_mode_rights(run_mode(run))))
        return false;
    store_relaxed(&run->run.rights_changed, false);
    return true;
}

unsigned run_rights(const struct unit *run, const void *address) {
    unsigned rights;
    const void *page = (const void *)align_down((uintptr_t)address, os_facts.page);
    bool changed = load_relaxed(&run->run.rights_changed) && os_page_rights(page, &rights);
    return changed ? rights : run_mode_rights(run_mode(run));
}
