/* thread.c: heaps of threads: made, handed over at a thread's end in one step, taken over whole by new threads.
 *
 * A heap is found by its number in a table, so that stacks of heaps fit a number and a change count in one word. Heaps
 * are never unmapped: a pointer to one stays valid whatever its thread did.
 */
#include "thread.h"
#include "heap.h"
#include "lock.h"
#include "stack.h"

#define HEAPS_MAX 16384u /* heaps alive at once; threads beyond that borrow one for each operation */

struct heap heap_none, heap_ended;

static struct heap *heaps[HEAPS_MAX];
static _Atomic uint32_t heap_count;
static struct stack orphans;     /* heaps of ended threads, with their slabs */
static struct stack empty_heaps; /* heaps without slabs */
static struct lock making;       /* guards heaps[] and heap_count */

static _Atomic uint32_t *heap_link(uint32_t number) { return &heaps[number - 1]->next; }

static struct heap *heap_pop(struct stack *stack) {
    uint32_t number = stack_pop(stack, heap_link);
    return number ? heaps[number - 1] : NULL;
}

struct heap *heap_take_orphan(void) {
    return stack_is_empty(&orphans) ? NULL : heap_pop(&orphans);
}

void heap_put_empty(struct heap *heap) { stack_push(&empty_heaps, heap->number, &heap->next); }

#define HEAP_BYTES ((sizeof(struct heap) + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1))
#define HEAP_RESERVED ((sizeof(struct heap) + OS_GRANULE - 1) & ~(size_t)(OS_GRANULE - 1))

static struct heap *heap_make(void) {
    struct heap *heap = NULL;
    lock_take(&making);
    uint32_t count = atomic_load_explicit(&heap_count, memory_order_relaxed);
    if (count < HEAPS_MAX && (heap = os_reserve(HEAP_RESERVED, OS_GRANULE)) != NULL) {
        if (os_commit(heap, HEAP_BYTES)) {
            heap->number = count + 1;
            heaps[count] = heap;
            atomic_store_explicit(&heap_count, count + 1, memory_order_relaxed);
        } else {
            os_release(heap, HEAP_RESERVED);
            heap = NULL;
        }
    }
    lock_open(&making);
    return heap;
}

static struct heap *heap_get(void) {
    struct heap *heap = heap_pop(&orphans);
    if (!heap)
        heap = heap_pop(&empty_heaps);
    return heap ? heap : heap_make();
}

struct heap *heap_of_thread(void) {
    struct heap *heap = os_thread_pointer_sure();
    if (heap && heap != &heap_none)
        return heap == &heap_ended ? NULL : heap;
    heap = heap_get();
    if (!heap)
        return NULL;
    atomic_store_explicit(&heap->thread_id, os_thread_id(), memory_order_relaxed);
    os_set_thread_pointer(heap); /* before os_watch_thread_exit(), which may allocate */
    os_watch_thread_exit();
    return heap;
}

struct heap *heap_borrow(void) {
    return heap_get();
}

void heap_return(struct heap *heap) {
    slab_flush_batches(heap);
    atomic_store_explicit(&heap->thread_id, 0, memory_order_relaxed);
    stack_push(&orphans, heap->number, &heap->next);
}

void heap_thread_exit(void) {
    struct heap *heap = os_thread_pointer_sure();
    if (heap == &heap_ended)
        return;
    os_set_thread_pointer(&heap_ended);
    if (heap && heap != &heap_none)
        heap_return(heap);
}

/* Unlike a thread that ends, one that only says it is done starts over with its next call. */
void BRAINMM_CALL heap_thread_done(void) {
    struct heap *heap = os_thread_pointer_sure();
    if (!heap || heap == &heap_none || heap == &heap_ended)
        return;
    os_set_thread_pointer(&heap_none);
    heap_return(heap);
}

void heaps_figures(struct heaps_figures *figures) {
    lock_take(&making);
    uint32_t count = atomic_load_explicit(&heap_count, memory_order_relaxed);
    *figures = (struct heaps_figures){.heaps = count, .bytes = count * HEAP_BYTES, .reserved = count * HEAP_RESERVED};
    figures->remote_frees = slab_heapless_frees();
    figures->changes = slab_heapless_frees() + count +
                       atomic_load_explicit(&orphans.head, memory_order_relaxed) / STACK_CHANGE +
                       atomic_load_explicit(&empty_heaps.head, memory_order_relaxed) / STACK_CHANGE;
    for (uint32_t i = 0; i < count; i++) {
        figures->threads += atomic_load_explicit(&heaps[i]->thread_id, memory_order_relaxed) != 0;
        figures->remote_frees += atomic_load_explicit(&heaps[i]->remote_frees, memory_order_relaxed);
    }
    lock_open(&making);
}

void thread_lock(void) { lock_take(&making); }
void thread_unlock(void) { lock_open(&making); }

void thread_forked(void) {
    struct heap *heap = os_thread_pointer_sure();
    if (heap && heap->number)
        atomic_store_explicit(&heap->thread_id, os_thread_id(), memory_order_relaxed);
}
