/* SPDX-License-Identifier: MIT */
/* lock.h: the locks of the slow paths.
 *
 * A lock knows its owner, because an owner may be gone: a thread that was killed (TerminateThread), a thread of the
 * parent in the child of a fork. Who waits long looks whether the owner still lives, and takes the lock from a dead
 * one. What that thread was changing may be half done. So lock_acquire() tells, and the part of the heap that the lock
 * guards then recovers: it orders its stores so that whatever is half done can be mended, or is lost and harms nobody.
 *
 * Nothing is locked before a fork. In the child, a lock that another thread held is a dead thread's. A lock that the
 * forking thread held itself stays its own: it is in a signal handler, and will return to what it has interrupted.
 */
#ifndef BRAINMM_LOCK_H
#define BRAINMM_LOCK_H

#include "os.h"

/* A thread that needs two takes them in this order, and none twice. */
enum lock_name {
    LOCK_LEAKS,        /* inspect/expected.c, inspect/describe.c */
    LOCK_JIT,          /* heap/jit.c */
    LOCK_THREAD_HEAPS, /* slab/thread_heap.c */
    LOCK_BLOCKS,       /* heap/blocks.c */
    LOCK_RECORDS,      /* checked/record.c */
    LOCK_UNITS,        /* memory/units.c */
    LOCK_ERROR,        /* sync/error.c */
    LOCKS
};

/* True if the lock was taken from a dead thread: what it guards must be recovered, before anything else. If a signal
 * handler wants what its own thread holds, it would wait for ever: the process ends with a message. */
bool lock_acquire(enum lock_name name);

/* False if somebody has the lock, dead or alive. */
bool lock_try(enum lock_name name);

void lock_release(enum lock_name name);

/* Whether the calling thread holds the lock. */
bool lock_is_held(enum lock_name name);

/* This is the child of a fork. What the calling thread held as BEFORE, it holds as NOW. What others held is a dead
 * thread's. Nobody else uses the locks meanwhile. */
void locks_forked(uintptr_t before, uintptr_t now);

/* Whether threads have ended in the midst of something, as far as is known: a lock was taken from one, or the process
 * is the child of a fork. Then memory may be in use by nobody. */
bool locks_were_cut(void);

#endif
