/* SPDX-License-Identifier: MIT */
/* atomic.h: atomic variables and every operation on them. The name of an operation says its memory order.
 *
 * A variable is a structure with one member. So the operators of the language, which would be sequentially consistent
 * (a barrier each on ARM), do not compile on it: whoever touches one has to choose an order. What an acquire or a
 * release pairs with stands where it is used.
 */
#ifndef BRAINMM_ATOMIC_H
#define BRAINMM_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ATOMIC(type)                                                                                                   \
    struct {                                                                                                           \
        _Atomic(type) value;                                                                                           \
    }

typedef ATOMIC(uint8_t) atomic_u8;
typedef ATOMIC(uint16_t) atomic_u16;
typedef ATOMIC(uint32_t) atomic_u32;
/* On 32 bit the compiler would be content with a multiple of 4. An operation that crosses a cache line locks the whole
 * bus: some kernels let a thread wait for milliseconds after each. */
typedef struct {
    _Alignas(8) _Atomic(uint64_t) value;
} atomic_u64;
typedef ATOMIC(int32_t) atomic_i32;
typedef ATOMIC(uintptr_t) atomic_word;

_Static_assert(_Alignof(atomic_u64) == 8 && _Alignof(atomic_word) == sizeof(uintptr_t), "no cache line is crossed");

/* A static variable's first value. */
#define ATOMIC_INITIAL(first)                                                                                          \
    { first }

/* VARIABLE is the address of an atomic variable. */
#define load_relaxed(variable) atomic_load_explicit(&(variable)->value, memory_order_relaxed)
#define load_acquire(variable) atomic_load_explicit(&(variable)->value, memory_order_acquire)
#define store_relaxed(variable, to) atomic_store_explicit(&(variable)->value, to, memory_order_relaxed)
#define store_release(variable, to) atomic_store_explicit(&(variable)->value, to, memory_order_release)

/* Stores before this are made before stores behind it, as any other thread sees them: one that goes on with what a
 * thread has left that ended between the two, or the child of a fork. */
#define store_order() atomic_thread_fence(memory_order_release)

/* All loads and stores before this come before all behind it. So of two threads that each store one variable and then
 * look at the other's, one at least sees what the other has stored. One of them may instead store by
 * exchange_if_ordered() and look by load_ordered(). */
#define order_all() atomic_thread_fence(memory_order_seq_cst)
#define load_ordered(variable) atomic_load_explicit(&(variable)->value, memory_order_seq_cst)

/* The same for this thread's own signal handlers, which see the stores of one processor in any case. */
#define signal_order() atomic_signal_fence(memory_order_seq_cst)

/* These return what was there before. */
#define exchange_relaxed(variable, to) atomic_exchange_explicit(&(variable)->value, to, memory_order_relaxed)
#define exchange_release(variable, to) atomic_exchange_explicit(&(variable)->value, to, memory_order_release)
#define exchange_acquire(variable, to) atomic_exchange_explicit(&(variable)->value, to, memory_order_acquire)
#define add_relaxed(variable, more) atomic_fetch_add_explicit(&(variable)->value, more, memory_order_relaxed)
#define add_acq_rel(variable, more) atomic_fetch_add_explicit(&(variable)->value, more, memory_order_acq_rel)
#define subtract_relaxed(variable, less) atomic_fetch_sub_explicit(&(variable)->value, less, memory_order_relaxed)
#define subtract_release(variable, less) atomic_fetch_sub_explicit(&(variable)->value, less, memory_order_release)
#define subtract_acq_rel(variable, less) atomic_fetch_sub_explicit(&(variable)->value, less, memory_order_acq_rel)

/* Stores TO if the variable is *EXPECTED. False otherwise, and *EXPECTED is then what was there. The order is that of a
 * success; a failure is relaxed, except where the name ends with `_retry`: that one acquires then, too. The weak form
 * may fail for no reason and belongs into a loop. */
#define exchange_if_acquire(variable, expected, to)                                                                    \
    atomic_compare_exchange_strong_explicit(&(variable)->value, expected, to, memory_order_acquire,                    \
                                            memory_order_relaxed)
#define exchange_if_release(variable, expected, to)                                                                    \
    atomic_compare_exchange_strong_explicit(&(variable)->value, expected, to, memory_order_release,                    \
                                            memory_order_relaxed)
#define exchange_if_ordered(variable, expected, to)                                                                    \
    atomic_compare_exchange_strong_explicit(&(variable)->value, expected, to, memory_order_seq_cst,                    \
                                            memory_order_relaxed)
#define exchange_if_acquire_retry(variable, expected, to)                                                              \
    atomic_compare_exchange_strong_explicit(&(variable)->value, expected, to, memory_order_acquire,                    \
                                            memory_order_acquire)
#define exchange_weak_acquire_retry(variable, expected, to)                                                            \
    atomic_compare_exchange_weak_explicit(&(variable)->value, expected, to, memory_order_acquire, memory_order_acquire)
#define exchange_weak_release(variable, expected, to)                                                                  \
    atomic_compare_exchange_weak_explicit(&(variable)->value, expected, to, memory_order_release, memory_order_relaxed)
#define exchange_weak_acq_rel(variable, expected, to)                                                                  \
    atomic_compare_exchange_weak_explicit(&(variable)->value, expected, to, memory_order_acq_rel, memory_order_relaxed)

/* The same for a word that is declared otherwise, such as a member of a published structure. WORD is its address. */
#define word_load_relaxed(word) __atomic_load_n(word, __ATOMIC_RELAXED)
#define word_load_acquire(word) __atomic_load_n(word, __ATOMIC_ACQUIRE)
#define word_store_relaxed(word, to) __atomic_store_n(word, to, __ATOMIC_RELAXED)
#define word_store_release(word, to) __atomic_store_n(word, to, __ATOMIC_RELEASE)

/* A relaxed load of a variable of TYPE that the compiler may fold into the instruction which uses it. No compiler does
 * that to a real atomic load, and the hot path would pay an instruction for each. So the plain load is written, except
 * for ThreadSanitizer, which would report it. There it acquires: what the value leads to is ordered behind the load by
 * its address, of which ThreadSanitizer knows nothing. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1 /* as gcc defines it */
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define load_folded(type, variable) load_acquire(variable)
#else
#define load_folded(type, variable) (*(type const *)(const void *)(variable))
#endif

#endif
