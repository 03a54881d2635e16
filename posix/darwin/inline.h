/* SPDX-License-Identifier: MIT */
/* inline.h (macOS): what of os.h must be inline; posix/os_inline.h includes it.
 *
 * A _Thread_local variable of a library is a function call each time. So the thread's heap is in a slot for
 * thread-specific data, which a key names. The slots of a thread lie in a row: on x86 GS begins there, on ARM the
 * register TPIDRRO_EL0 has the address. os_thread_offset is the slot's place there. The system documents none of that,
 * so threads.c tries it out before a heap starts. A new thread's slot is NULL.
 *
 * What else a thread has is in slots, too, and is reached through functions.
 */
#ifndef BRAINMM_DARWIN_INLINE_H
#define BRAINMM_DARWIN_INLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thread_heap;

#define OS_THREAD_POINTER_MAY_BE_NULL 1
#define OS_THREAD_WORD(initial) _Static_assert(1, "the word is a slot of the system's")

extern uintptr_t os_thread_offset __attribute__((visibility("hidden")));

static inline struct thread_heap *os_thread_pointer(void) {
    struct thread_heap *heap;
#if defined(__x86_64__)
    __asm__ volatile("movq %%gs:(%1), %0" : "=r"(heap) : "r"(os_thread_offset));
#else
    uintptr_t slots;
    __asm__("mrs %0, TPIDRRO_EL0" : "=r"(slots));
    __asm__ volatile("ldr %0, [%1, %2]" : "=r"(heap) : "r"(slots), "r"(os_thread_offset));
#endif
    return heap;
}

void os_hide_thread_pointers(void);
struct thread_heap *os_thread_pointer_sure(void);
void os_set_thread_pointer(struct thread_heap *heap);

unsigned os_locks(void);
void os_set_locks(unsigned bits);

void os_write_code(bool write);

/* A segment of its own has pages of its own, whichever image contains the core. */
#define OS_TABLE(type, name) __attribute__((section("__BRAINMM,__tables"))) type name

bool os_protect_tables(void *first, size_t size, bool writable);

#endif
