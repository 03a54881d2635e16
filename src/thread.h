/* thread.h: which heap a thread works with, from its first call to after its end. */
#ifndef BRAINMM_THREAD_H
#define BRAINMM_THREAD_H

#include "slab.h"

/* The calling thread's heap: its own, an orphan it takes over, or a new one. NULL when there is no memory for one, and
 * for a thread whose end has been announced: see heap_borrow(). */
struct heap *heap_of_thread(void);

/* The heap for one operation of a thread that has none any more: thread-local destructors and other modules' exit code
 * allocate too. heap_return() gives it back; both are lock-free. NULL: out of memory. */
struct heap *heap_borrow(void);
void heap_return(struct heap *heap);

/* The heap of a thread that ended, to be disbanded and then put with the empty ones. NULL if there is none. */
struct heap *heap_take_orphan(void);
void heap_put_empty(struct heap *heap);

/* What is known of all heaps together. */
struct heaps_figures {
    size_t heaps, threads;  /* how many, and how many of them with a thread */
    size_t bytes, reserved; /* their memory, and addresses */
    uint64_t remote_frees;  /* objects that were freed by other threads than their slab's owner, ever */
    uint64_t changes;       /* differs whenever a thread has taken or left a heap */
};
void heaps_figures(struct heaps_figures *figures);

void thread_lock(void);
void thread_unlock(void);

/* In the child of a fork: the thread's heap has a new thread id. */
void thread_forked(void);

#endif
