/* SPDX-License-Identifier: MIT */
/* calls.h (macOS): see posix/calls.h. There are no bare system calls to make here: their numbers are the system's own
 * business. So a thread cannot be cancelled meanwhile. */
#ifndef BRAINMM_DARWIN_CALLS_H
#define BRAINMM_DARWIN_CALLS_H

#include <dlfcn.h>
#include <fcntl.h>
#include <mach/mach.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

static inline int calls_begin(void) {
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}
static inline void calls_end(int before) { pthread_setcancelstate(before, NULL); }

static inline long call_open(const char *path, int flags) {
    int before = calls_begin();
    long file = open(path, flags, 0666);
    calls_end(before);
    return file;
}
static inline long call_read(long file, void *bytes, size_t size) {
    int before = calls_begin();
    long done = read((int)file, bytes, size);
    calls_end(before);
    return done;
}
static inline long call_write(long file, const void *bytes, size_t size) {
    int before = calls_begin();
    long done = write((int)file, bytes, size);
    calls_end(before);
    return done;
}
static inline void call_close(long file) {
    int before = calls_begin();
    close((int)file);
    calls_end(before);
}
static inline uintptr_t call_process_id(void) { return (uintptr_t)getpid(); }

/* Without keys there is no heap: threads.c. */
static inline bool call_thread_end(void (*function)(void *unused)) {
    (void)function;
    return false;
}

static inline const char *call_program_options(void) { return dlsym(RTLD_MAIN_ONLY, "brainmm_program_options"); }

/* sem_init() is not there, and dispatch's semaphores are not for signal handlers. Mach's are one system call. */
typedef semaphore_t signs;
static inline bool signs_start(signs *of) {
    return semaphore_create(mach_task_self(), of, SYNC_POLICY_FIFO, 0) == KERN_SUCCESS;
}
static inline void signs_give(signs *of) { semaphore_signal(*of); }
static inline bool signs_await(signs *of) { return semaphore_wait(*of) == KERN_SUCCESS; }

#endif
