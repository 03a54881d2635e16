/* SPDX-License-Identifier: MIT */
/* thread_heap.c: heaps of threads: created, handed over at a thread's end in one step, taken over whole by new threads.
 *
 * A heap is found by its number in a table. So a number and a count of changes in one word make a stack of heaps. Heaps
 * are never unmapped: a pointer to one stays valid whatever its thread did.
 */
#include "slab/thread_heap.h"
#include "base/align.h"
#include "base/stack.h"
#include "slab/remote.h"
#include "sync/assert.h"
#include "sync/lock.h"

/* The table of heaps grows by parts, which never move. So a look-up takes no lock. */
#define PART_HEAPS ((uint32_t)(65536 / sizeof(struct thread_heap *)))
#define PARTS 512u                     /* 4 million heaps (32 bit: 8), as many as Linux has threads */
#define HEAPS_MAX (PARTS * PART_HEAPS) /* alive at once; threads beyond that borrow one for each operation */

struct thread_heap thread_heap_none, thread_heap_ended;
OS_THREAD_WORD(&thread_heap_none);

static struct thread_heap **parts[PARTS];
static atomic_u32 heap_count;
static struct stack empty_heaps; /* heaps without slabs */

/* Heaps of ended threads, with their slabs. orphans[age % 2] has the younger ones. So all become older by one addition,
 * when the other stack is empty. A thread that adds one at the same moment may make it an older one at once. */
static struct stack orphans[2];
static atomic_u32 age;

static struct stack *younger(void) { return &orphans[load_relaxed(&age) % 2]; }
static struct stack *older(void) { return &orphans[(load_relaxed(&age) + 1) % 2]; }

/* The lock of parts[] and heap_count. A heap that a dead thread was making is not in the table, or is complete. */
void thread_heaps_lock(void) { lock_acquire(LOCK_THREAD_HEAPS); }
void thread_heaps_unlock(void) { lock_release(LOCK_THREAD_HEAPS); }

static struct thread_heap **place_of(uint32_t number) {
    return &parts[(number - 1) / PART_HEAPS][(number - 1) % PART_HEAPS];
}

struct thread_heap *thread_heap_from_number(uint32_t number) {
    return *place_of(number);
}

static atomic_u32 *heap_link(uint32_t number) { return &thread_heap_from_number(number)->next; }

static struct thread_heap *heap_pop(struct stack *stack) {
    uint32_t number = stack_top(stack) == 0 ? 0 : stack_pop(stack, heap_link);
    return number ? thread_heap_from_number(number) : NULL;
}

static void heap_push(struct stack *stack, struct thread_heap *heap) {
    ASSERT(!heap->has_batches);
    stack_push(stack, heap->number, &heap->next);
}

struct thread_heap *thread_heap_take_old_orphan(void) {
    return heap_pop(older());
}

struct thread_heap *thread_heap_take_orphan(void) {
    struct thread_heap *heap = heap_pop(younger());
    return heap ? heap : heap_pop(older());
}

void thread_heap_orphans_grow_old(void) { add_relaxed(&age, 1); }

void thread_heap_put_empty(struct thread_heap *heap) { heap_push(&empty_heaps, heap); }

void thread_heap_tops(struct thread_heap_tops *tops) {
    *tops = (struct thread_heap_tops){.orphans = {stack_top(&orphans[0]), stack_top(&orphans[1])},
                                      .empty = stack_top(&empty_heaps)};
}

static size_t heap_bytes(void) { return align_up(sizeof(struct thread_heap), os_facts.page); }
static size_t heap_reserved(void) { return align_up(sizeof(struct thread_heap), os_facts.granule); }

static size_t part_bytes(void) { return PART_HEAPS * sizeof(struct thread_heap *); }

/* Makes room in the table for the heap NUMBER. False if there is no memory for it, or there are too many. */
static bool place_create(uint32_t number) {
    if (number > HEAPS_MAX)
        return false;
    struct thread_heap ***part = &parts[(number - 1) / PART_HEAPS];
    if (*part)
        return true;
    void *made = os_reserve(part_bytes(), os_facts.granule);
    if (made && !os_commit(made, part_bytes())) {
        os_release(made, part_bytes());
        made = NULL;
    }
    *part = made;
    return made != NULL;
}

static struct thread_heap *heap_create(void) {
    struct thread_heap *heap = NULL;
    thread_heaps_lock();
    uint32_t count = load_relaxed(&heap_count);
    if (place_create(count + 1) && (heap = os_reserve(heap_reserved(), os_facts.granule)) != NULL) {
        if (os_commit(heap, heap_bytes())) {
            heap->number = count + 1;
            *place_of(count + 1) = heap;
            store_release(&heap_count,
                          count + 1); /* last, in case the thread is killed here, and for thread_heaps_tick() */
        } else {
            os_release(heap, heap_reserved());
            heap = NULL;
        }
    }
    thread_heaps_unlock();
    return heap;
}

struct thread_heap *thread_heap_borrow(void) {
    struct thread_heap *heap = thread_heap_take_orphan();
    if (!heap)
        heap = heap_pop(&empty_heaps);
    return heap ? heap : heap_create();
}

struct thread_heap *thread_heap_existing(void) {
    struct thread_heap *heap = os_thread_pointer_sure();
    return heap && heap->number ? heap : NULL;
}

/* A thread's first call. */
static __attribute__((noinline)) struct thread_heap *take_over(void) {
    struct thread_heap *heap = thread_heap_borrow();
    if (!heap)
        return NULL;
    store_relaxed(&heap->thread_id, os_thread_id());
    os_set_thread_pointer(heap); /* before os_watch_thread_exit(), which may allocate */
    os_watch_thread_exit(thread_heap_exit);
    return heap;
}

struct thread_heap *thread_heap_get(void) {
    struct thread_heap *heap = os_thread_pointer_sure();
    if (LIKELY(heap && heap->number))
        return heap;
    return heap == &thread_heap_ended ? NULL : take_over();
}

void thread_heap_return(struct thread_heap *heap) {
    remote_send_all(heap);
    store_relaxed(&heap->thread_id, 0);
    heap_push(younger(), heap);
}

void thread_heap_exit(void) {
    struct thread_heap *heap = os_thread_pointer_sure();
    if (heap == &thread_heap_ended)
        return;
    os_set_thread_pointer(&thread_heap_ended);
    if (heap && heap != &thread_heap_none)
        thread_heap_return(heap);
}

void thread_heap_done(void) {
    struct thread_heap *heap = thread_heap_existing();
    if (!heap)
        return;
    os_set_thread_pointer(&thread_heap_none);
    thread_heap_return(heap);
}

void thread_heaps_figures(struct thread_heaps_figures *figures) {
    thread_heaps_lock();
    uint32_t count = load_relaxed(&heap_count);
    *figures = (struct thread_heaps_figures){
        .heaps = count, .bytes = count * heap_bytes(), .reserved = count * heap_reserved()};
    size_t table = (count + PART_HEAPS - 1) / PART_HEAPS * part_bytes();
    figures->bytes += table;
    figures->reserved += table;
    figures->remote_frees = remote_frees_without_heap();
    figures->changes = remote_frees_without_heap() + count + stack_changes(&empty_heaps) + stack_changes(&orphans[0]) +
                       stack_changes(&orphans[1]);
    for (uint32_t number = 1; number <= count; number++) {
        figures->stocked += unit_stock_kept(&thread_heap_from_number(number)->stock);
        figures->threads += load_relaxed(&thread_heap_from_number(number)->thread_id) != 0;
        figures->remote_frees += load_relaxed(&thread_heap_from_number(number)->remote_frees);
    }
    thread_heaps_unlock();
}

bool thread_heaps_empty_stocks(void) {
    uint32_t count = load_acquire(&heap_count); /* with heap_create() */
    bool any = false;
    for (uint32_t number = 1; number <= count; number++)
        any = unit_stock_empty(&thread_heap_from_number(number)->stock) || any;
    return any;
}

void thread_heaps_tick(void) {
    uint32_t count = load_acquire(&heap_count); /* with heap_create() */
    for (uint32_t number = 1; number <= count; number++)
        unit_stock_tick(&thread_heap_from_number(number)->stock);
}

void thread_heap_forked(uintptr_t now) {
    struct thread_heap *heap = thread_heap_existing();
    if (heap)
        store_relaxed(&heap->thread_id, now);
}
