/* SPDX-License-Identifier: MIT */
/* calls.h (Linux): see posix/calls.h. The system calls are made directly: a thread could be cancelled in the functions
 * of libc. The includer defines _GNU_SOURCE. */
#ifndef BRAINMM_LINUX_CALLS_H
#define BRAINMM_LINUX_CALLS_H

#include <fcntl.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long call_open(const char *path, int flags) { return syscall(SYS_openat, AT_FDCWD, path, flags, 0666); }
static inline long call_read(long file, void *bytes, size_t size) { return syscall(SYS_read, file, bytes, size); }
static inline long call_write(long file, const void *bytes, size_t size) {
    return syscall(SYS_write, file, bytes, size);
}
static inline void call_close(long file) { syscall(SYS_close, file); }
static inline uintptr_t call_process_id(void) { return (uintptr_t)syscall(SYS_getpid); }

/* The C library's own way for the destructors of C++ (thread_local). Not every C library has it. */
extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *module) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden"))); /* the compiler's name for this module */

static inline bool call_thread_end(void (*function)(void *unused)) {
    static _Thread_local bool watched;
    if (__cxa_thread_atexit_impl && !watched)
        watched = __cxa_thread_atexit_impl(function, NULL, &__dso_handle) == 0;
    return watched;
}

/* The dynamic linker finds it in the program, if the program exports it: it does when it is linked with the library. */
extern const char brainmm_program_options[] __attribute__((weak, visibility("default")));
static inline const char *call_program_options(void) { return brainmm_program_options; }

typedef sem_t signs;
static inline bool signs_start(signs *of) { return sem_init(of, 0, 0) == 0; }
static inline void signs_give(signs *of) { sem_post(of); }
static inline bool signs_await(signs *of) { return sem_wait(of) == 0; }

#endif
