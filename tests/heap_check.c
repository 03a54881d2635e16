/* SPDX-License-Identifier: MIT */
/* heap_check.c: heap_structures_check() finds nothing wrong in a heap that is used in all ways, and finds damage in
 * each of its structures.
 *
 * White box: the test damages one variable after the other, and mends each before the next.
 */
#include "heap_clock.h"
#include "heap_whole.h"

#include "brainmm.h"
#include "memory/headroom.h"
#include "memory/idle.h"
#include "memory/unit_cache.h"
#include "slab/abandoned.h"
#include "slab/slab.h"
#include "slab/thread_heap.h"

enum { PIECES = 3000 };
static void *pieces[PIECES];
static void *block, *small_block, *pages, *grown;
static brainmm_jit_heap *code;
static unsigned damages;

static void finds_damage(const char *where) {
    const char *wrong = heap_structures_check();
    CHECK_MSG(wrong != NULL, "damage was not found: %s", where);
    damages++;
}

/* STATEMENT damages VARIABLE. heap_structures_check() must find that. Then VARIABLE gets its value back. */
#define DAMAGE(variable, statement)                                                                                    \
    do {                                                                                                               \
        __typeof__(variable) before = variable;                                                                        \
        statement;                                                                                                     \
        finds_damage(#statement);                                                                                      \
        variable = before;                                                                                             \
        heap_is_whole("mending " #variable);                                                                           \
    } while (0)

static void free_every_third(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < PIECES; i += 3) {
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
        pieces[i] = NULL;
    }
}

static void use_the_heap(void) {
    thread other;
    for (unsigned i = 0; i < PIECES; i++)
        CHECK((pieces[i] = brainmm_alloc(i % 2 ? 200 : 2000 + i)) != NULL);
    CHECK((block = brainmm_block_get(64 * KIB, BRAINMM_USER)) != NULL);
    CHECK((small_block = brainmm_block_get(4 * KIB, BRAINMM_SYSTEM)) != NULL);
    CHECK((pages = brainmm_pages_get(50, BRAINMM_USER)) != NULL);
    CHECK((grown = brainmm_alloc(300 * KIB)) != NULL);
    void *behind = brainmm_alloc(100 * KIB);
    CHECK((grown = brainmm_realloc(grown, 700 * KIB)) != NULL); /* elsewhere, with headroom */
    CHECK(brainmm_free(behind) == BRAINMM_OK);
    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_WRITABLE, &code) == BRAINMM_OK && brainmm_jit_alloc(code, 100, NULL));
    thread_start(&other, free_every_third, NULL);
    thread_join(&other);
    for (unsigned i = 1; i < PIECES; i += 3) {
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
        pieces[i] = NULL;
    }
}

static void release_all(void) {
    for (unsigned i = 0; i < PIECES; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK);
    CHECK(brainmm_block_free(small_block, BRAINMM_SYSTEM) == BRAINMM_OK);
    CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK && brainmm_free(grown) == BRAINMM_OK);
    CHECK(brainmm_jit_heap_destroy(code) == BRAINMM_OK);
}

/* ---- Damage ----------------------------------------------------------------------------------------------------- */

static void units_are_damaged(void) {
    void *large = brainmm_alloc(20 * MIB); /* too large for the cache of runs: its units become free ones */
    CHECK(large != NULL && brainmm_free(large) == BRAINMM_OK);
    size_t at = bits_find_set(space.free, 0, units_known());
    CHECK(at < units_known());
    struct unit *free_unit = unit_from_number((uint32_t)at + 1), *run = unit_at(pages);
    DAMAGE(totals.used, totals.used++);
    DAMAGE(totals.idle, totals.idle++);
    DAMAGE(totals.headroom, totals.headroom++);
    DAMAGE(space.owned_units, space.owned_units--);
    DAMAGE(space.lowest_free, space.lowest_free = at + 1);
    DAMAGE(space.free_end, space.free_end = at);
    DAMAGE(space.free[at / 64], bits_clear(space.free, at, 1));
    DAMAGE(space.committed[at / 64], space.committed[at / 64] ^= (uint64_t)1 << at % 64);
    DAMAGE(free_unit->kind, store_relaxed(&free_unit->kind, UNIT_RUN));
    DAMAGE(free_unit->limit, store_relaxed(&free_unit->limit, 100));
    DAMAGE(run->kind, store_relaxed(&run->kind, UNIT_NONE));
    DAMAGE(run->run.size, run_set_size(run, run_size(run) + 4 * UNIT_SIZE));
}

static void headroom_is_damaged(void) {
    struct unit *run = headroom_first(); /* that of `grown` */
    CHECK(run != NULL);
    DAMAGE(run->run.headroom_at, run->run.headroom_at++);
    DAMAGE(run->run.headroom_at, run->run.headroom_at--); /* into the run itself */
    DAMAGE(run->prev, store_relaxed(&run->prev, 1));
}

static void slabs_are_damaged(void) {
    struct unit *slab = slab_of(pieces[PIECES - 1]), *large = slab_of(pieces[PIECES - 4]);
    struct thread_heap *heap = thread_heap_existing();
    CHECK(slab && large && heap);
    struct bin *bin = &heap->bins[slab_bin(slab)];
    DAMAGE(slab->limit, store_relaxed(&slab->limit, 1));
    DAMAGE(slab->slab.carved, store_relaxed(&slab->slab.carved, 60000));
    DAMAGE(slab->slab.bin, store_relaxed(&slab->slab.bin, 5));
    DAMAGE(slab->slab.state, slab->slab.state ^= SLAB_RESTING);
    DAMAGE(slab->owner, store_relaxed(&slab->owner, NOBODY));
    DAMAGE(slab->slab.remote, store_relaxed(&slab->slab.remote, REMOTE_COUNT_ONE * 3));
    DAMAGE(*bin, bin->resting_count++);
    DAMAGE(bin->current, bin->current = 0);
}

/* The main thread has freed objects of this slab, so the slab's list of free objects is not empty. */
static void lists_are_damaged(void) {
    struct unit *slab = NULL;
    for (size_t at = 0; !slab;) {
        struct unit *unit = units_next_used(at);
        CHECK(unit != NULL);
        if (unit_kind(unit) == UNIT_SLAB && unit->slab.local && load_relaxed(&unit->owner) == thread_heap_existing())
            slab = unit;
        at = unit_number(unit);
    }
    struct object *first = slab->slab.local;
    DAMAGE(first->next, first->next = first);
    DAMAGE(first->mark[0], first->mark[0] = NULL);
    DAMAGE(slab->slab.countdown, slab->slab.countdown++);
    DAMAGE(slab->slab.local, slab->slab.local = (struct object *)((char *)first + 8));
}

/* The thread that freed pieces has ended. */
static void heaps_are_damaged(void) {
    struct thread_heap_tops tops;
    thread_heap_tops(&tops);
    uint32_t orphan = tops.orphans[0] ? tops.orphans[0] : tops.orphans[1];
    CHECK(orphan != 0);
    struct thread_heap *heap = thread_heap_from_number(orphan);
    DAMAGE(heap->thread_id, store_relaxed(&heap->thread_id, 1));
    DAMAGE(heap->next, store_relaxed(&heap->next, orphan));
}

static void blocks_are_damaged(void) {
    struct unit *unit = unit_at(small_block);
    DAMAGE(unit->blocks.slots, store_relaxed(&unit->blocks.slots, 0));
    DAMAGE(unit->blocks.slots, store_relaxed(&unit->blocks.slots, 0xFFFF));
}

int main(void) {
    watchdog_start(100);
    heap_is_whole("nothing"); /* the heap has not even started */
    use_the_heap();
    heap_is_whole("use");
    units_are_damaged();
    headroom_is_damaged();
    slabs_are_damaged();
    lists_are_damaged();
    heaps_are_damaged();
    blocks_are_damaged();
    release_all();
    heap_is_whole("release");
    brainmm_thread_heap_minimize();
    heap_is_whole("minimize");
    printf("%u damages were found\n", damages);
    return TEST_PASSED;
}
