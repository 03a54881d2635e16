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

#define HEAPS_MAX 16384u /* heaps alive at once; threads beyond that borrow one for each operation */

struct thread_heap thread_heap_none, thread_heap_ended;
OS_THREAD_WORD(&thread_heap_none);

static struct thread_heap *heaps[HEAPS_MAX];
static atomic_u32 heap_count;
static struct stack orphans;     /* heaps of ended threads, with their slabs */
static struct stack empty_heaps; /* heaps without slabs */

/* The lock of heaps[] and heap_count. A heap that a dead thread was making is not in the table, or is complete. */
void thread_heaps_lock(void) { lock_acquire(LOCK_THREAD_HEAPS); }
void thread_heaps_unlock(void) { lock_release(LOCK_THREAD_HEAPS); }

struct thread_heap *thread_heap_from_number(uint32_t number) {
    return heaps[number - 1];
}

static atomic_u32 *heap_link(uint32_t number) { return &heaps[number - 1]->next; }

static struct thread_heap *heap_pop(struct stack *stack) {
    uint32_t number = stack_pop(stack, heap_link);
    return number ? heaps[number - 1] : NULL;
}

static void heap_push(struct stack *stack, struct thread_heap *heap) {
    ASSERT(!heap->has_batches);
    stack_push(stack, heap->number, &heap->next);
}

struct thread_heap *thread_heap_take_orphan(void) {
    return stack_top(&orphans) ? heap_pop(&orphans) : NULL;
}

void thread_heap_put_empty(struct thread_heap *heap) { heap_push(&empty_heaps, heap); }

void thread_heap_tops(uint32_t *orphan, uint32_t *empty) {
    *orphan = stack_top(&orphans);
    *empty = stack_top(&empty_heaps);
}

static size_t heap_bytes(void) { return align_up(sizeof(struct thread_heap), os_facts.page); }
static size_t heap_reserved(void) { return align_up(sizeof(struct thread_heap), os_facts.granule); }

static struct thread_heap *heap_create(void) {
    struct thread_heap *heap = NULL;
    thread_heaps_lock();
    uint32_t count = load_relaxed(&heap_count);
    if (count < HEAPS_MAX && (heap = os_reserve(heap_reserved(), os_facts.granule)) != NULL) {
        if (os_commit(heap, heap_bytes())) {
            heap->number = count + 1;
            heaps[count] = heap;
            store_release(&heap_count, count + 1); /* last, in case the thread is killed here */
        } else {
            os_release(heap, heap_reserved());
            heap = NULL;
        }
    }
    thread_heaps_unlock();
    return heap;
}

struct thread_heap *thread_heap_borrow(void) {
    struct thread_heap *heap = heap_pop(&orphans);
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
    heap_push(&orphans, heap);
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
    figures->remote_frees = remote_frees_without_heap();
    figures->changes = remote_frees_without_heap() + count + stack_changes(&orphans) + stack_changes(&empty_heaps);
    for (uint32_t i = 0; i < count; i++) {
        figures->threads += load_relaxed(&heaps[i]->thread_id) != 0;
        figures->remote_frees += load_relaxed(&heaps[i]->remote_frees);
    }
    thread_heaps_unlock();
}

void thread_heap_forked(uintptr_t now) {
    struct thread_heap *heap = thread_heap_existing();
    if (heap)
        store_relaxed(&heap->thread_id, now);
}
