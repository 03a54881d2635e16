/* SPDX-License-Identifier: MIT */
/* hooks.h: the core for the scheduler of tests/schedule. The compiler includes this file before all others (modes.mk),
 * so every file of the core finds here what it would find in base/atomic.h and os_inline.h: the same names, but each
 * operation is a call of the scheduler, which may let another thread run before. The sources know nothing of that.
 */
#ifndef TESTS_SCHEDULE_HOOKS_H
#define TESTS_SCHEDULE_HOOKS_H

#define _GNU_SOURCE /* as some files define it, before the first header of the system */
#include "../../src/base/atomic.h"

/* AT is the address of a variable of SIZE bytes. An order is one of __ATOMIC_RELAXED and its kin. */
uint64_t schedule_load(const volatile void *at, unsigned size, int order);
void schedule_store(volatile void *at, unsigned size, uint64_t to, int order);
uint64_t schedule_exchange(volatile void *at, unsigned size, uint64_t to, int order);
uint64_t schedule_add(volatile void *at, unsigned size, uint64_t more, int order);
bool schedule_exchange_if(volatile void *at, unsigned size, void *expected, uint64_t to, int order, int failure,
                          bool weak);
void schedule_fence(int order);

/* A store to a variable that is declared otherwise. The core also reads such ones without an atomic operation, so the
 * store is never delayed. */
void schedule_word_store(volatile void *at, unsigned size, uint64_t to, int order);

#define SCHEDULE_TYPE(variable) __typeof__(atomic_load_explicit(&(variable)->value, memory_order_relaxed))
#define SCHEDULE_AT(variable) &(variable)->value, sizeof((variable)->value)
#define SCHEDULE_LOAD(variable, order) ((SCHEDULE_TYPE(variable))schedule_load(SCHEDULE_AT(variable), order))
#define SCHEDULE_STORE(variable, to, order) schedule_store(SCHEDULE_AT(variable), (uint64_t)(to), order)
#define SCHEDULE_EXCHANGE(variable, to, order)                                                                         \
    ((SCHEDULE_TYPE(variable))schedule_exchange(SCHEDULE_AT(variable), (uint64_t)(to), order))
#define SCHEDULE_ADD(variable, more, order)                                                                            \
    ((SCHEDULE_TYPE(variable))schedule_add(SCHEDULE_AT(variable), (uint64_t)(more), order))
#define SCHEDULE_EXCHANGE_IF(variable, expected, to, order, failure, weak)                                             \
    schedule_exchange_if(SCHEDULE_AT(variable), expected, (uint64_t)(to), order, failure, weak)

#undef load_relaxed
#undef load_acquire
#undef load_ordered
#undef load_folded
#undef store_relaxed
#undef store_release
#undef store_order
#undef order_all
#define load_relaxed(variable) SCHEDULE_LOAD(variable, __ATOMIC_RELAXED)
#define load_acquire(variable) SCHEDULE_LOAD(variable, __ATOMIC_ACQUIRE)
#define load_ordered(variable) SCHEDULE_LOAD(variable, __ATOMIC_SEQ_CST)
#define load_folded(type, variable) ((type)schedule_load(variable, sizeof(type), __ATOMIC_RELAXED))
#define store_relaxed(variable, to) SCHEDULE_STORE(variable, to, __ATOMIC_RELAXED)
#define store_release(variable, to) SCHEDULE_STORE(variable, to, __ATOMIC_RELEASE)
#define store_order() schedule_fence(__ATOMIC_RELEASE)
#define order_all() schedule_fence(__ATOMIC_SEQ_CST)

#undef exchange_relaxed
#undef exchange_release
#undef exchange_acquire
#undef add_relaxed
#undef add_acq_rel
#undef subtract_relaxed
#undef subtract_release
#undef subtract_acq_rel
#define exchange_relaxed(variable, to) SCHEDULE_EXCHANGE(variable, to, __ATOMIC_RELAXED)
#define exchange_release(variable, to) SCHEDULE_EXCHANGE(variable, to, __ATOMIC_RELEASE)
#define exchange_acquire(variable, to) SCHEDULE_EXCHANGE(variable, to, __ATOMIC_ACQUIRE)
#define add_relaxed(variable, more) SCHEDULE_ADD(variable, more, __ATOMIC_RELAXED)
#define add_acq_rel(variable, more) SCHEDULE_ADD(variable, more, __ATOMIC_ACQ_REL)
#define subtract_relaxed(variable, less) SCHEDULE_ADD(variable, -(uint64_t)(less), __ATOMIC_RELAXED)
#define subtract_release(variable, less) SCHEDULE_ADD(variable, -(uint64_t)(less), __ATOMIC_RELEASE)
#define subtract_acq_rel(variable, less) SCHEDULE_ADD(variable, -(uint64_t)(less), __ATOMIC_ACQ_REL)

#undef exchange_if_acquire
#undef exchange_if_ordered
#undef exchange_if_acquire_retry
#undef exchange_weak_acquire_retry
#undef exchange_weak_release
#undef exchange_weak_acq_rel
#define exchange_if_acquire(variable, expected, to)                                                                    \
    SCHEDULE_EXCHANGE_IF(variable, expected, to, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED, false)
#define exchange_if_ordered(variable, expected, to)                                                                    \
    SCHEDULE_EXCHANGE_IF(variable, expected, to, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED, false)
#define exchange_if_acquire_retry(variable, expected, to)                                                              \
    SCHEDULE_EXCHANGE_IF(variable, expected, to, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE, false)
#define exchange_weak_acquire_retry(variable, expected, to)                                                            \
    SCHEDULE_EXCHANGE_IF(variable, expected, to, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE, true)
#define exchange_weak_release(variable, expected, to)                                                                  \
    SCHEDULE_EXCHANGE_IF(variable, expected, to, __ATOMIC_RELEASE, __ATOMIC_RELAXED, true)
#define exchange_weak_acq_rel(variable, expected, to)                                                                  \
    SCHEDULE_EXCHANGE_IF(variable, expected, to, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED, true)

#undef word_load_relaxed
#undef word_load_acquire
#undef word_store_relaxed
#undef word_store_release
#define SCHEDULE_WORD_LOAD(word, order)                                                                                \
    ((__typeof__(__atomic_load_n(word, __ATOMIC_RELAXED)))schedule_load(word, sizeof *(word), order))
#define word_load_relaxed(word) SCHEDULE_WORD_LOAD(word, __ATOMIC_RELAXED)
#define word_load_acquire(word) SCHEDULE_WORD_LOAD(word, __ATOMIC_ACQUIRE)
#define word_store_relaxed(word, to) schedule_word_store(word, sizeof *(word), (uint64_t)(to), __ATOMIC_RELAXED)
#define word_store_release(word, to) schedule_word_store(word, sizeof *(word), (uint64_t)(to), __ATOMIC_RELEASE)

/* ---- In the place of posix/os_inline.h -------------------------------------------------------------------------- */

/* The scheduler's threads are one thread for the system. So the words of thread-local storage are theirs. */
#define BRAINMM_OS_INLINE_H
#include <stddef.h>

struct thread_heap;
struct schedule_words {
    struct thread_heap *heap;
    unsigned locks;
};
extern struct schedule_words *schedule_words;       /* of the thread that runs */
extern struct thread_heap *const schedule_new_heap; /* what a new thread has */

#define OS_THREAD_POINTER_MAY_BE_NULL 0
#define OS_THREAD_WORD(initial) struct thread_heap *const schedule_new_heap = initial

extern bool os_thread_pointers_hidden;
static inline void os_hide_thread_pointers(void) { os_thread_pointers_hidden = true; }
static inline struct thread_heap *os_thread_pointer(void) {
    return os_thread_pointers_hidden ? schedule_new_heap : schedule_words->heap;
}
static inline struct thread_heap *os_thread_pointer_sure(void) { return schedule_words->heap; }
static inline void os_set_thread_pointer(struct thread_heap *heap) { schedule_words->heap = heap; }
static inline unsigned os_locks(void) { return schedule_words->locks; }
static inline void os_set_locks(unsigned bits) { schedule_words->locks = bits; }
static inline void os_write_code(bool write) { (void)write; }

#define OS_TABLE(type, name) __attribute__((section(".data.rel.ro.brainmm"))) type name

bool os_protect_tables(void *first, size_t size, bool writable);

#endif
