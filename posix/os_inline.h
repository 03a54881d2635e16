/* SPDX-License-Identifier: MIT */
/* os_inline.h (POSIX): what of os.h must be inline: the word of thread-local storage that holds the thread's heap;
 * where tables lie. */
#ifndef BRAINMM_OS_INLINE_H
#define BRAINMM_OS_INLINE_H

#include <stdbool.h>
#include <stddef.h>

struct thread_heap;

/* A new thread's word is never NULL: the fast paths need no test for it. */
#define OS_THREAD_POINTER_MAY_BE_NULL 0
#define OS_THREAD_WORD(initial) _Thread_local struct thread_heap *os_thread_word = initial

extern _Thread_local struct thread_heap *os_thread_word __attribute__((visibility("hidden")));

static inline struct thread_heap *os_thread_pointer(void) { return os_thread_word; }
static inline struct thread_heap *os_thread_pointer_sure(void) { return os_thread_word; }
static inline void os_set_thread_pointer(struct thread_heap *heap) { os_thread_word = heap; }

/* tables.c tells more. */
#define OS_TABLE(type, name) __attribute__((section(".data.rel.ro.brainmm"))) type name

bool os_protect_tables(void *first, size_t size, bool writable);

#endif
