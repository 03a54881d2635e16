/* SPDX-License-Identifier: MIT */
/* lock.h: the lock of the slow paths.
 *
 * It records its owner. A thread that waits long looks whether the owner still lives, because a thread that was killed
 * inside (TerminateThread) must not hang the others. What such a thread was changing may be half done. So the parts
 * that use locks order their writes so that half done means leaked, not corrupt. While the process is ending, threads
 * may have been stopped anywhere, and a waiter takes the lock after a short time.
 */
#ifndef BRAINMM_LOCK_H
#define BRAINMM_LOCK_H

#include "base/atomic.h"
#include "os.h"

struct lock {
    atomic_word owner; /* the thread's id; 0: nobody */
};

static inline bool lock_try(struct lock *lock) {
    uintptr_t nobody = 0;
    return exchange_if_acquire(&lock->owner, &nobody, os_thread_id()); /* with lock_release() */
}

void lock_acquire(struct lock *lock);

static inline void lock_release(struct lock *lock) {
    store_release(&lock->owner, 0); /* with the acquire of the next owner */
}

/* Whether the calling thread holds the lock. */
static inline bool lock_is_held(struct lock *lock) { return load_relaxed(&lock->owner) == os_thread_id(); }

#endif
