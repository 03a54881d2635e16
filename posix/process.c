/* SPDX-License-Identifier: MIT */
/* process.c (POSIX): the ends of threads, and what a process says. */
#include "base/atomic.h"
#include "os.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

static pthread_key_t exit_key;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool exit_key_created;
static _Thread_local bool watched; /* without a key */
static void (*exit_done)(void);    /* every caller of os_watch_thread_exit() gives the same */

static void thread_exits(void *unused) {
    (void)unused;
    word_load_relaxed (&exit_done)();
}

/* The C library's own way for the destructors of C++ (thread_local). Not every C library has it. */
extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *module) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden"))); /* the compiler's name for this module */

static void create_exit_key(void) { exit_key_created = pthread_key_create(&exit_key, thread_exits) == 0; }

void os_watch_thread_exit(void (*done)(void)) {
    word_store_relaxed(&exit_done, done);
    pthread_once(&exit_key_once, create_exit_key);
    if (exit_key_created && pthread_setspecific(exit_key, &exit_key) == 0)
        return;                               /* for any value but NULL the destructor is called */
    if (__cxa_thread_atexit_impl && !watched) /* the program has taken all keys, or there is no memory for one */
        watched = __cxa_thread_atexit_impl(thread_exits, NULL, &__dso_handle) == 0;
}

bool os_process_ending(void) { return false; } /* other threads run until the process is gone */

/* ---- What it says ----------------------------------------------------------------------------------------------- */

/* The system call is made directly: a thread could be cancelled in write(). */
void os_print(const char *text) {
    int error = errno;
    syscall(SYS_write, STDERR_FILENO, text, strlen(text));
    errno = error;
}

void os_break(void) { raise(SIGTRAP); }

void os_abort(const char *text) {
    os_print(text);
    abort();
}
