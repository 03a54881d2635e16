/* SPDX-License-Identifier: MIT */
/* thread_heap.h: which heap a thread works with, from its first call to after its end. */
#ifndef BRAINMM_THREAD_HEAP_H
#define BRAINMM_THREAD_HEAP_H

#include "slab/slab.h"

/* The calling thread's heap: its own, an orphan that it takes over, or a new one. NULL when there is no memory for one,
 * and for a thread whose end has been announced: see thread_heap_borrow(). */
struct thread_heap *thread_heap_get(void);

/* The calling thread's heap if it has one; else NULL. */
struct thread_heap *thread_heap_existing(void);

/* A heap for one operation of a thread that has none any more: thread-local destructors and other modules' exit code
 * allocate too. thread_heap_return() gives it back. Both are lock-free. NULL: out of memory. */
struct thread_heap *thread_heap_borrow(void);
void thread_heap_return(struct thread_heap *heap);

/* The heap of a thread that ended, to be emptied and then put with the empty ones. NULL if there is none. */
struct thread_heap *thread_heap_take_orphan(void);

/* The same, one that was there when they last grew old. Then those that are there become such. */
struct thread_heap *thread_heap_take_old_orphan(void);
void thread_heap_orphans_grow_old(void);
void thread_heap_put_empty(struct thread_heap *heap);

/* The calling thread ends. Idempotent; the thread may still allocate and free afterwards. Waits for nothing. */
void thread_heap_exit(void);

/* The calling thread says that it is done. Unlike a thread that ends, it starts over with its next call. */
void thread_heap_done(void);

/* What is known of all heaps together. */
struct thread_heaps_figures {
    size_t heaps, threads;  /* how many, and how many of them with a thread */
    size_t bytes, reserved; /* their memory, and addresses */
    size_t stocked;         /* units in all stocks */
    uint64_t remote_frees;  /* objects that other threads than their slab's owner freed, ever */
    uint64_t changes;       /* differs whenever a thread has taken or left a heap */
};
void thread_heaps_figures(struct thread_heaps_figures *figures);

/* The heap with a number from 1 to `heaps`. */
struct thread_heap *thread_heap_from_number(uint32_t number);

/* The numbers on top of the stacks of orphans and of empty heaps, from which the others follow by `next`, while nobody
 * else uses the heap. */
struct thread_heap_tops {
    uint32_t orphans[2], empty;
};
void thread_heap_tops(struct thread_heap_tops *tops);

/* Empties the stocks of all threads; false if nothing was in them. Or a tick has passed: unit_stock_tick() for all. */
bool thread_heaps_empty_stocks(void);
void thread_heaps_tick(void);

/* The lock of the table of heaps. */
void thread_heaps_lock(void);
void thread_heaps_unlock(void);

/* In the child of a fork: the thread's heap, if it has one, has the thread id NOW. */
void thread_heap_forked(uintptr_t now);

#endif
