/* SPDX-License-Identifier: MIT */
/* threads.c (Linux): thread ids, forks, waiting. System calls are made directly: they are no cancellation points, and
 * what libc caches may be wrong in a child that a bare system call has made.
 */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "base/compiler.h"
#include "os.h"
#include "os_inline.h"
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

_Thread_local unsigned os_locks_word;
bool os_thread_pointers_hidden;

/* ---- Forks ------------------------------------------------------------------------------------------------------ */

/* The word that tells: the system sets it to 0 in a child (MADV_WIPEONFORK), whoever made that, and without a handler.
 * A child of vfork() shares the parent's memory and sees no change: it acts for the parent's thread, which waits. */
#define NOTICED UINT32_MAX /* else 0, or the id of the thread that is about it */
struct fork_word {
    atomic_u32 state;
};

static struct fork_word word_without_wipe = {ATOMIC_INITIAL(NOTICED)};
static ATOMIC(struct fork_word *) fork_word; /* NULL: not watched yet */
static ATOMIC(pid_t) process_id;             /* as of the start, or of the last fork that was noticed */
static atomic_u32 forks;                     /* that were noticed, and 1 */
static void (*fork_noticed)(uintptr_t before, uintptr_t now, bool first);

/* A thread's id, and the count of forks when it was read. */
static _Thread_local struct {
    uint32_t id;
    uint32_t forks;
} self;

static uint32_t id_from_system(void) { return (uint32_t)syscall(SYS_gettid); }

/* Before Linux 4.14 this does for fork(), but not for children that bare system calls make. */
static void wipe_in_child(void) { store_relaxed(&word_without_wipe.state, 0); }

void os_watch_fork(void (*noticed)(uintptr_t before, uintptr_t now, bool first)) {
    size_t size = os_facts.page;
    int error = errno;
    struct fork_word *word = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (word != MAP_FAILED && madvise(word, size, MADV_WIPEONFORK) != 0) {
        munmap(word, size);
        word = MAP_FAILED;
    }
    if (word == MAP_FAILED) {
        word = &word_without_wipe;
        if (pthread_atfork(NULL, NULL, wipe_in_child) != 0)
            os_print("BrainMM: a fork will not be noticed; only exec is safe in the child\n");
    }
    errno = error;
    store_relaxed(&word->state, NOTICED);
    store_relaxed(&process_id, (pid_t)syscall(SYS_getpid));
    store_relaxed(&forks, 1);
    fork_noticed = noticed;
    store_release(&fork_word, word); /* with the acquire of os_thread_id() */
}

/* No signal handler may come between: it would wait for the thread that it has interrupted. */
static __attribute__((noinline)) void notice_fork(struct fork_word *word) {
    sigset_t all, before;
    uint32_t wiped = 0, id = id_from_system();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (exchange_if_acquire(&word->state, &wiped, id)) {
        uint32_t id_before = self.id;
        store_relaxed(&process_id, (pid_t)syscall(SYS_getpid));
        store_relaxed(&forks, load_relaxed(&forks) + 1);
        self.id = id;
        self.forks = load_relaxed(&forks);
        fork_noticed(id_before, id, true);
        store_release(&word->state, NOTICED); /* with the acquire of whoever finds it so */
    }
    while (load_acquire(&word->state) != NOTICED)
        syscall(SYS_sched_yield);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A thread that has none yet, or that another thread has noticed the fork before. A handler may fork in between: then
 * the count is one of before, and the id is read once more. */
static __attribute__((noinline)) void renew_id(void) {
    uint32_t now = load_relaxed(&forks), before = self.id;
    signal_order();
    self.id = id_from_system();
    signal_order();
    self.forks = now;
    if (before)
        fork_noticed(before, self.id, false);
}

uintptr_t os_thread_id(void) {
    struct fork_word *word = load_acquire(&fork_word);
    if (UNLIKELY(!word))
        return id_from_system();
    for (;;) {
        if (UNLIKELY(load_acquire(&word->state) != NOTICED))
            notice_fork(word);
        if (LIKELY(self.forks == load_relaxed(&forks)))
            return self.id;
        renew_id();
    }
}

/* The id of a thread of another process is none of ours. */
bool os_thread_alive(uintptr_t id) {
    int error = errno;
    pid_t process = load_relaxed(&process_id);
    bool alive = process == 0 || syscall(SYS_tgkill, process, (pid_t)id, 0) == 0 || errno != ESRCH;
    errno = error;
    return alive;
}

/* ---- Waiting ---------------------------------------------------------------------------------------------------- */

struct time {
    long seconds, nanoseconds; /* as these system calls have it, whatever time_t is */
};

/* Where a filter of system calls forbids to wait, others at least get to run. */
bool os_wait(unsigned queue, const void *word, uint32_t expected, unsigned milliseconds) {
    struct time time = {(long)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};
    int error = errno;
    (void)queue;
    bool in_time = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &time, NULL, 0) == 0;
    if (!in_time && (errno == EAGAIN || errno == EINTR))
        in_time = true;
    else if (!in_time && errno != ETIMEDOUT)
        syscall(SYS_sched_yield);
    errno = error;
    return in_time;
}

void os_wake(unsigned queue, const void *word) {
    int error = errno;
    (void)queue;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = error;
}

void os_sleep(void) {
    struct time millisecond = {0, 1000000};
    int error = errno;
    syscall(SYS_nanosleep, &millisecond, NULL);
    errno = error;
}
