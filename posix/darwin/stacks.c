/* SPDX-License-Identifier: MIT */
/* stacks.c (macOS): what a thread may read of its stack. The C library knows where a thread's own stack lies. */
#include "os.h"
#include <pthread.h>

uintptr_t os_stack_end(uintptr_t frame) {
    pthread_t self = pthread_self();
    uintptr_t end = (uintptr_t)pthread_get_stackaddr_np(self), size = pthread_get_stacksize_np(self);
    return frame < end && end - frame <= size ? end : frame;
}

/* The ABI demands frame pointers, so the tables for exceptions have no more to tell. To ask for them would wait for the
 * loader. */
void os_unwind_start(void) {}

unsigned os_unwind(const void **addresses, unsigned capacity) {
    (void)addresses, (void)capacity;
    return 0;
}
