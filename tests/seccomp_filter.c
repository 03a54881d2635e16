/* SPDX-License-Identifier: MIT */
/* seccomp_filter.c: a program forbids itself all calls of the system but those that the C library's malloc makes, and
 * gettid. The heap goes on, on threads that were there and with all kinds of sizes. One process answers other calls
 * with an error, another one is killed by them.
 */
#define _GNU_SOURCE
#include "heap_support.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(SECCOMP_RET_KILL_PROCESS)
#define SECCOMP_RET_KILL_PROCESS 0x80000000u
#endif

/* malloc's, and what it takes to write a message, to wait for a thread and to end. Who waits long for a lock asks by
 * tgkill whether its owner lives. The C library's abort() needs that call, too. */
static const int allowed[] = {
    SYS_brk,          SYS_mmap,   SYS_munmap, SYS_mremap, SYS_mprotect,   SYS_madvise,        SYS_futex,
    SYS_gettid,       SYS_tgkill, SYS_write,  SYS_exit,   SYS_exit_group, SYS_rt_sigprocmask, SYS_rt_sigreturn,
#if defined(SYS_mmap2)
    SYS_mmap2,
#endif
#if defined(SYS_futex_time64)
    SYS_futex_time64,
#endif
};

enum { COUNT = sizeof allowed / sizeof *allowed, THREADS = 2, STEPS = 30000, KEPT = 200 };

static void forbid_others(uint32_t answer) {
    struct sock_filter code[2 * COUNT + 2] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    for (unsigned i = 0; i < COUNT; i++) {
        code[1 + 2 * i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        code[2 + 2 * i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[2 * COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
    struct sock_fprog program = {2 * COUNT + 2, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
}

static void work(uintptr_t seed) {
    random_source random = {seed};
    unsigned char *kept[KEPT] = {NULL};
    for (unsigned step = 0; step < STEPS; step++) {
        size_t i = random_below(&random, KEPT), most = step % 100 == 0 ? 9 * MIB : step % 10 == 0 ? 200000 : 3000;
        size_t size = 1 + random_below(&random, most);
        CHECK(!kept[i] || *kept[i] == (unsigned char)i);
        if (step % 3 == 0)
            kept[i] = realloc(kept[i], size);
        else {
            free(kept[i]);
            kept[i] = step % 3 == 1 ? malloc(size) : calloc(1, size);
        }
        CHECK(kept[i] != NULL);
        *kept[i] = (unsigned char)i;
    }
    for (unsigned i = 0; i < KEPT; i++)
        free(kept[i]);
}

static event forbidden;

static void thread_works(void *seed) {
    free(malloc(1));
    while (!event_is_raised(&forbidden)) /* to sleep may be forbidden already */
        continue;
    work((uintptr_t)seed);
}

/* More than most heaps have, and then, on 64 bit, more than there is. On 32 bit the heap would ask for the limit. */
static void ask_for_much(void) {
    void *large[40];
    for (unsigned i = 0; i < 40; i++) {
        large[i] = malloc(10 * MIB);
        CHECK(large[i] != NULL);
        *(volatile char *)large[i] = 1;
    }
    for (unsigned i = 0; i < 40; i++)
        free(large[i]);
    volatile size_t most = PTRDIFF_MAX - 65536;
    CHECK(sizeof(void *) == 4 || malloc(most) == NULL);
}

static void work_forbidden(uint32_t answer) {
    thread threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        thread_start(&threads[i], thread_works, (void *)(uintptr_t)(i + 1));
    struct timespec moment = {0, 20000000};
    nanosleep(&moment, NULL);
    forbid_others(answer);
    event_raise(&forbidden);
    work(99);
    ask_for_much();
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    static const char done[] = "done\n";
    CHECK(write(STDOUT_FILENO, done, sizeof done - 1) > 0);
    _exit(TEST_PASSED);
}

int main(void) {
    static const uint32_t answers[] = {SECCOMP_RET_ERRNO | 1, SECCOMP_RET_KILL_PROCESS};
    for (unsigned i = 0; i < 2; i++) {
        int status = 0;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(60);
            work_forbidden(answers[i]);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == TEST_PASSED, "answer %u: status %x", i, (unsigned)status);
    }
    return TEST_PASSED;
}
