/* SPDX-License-Identifier: MIT */
/* heap_locks.h: a test takes every lock of the heap, in order, and releases them. For tests that are linked with the
 * core.
 */
#ifndef TESTS_HEAP_LOCKS_H
#define TESTS_HEAP_LOCKS_H

#include "support/outcome.h"

#include "heap/blocks.h"
#include "heap/jit.h"
#include "slab/thread_heap.h"

SUPPORT_INLINE void heap_lock_all(void) {
    jit_lock();
    thread_heaps_lock();
    blocks_lock();
    units_lock();
}

SUPPORT_INLINE void heap_unlock_all(void) {
    units_unlock();
    blocks_unlock();
    thread_heaps_unlock();
    jit_unlock();
}

#endif
