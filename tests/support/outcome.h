/* SPDX-License-Identifier: MIT */
/* outcome.h: ends a test program by CHECK or a skip, and tells under which tool it runs. It includes the system's
 * headers for the other headers of this folder. */
#ifndef TESTS_OUTCOME_H
#define TESTS_OUTCOME_H

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
/* after windows.h, whose types it needs */
#include <psapi.h>
#else
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUPPORT_INLINE static inline __attribute__((unused))

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

enum { TEST_PASSED = 0, TEST_FAILED = 1, TEST_SKIPPED = 77 };

/* Ends the process if COND does not hold. Runs no exit handlers, because other threads may be in the heap. */
#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);                                  \
            test_end(TEST_FAILED);                                                                                     \
        }                                                                                                              \
    } while (0)

/* The same, with a message for printf that tells the values. */
#define CHECK_MSG(cond, ...)                                                                                           \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: does not hold: %s: ", __FILE__, __LINE__, #cond);                                  \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fprintf(stderr, "\n");                                                                                     \
            test_end(TEST_FAILED);                                                                                     \
        }                                                                                                              \
    } while (0)

_Noreturn SUPPORT_INLINE void test_end(int status) {
    fflush(stdout);
    fflush(stderr);
#if defined(TEST_ON_FAILURE) /* the name of a function */
    if (status == TEST_FAILED)
        TEST_ON_FAILURE();
#endif
#if defined(_WIN32)
    TerminateProcess(GetCurrentProcess(), (UINT)status);
    abort(); /* not reached, but TerminateProcess is not declared so */
#else
    _exit(status);
#endif
}

_Noreturn SUPPORT_INLINE void test_skip(const char *why) {
    printf("skipped: %s\n", why);
    test_end(TEST_SKIPPED);
}

/* True if the program runs under valgrind, where slow loops must be shorter. The function looks for the library that
 * valgrind preloads, so that the tests need no header of valgrind. */
SUPPORT_INLINE bool under_valgrind(void) {
#if defined(_WIN32)
    return false;
#else
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload") != NULL;
#endif
}

/* True if qemu runs the program (tests/run). It is slow, but changes no figures. In /proc/self/maps it tells
 * wrong rights to execute. */
SUPPORT_INLINE bool under_qemu(void) { return getenv("TEST_UNDER_QEMU") != NULL; }
SUPPORT_INLINE bool runs_slowly(void) { return under_valgrind() || under_qemu(); }

/* 1 in builds with a sanitizer that changes memory figures and times. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

#endif
