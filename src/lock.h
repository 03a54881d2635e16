/* lock.h: the lock of the slow paths.
 *
 * It records its owner, and a thread that waits long looks whether the owner still lives: a thread killed inside
 * (TerminateThread) must not hang the others. What such a thread was changing may be half done; the parts that use
 * locks order their writes so that half done means leaked, not corrupt. While the process is ending, when threads were
 * stopped anywhere, a waiter takes the lock after a short time.
 */
#ifndef BRAINMM_LOCK_H
#define BRAINMM_LOCK_H

#include "os.h"
#include <stdatomic.h>

struct lock {
    _Atomic uintptr_t owner; /* the thread's id; 0: open */
};

static inline bool lock_try(struct lock *lock) {
    uintptr_t open = 0;
    return atomic_compare_exchange_strong_explicit(&lock->owner, &open, os_thread_id(), memory_order_acquire,
                                                   memory_order_relaxed);
}

void lock_take(struct lock *lock);

static inline void lock_open(struct lock *lock) {
    atomic_store_explicit(&lock->owner, 0, memory_order_release); /* pairs with the acquire of the next owner */
}

#endif
