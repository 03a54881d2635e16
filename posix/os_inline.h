/* os_inline.h (POSIX): what of os.h must be inline: the word of thread-local storage that holds the thread's heap. */
#ifndef BRAINMM_OS_INLINE_H
#define BRAINMM_OS_INLINE_H

#include <stdbool.h>

struct heap;

/* A new thread's word is the core's `heap_none`, never NULL: the fast paths need no test for it. */
#define OS_THREAD_POINTER_MAY_BE_NULL 0

/* Whether os_expect_use() does something. 32 bit has no addresses to begin what is large where huge pages do. */
#define OS_HUGE_PAGES (sizeof(void *) > 4)

/* Whether reserved memory may be charged as if it were used: where memory is accounted strictly (vm.overcommit_memory 2),
 * for a program that locks all it has (mlockall), by `ulimit -d`. 32 bit reserves little at a time anyway. */
#define OS_RESERVED_IS_CHARGED (sizeof(void *) > 4)

/* The administrator wants huge pages for all memory, not only where programs advise them. */
extern bool os_huge_pages_always __attribute__((visibility("hidden")));

extern _Thread_local struct heap *os_thread_word __attribute__((visibility("hidden")));

static inline struct heap *os_thread_pointer(void) { return os_thread_word; }
static inline void os_set_thread_pointer(struct heap *heap) { os_thread_word = heap; }

#endif
