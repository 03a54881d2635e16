/* SPDX-License-Identifier: MIT */
/* threads.c (macOS): what each thread has, thread ids, forks, waiting. */
#include "darwin/threads.h"
#include "base/atomic.h"
#include "base/compiler.h"
#include "os.h"
#include "os_inline.h"
#include <errno.h>
#include <mach/mach.h>
#include <mach/thread_switch.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* ---- What each thread has --------------------------------------------------------------------------------------- */

/* The slots. The first is what os_thread_pointer() reads. The second has the same, and is there because the first one
 * stays NULL where pointers are hidden. */
enum { SLOT_HEAP, SLOT_HEAP_SURE, SLOT_LOCKS, SLOT_ID, SLOTS };
static pthread_key_t keys[SLOTS];
static unsigned keys_count;
static bool hidden;
uintptr_t os_thread_offset;

static uintptr_t slot_get(unsigned slot) { return slot < keys_count ? (uintptr_t)pthread_getspecific(keys[slot]) : 0; }

static void slot_set(unsigned slot, uintptr_t value) {
    int error = errno;
    if (slot < keys_count)
        pthread_setspecific(keys[slot], (const void *)value);
    errno = error;
}

/* Whether os_thread_pointer() reads what was stored under the key. */
static bool slot_is_where_expected(void) {
    struct thread_heap *const values[] = {(struct thread_heap *)&keys, NULL};
    os_thread_offset = (uintptr_t)keys[SLOT_HEAP] * sizeof(void *);
    for (unsigned i = 0; i < 2; i++) {
        slot_set(SLOT_HEAP, (uintptr_t)values[i]);
        if (os_thread_pointer() != values[i])
            return false;
    }
    return true;
}

const char *threads_start(void) {
    while (keys_count < SLOTS && pthread_key_create(&keys[keys_count], NULL) == 0)
        keys_count++;
    if (keys_count < SLOTS)
        return "The program has used up the system's keys for thread-specific data";
    return slot_is_where_expected() ? NULL : "The system keeps thread-specific data elsewhere than this library knows";
}

struct thread_heap *os_thread_pointer_sure(void) {
    return (struct thread_heap *)slot_get(SLOT_HEAP_SURE);
}

void os_set_thread_pointer(struct thread_heap *heap) {
    slot_set(SLOT_HEAP_SURE, (uintptr_t)heap);
    if (!hidden)
        slot_set(SLOT_HEAP, (uintptr_t)heap);
}

void os_hide_thread_pointers(void) { hidden = true; }

unsigned os_locks(void) {
    signal_order();
    return (unsigned)slot_get(SLOT_LOCKS);
}

void os_set_locks(unsigned bits) {
    signal_order();
    slot_set(SLOT_LOCKS, bits);
    signal_order();
}

/* ---- Thread ids and forks --------------------------------------------------------------------------------------- */

static ATOMIC(pid_t) process_id; /* as of the start, or of the last fork that was noticed; 0: not watched */
static atomic_u32 forking;       /* forks under way */
static void (*fork_noticed)(uintptr_t before, uintptr_t now, bool first);

/* The name of the thread's port. Its upper 24 bits count the ports of the process: far fewer than 2^23. */
static uintptr_t id_from_system(void) { return pthread_mach_thread_np(pthread_self()); }

/* Handlers of others may use the heap after the first of these, and in the child before the last. */
static void fork_begins(void) {
    slot_set(SLOT_ID, id_from_system());
    add_acq_rel(&forking, 1u);
}
static void fork_ends(void) { subtract_acq_rel(&forking, 1u); }
static void fork_ends_in_child(void) { os_thread_id(); }

void os_watch_fork(void (*noticed)(uintptr_t before, uintptr_t now, bool first)) {
    fork_noticed = noticed;
    if (pthread_atfork(fork_begins, fork_ends, fork_ends_in_child) != 0)
        os_print("BrainMM: a fork will not be noticed; only exec is safe in the child\n");
    else
        store_release(&process_id, getpid()); /* with the acquire of os_thread_id() */
}

/* The child has one thread. No signal handler may come between: it would find the heap as others have left it. */
static COLD void notice_fork(void) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (load_relaxed(&process_id) != getpid()) {
        store_relaxed(&process_id, getpid());
        store_relaxed(&forking, 0u);
        fork_noticed(slot_get(SLOT_ID), id_from_system(), true);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A fork goes through the C library here, which calls the handlers. */
uintptr_t os_thread_id(void) {
    if (UNLIKELY(load_relaxed(&forking) != 0)) {
        pid_t known = load_acquire(&process_id); /* with the release of os_watch_fork() */
        if (known != 0 && known != getpid())
            notice_fork();
    }
    return id_from_system();
}

/* What the kernel answers about a port that is gone, or is by now the port of something else. */
bool os_thread_alive(uintptr_t id) {
    thread_basic_info_data_t info;
    mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;
    kern_return_t result = thread_info((thread_act_t)id, THREAD_BASIC_INFO, (thread_info_t)&info, &count);
    return result != KERN_INVALID_ARGUMENT && result != KERN_TERMINATED && result != MACH_SEND_INVALID_DEST &&
           result != MIG_BAD_ID;
}

/* ---- Waiting ---------------------------------------------------------------------------------------------------- */

/* Apple's documented functions, of macOS 14.4. Where they are missing, who waits looks once a millisecond. */
extern int os_sync_wait_on_address_with_timeout(void *address, uint64_t value, size_t size, uint32_t flags,
                                                uint32_t clock, uint64_t nanoseconds) __attribute__((weak_import));
extern int os_sync_wake_by_address_any(void *address, size_t size, uint32_t flags) __attribute__((weak_import));
#define CLOCK_OF_THE_PROCESSOR 32u /* OS_CLOCK_MACH_ABSOLUTE_TIME */

/* A trap of the kernel, and no cancellation point. */
void os_sleep(void) { thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, 1); }

bool os_wait(unsigned queue, const void *word, uint32_t expected, unsigned milliseconds) {
    void *address = (void *)(uintptr_t)word;
    int error = errno;
    bool in_time = true;
    (void)queue;
    if (os_sync_wait_on_address_with_timeout && os_sync_wake_by_address_any) {
        if (os_sync_wait_on_address_with_timeout(address, expected, sizeof expected, 0, CLOCK_OF_THE_PROCESSOR,
                                                 milliseconds * (uint64_t)1000000) < 0)
            in_time = errno != ETIMEDOUT;
    } else if (word_load_relaxed((const uint32_t *)word) == expected) {
        os_sleep();
        in_time = word_load_relaxed((const uint32_t *)word) != expected;
    }
    errno = error;
    return in_time;
}

void os_wake(unsigned queue, const void *word) {
    int error = errno;
    (void)queue;
    if (os_sync_wait_on_address_with_timeout && os_sync_wake_by_address_any)
        os_sync_wake_by_address_any((void *)(uintptr_t)word, sizeof(uint32_t), 0);
    errno = error;
}
