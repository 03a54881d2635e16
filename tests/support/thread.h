/* SPDX-License-Identifier: MIT */
/* thread.h: time, threads, events between them, and a bound on the time of the whole program. */
#ifndef TESTS_THREAD_H
#define TESTS_THREAD_H

#include "support/outcome.h"

SUPPORT_INLINE uint64_t now_ms(void) {
#if defined(_WIN32)
    return GetTickCount64();
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
#endif
}

SUPPORT_INLINE void sleep_ms(unsigned ms) {
#if defined(_WIN32)
    Sleep(ms);
#else
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
#endif
}

SUPPORT_INLINE void thread_yield(void) {
#if defined(_WIN32)
    Sleep(0);
#else
    sched_yield();
#endif
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

typedef struct thread {
    void (*run)(void *argument);
    void *argument;
#if defined(_WIN32)
    HANDLE handle;
#else
    pthread_t handle;
#endif
} thread;

#if defined(_WIN32)
SUPPORT_INLINE DWORD WINAPI thread_entry(void *self) {
    thread *t = self;
    t->run(t->argument);
    return 0;
}
#else
SUPPORT_INLINE void *thread_entry(void *self) {
    thread *t = self;
    t->run(t->argument);
    return NULL;
}
#endif

/* *T must stay at its address until the thread has been joined. */
SUPPORT_INLINE void thread_start(thread *t, void (*run)(void *), void *argument) {
    t->run = run;
    t->argument = argument;
#if defined(_WIN32)
    t->handle = CreateThread(NULL, 256 * 1024, thread_entry, t, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    CHECK(t->handle != NULL);
#else
    int error = pthread_create(&t->handle, NULL, thread_entry, t);
    CHECK_MSG(error == 0, "pthread_create: %s", strerror(error));
#endif
}

SUPPORT_INLINE void thread_join(thread *t) {
#if defined(_WIN32)
    CHECK(WaitForSingleObject(t->handle, INFINITE) == WAIT_OBJECT_0);
    CloseHandle(t->handle);
#else
    CHECK(pthread_join(t->handle, NULL) == 0);
#endif
}

/* The system's id of this thread, as in brainmm_options.thread_id. */
SUPPORT_INLINE uintptr_t current_thread_id(void) {
#if defined(_WIN32)
    return GetCurrentThreadId();
#else
    return (uintptr_t)syscall(SYS_gettid);
#endif
}

/* A one-way signal between threads. Who waits for it sleeps again and again. A condition variable could call the C
 * library's allocator, which would disturb programs that measure memory. */
typedef struct event {
    int raised;
} event;

SUPPORT_INLINE void event_raise(event *e) {
    __atomic_store_n(&e->raised, 1, __ATOMIC_RELEASE); /* pairs with event_is_raised */
}

SUPPORT_INLINE bool event_is_raised(const event *e) { return __atomic_load_n(&e->raised, __ATOMIC_ACQUIRE) != 0; }

/* Waits for E. False if it was not raised within MS. */
SUPPORT_INLINE bool event_wait(const event *e, uint64_t ms) {
    uint64_t end = now_ms() + ms;
    while (!event_is_raised(e)) {
        if (now_ms() > end)
            return false;
        sleep_ms(1);
    }
    return true;
}

/* Ends the process with a message if the test takes longer than SECONDS, so that a hang is a failure with a reason. */
SUPPORT_INLINE void watchdog_run(void *seconds) {
    sleep_ms((unsigned)(uintptr_t)seconds * 1000);
    fprintf(stderr, "the test did not end within %u seconds\n", (unsigned)(uintptr_t)seconds);
    test_end(TEST_FAILED);
}

SUPPORT_INLINE void watchdog_start(unsigned seconds) {
    static thread dog;
    thread_start(&dog, watchdog_run, (void *)(uintptr_t)seconds);
}

#endif
