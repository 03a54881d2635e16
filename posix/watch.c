/* SPDX-License-Identifier: MIT */
/* watch.c (POSIX): a thread that dumps the heap when a signal comes. The handler only wakes it: a handler may have
 * interrupted a function of the heap. */
#define _GNU_SOURCE
#include "calls.h"
#include "os.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>

static signs given;
static void (*dump_function)(void);

static void sign_comes(int number) {
    int error = errno;
    (void)number;
    signs_give(&given);
    errno = error;
}

static void *wait_for_signs(void *unused) {
    (void)unused;
    for (;;)
        if (signs_await(&given))
            dump_function();
    return NULL;
}

/* All signals are for the program's own threads. */
static bool start_thread(void) {
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = signs_start(&given) && pthread_create(&thread, NULL, wait_for_signs, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

const char *os_watch_dump(unsigned signal, void (*dump)(void)) {
    struct sigaction action = {.sa_handler = sign_comes, .sa_flags = SA_RESTART}, now;
    if (signal == 0)
        return "this system has signals, and no events";
    if (sigaction((int)signal, NULL, &now) != 0)
        return "the system has no such signal";
    if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL)
        return "the program handles or ignores that signal itself";
    dump_function = dump;
    if (!start_thread())
        return "the system starts no thread";
    sigemptyset(&action.sa_mask);
    return sigaction((int)signal, &action, NULL) == 0 ? NULL : "that signal can have no handler";
}
