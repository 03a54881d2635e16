/* SPDX-License-Identifier: MIT */
/* os_inline.h (POSIX): what of os.h must be inline: the words of thread-local storage that hold the thread's heap, and
 * the locks that it holds; where tables lie. */
#ifndef BRAINMM_OS_INLINE_H
#define BRAINMM_OS_INLINE_H

#if defined(__APPLE__)
#include "darwin/inline.h"
#else

#include "base/atomic.h"
#include <stdbool.h>
#include <stddef.h>

struct thread_heap;

/* A new thread's word is never NULL: the fast paths need no test for it. There is a second word, because the first one
 * stays as it is where pointers are hidden. */
#define OS_THREAD_POINTER_MAY_BE_NULL 0
#define OS_THREAD_WORD(initial)                                                                                        \
    _Thread_local struct thread_heap *os_thread_word = initial, *os_thread_word_sure = initial

extern _Thread_local struct thread_heap *os_thread_word __attribute__((visibility("hidden")));
extern _Thread_local struct thread_heap *os_thread_word_sure __attribute__((visibility("hidden")));
extern bool os_thread_pointers_hidden __attribute__((visibility("hidden")));

static inline struct thread_heap *os_thread_pointer(void) { return os_thread_word; }
static inline struct thread_heap *os_thread_pointer_sure(void) { return os_thread_word_sure; }
static inline void os_set_thread_pointer(struct thread_heap *heap) {
    os_thread_word_sure = heap;
    if (!os_thread_pointers_hidden)
        os_thread_word = heap;
}
static inline void os_hide_thread_pointers(void) { os_thread_pointers_hidden = true; }

extern _Thread_local unsigned os_locks_word __attribute__((visibility("hidden")));

static inline unsigned os_locks(void) {
    signal_order();
    return os_locks_word;
}

static inline void os_set_locks(unsigned bits) {
    signal_order();
    os_locks_word = bits;
    signal_order();
}

static inline void os_write_code(bool write) { (void)write; }

/* tables.c tells more. */
#define OS_TABLE(type, name) __attribute__((section(".data.rel.ro.brainmm"))) type name

bool os_protect_tables(void *first, size_t size, bool writable);

#endif
#endif
