/* SPDX-License-Identifier: MIT */
/* process.c (POSIX): the ends of threads, and what a process says. */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "calls.h"
#include "os.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

static pthread_key_t exit_key;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool exit_key_created;
static void (*exit_done)(void); /* every caller of os_watch_thread_exit() gives the same */

static void thread_exits(void *unused) {
    (void)unused;
    word_load_relaxed (&exit_done)();
}

static void create_exit_key(void) { exit_key_created = pthread_key_create(&exit_key, thread_exits) == 0; }

void os_watch_thread_exit(void (*done)(void)) {
    word_store_relaxed(&exit_done, done);
    pthread_once(&exit_key_once, create_exit_key);
    if (exit_key_created && pthread_setspecific(exit_key, &exit_key) == 0)
        return; /* for any value but NULL the destructor is called */
    /* The program has taken all keys, or there is no memory for one. */
    call_thread_end(thread_exits);
}

bool os_process_ending(void) { return false; } /* other threads run until the process is gone */

/* ---- What it says ----------------------------------------------------------------------------------------------- */

void os_print(const char *text) {
    int error = errno;
    call_write(STDERR_FILENO, text, strlen(text));
    errno = error;
}

void os_break(void) { raise(SIGTRAP); }

void os_abort(const char *text) {
    os_print(text);
    abort();
}
