/* SPDX-License-Identifier: MIT */
/* os_inline.h (Windows): what of os.h must be inline: the word of thread-local storage that holds the thread's heap.
 *
 * MinGW's __thread is a function call each time. So the word is a TlsAlloc slot that is read from the thread's TEB,
 * where Windows keeps the first 64 of them. os_thread_offset is the slot's place there. A process may have used up all
 * 64 before us. Then os_thread_offset points to a field that is NULL in every thread: the fast paths take every thread
 * for a new one, and the slow paths ask TlsGetValue.
 *
 * Tables lie among the constants, whose pages hold nothing that is ever written.
 */
#ifndef BRAINMM_OS_INLINE_H
#define BRAINMM_OS_INLINE_H

#include "brainmm.h"
#include "os.h"
#include "teb.h"

struct thread_heap;

#define OS_THREAD_POINTER_MAY_BE_NULL 1
#define OS_THREAD_WORD(initial) _Static_assert(1, "the word is a slot of the system's")

extern uint32_t os_thread_offset __attribute__((visibility("hidden")));

static inline struct thread_heap *os_thread_pointer(void) { return (struct thread_heap *)teb_word(os_thread_offset); }

/* There are no signals. */
static inline unsigned os_locks(void) { return 0; }
static inline void os_set_locks(unsigned bits) { (void)bits; }

void os_hide_thread_pointers(void);
struct thread_heap *os_thread_pointer_sure(void);
void os_set_thread_pointer(struct thread_heap *heap);

static inline void os_write_code(bool write) { (void)write; }

/* A section is writable as a whole if one variable in it is. So the linker gets a constant. To the compiler that is
 * another object than NAME, or it would take NAME's first value for its only one. */
#define OS_TABLE_TEXT(text) #text
#define OS_TABLE_SYMBOL(prefix, name) OS_TABLE_TEXT(prefix) #name
#define OS_TABLE_LABEL(prefix, name) OS_TABLE_SYMBOL(prefix, name)
#define OS_TABLE(type, name)                                                                                           \
    extern type name __attribute__((visibility("hidden")));                                                            \
    extern const __typeof__(type) name##_table __asm__(OS_TABLE_LABEL(__USER_LABEL_PREFIX__, name));                   \
    const __typeof__(type) name##_table __attribute__((section(".rdata$brainmm")))

static inline bool os_protect_tables(void *first, size_t size, bool writable) {
    return os_protect(first, size, writable ? BRAINMM_READ | BRAINMM_WRITE : BRAINMM_READ);
}

#endif
