/* SPDX-License-Identifier: MIT */
/* cpp_support.h: what the tests of brainmm.hpp share. Each is a program of its own; CHECK ends it. */
#ifndef TESTS_CPP_SUPPORT_H
#define TESTS_CPP_SUPPORT_H

#include "brainmm.hpp"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#include <unistd.h>
#endif

/* Ends the process at once, without destructors: they may not work any more. */
[[noreturn]] inline void test_end(int status) {
    std::fflush(stdout);
    std::fflush(stderr);
#if defined(_WIN32)
    TerminateProcess(GetCurrentProcess(), static_cast<UINT>(status));
#endif
    std::_Exit(status);
}

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                        \
            test_end(1);                                                                                               \
        }                                                                                                              \
    } while (0)

/* EXPRESSION throws an EXCEPTION, of exactly that type. */
#define CHECK_THROWS(exception, expression)                                                                            \
    do {                                                                                                               \
        bool was_thrown = false;                                                                                       \
        try {                                                                                                          \
            static_cast<void>(expression);                                                                             \
        } catch (const exception &thrown) {                                                                            \
            was_thrown = typeid(thrown) == typeid(exception);                                                          \
        }                                                                                                              \
        CHECK(was_thrown);                                                                                             \
    } while (0)

/* How many allocations of the heap are live, of all kinds. */
inline std::uint64_t live() {
    brainmm_stats stats;
    stats.struct_size = sizeof stats;
    CHECK(brainmm::manager()->get_stats(&stats, nullptr, 0) == BRAINMM_OK && stats.approximate == 0);
    return stats.live_count;
}

inline bool is_ours(const void *address) { return (brainmm::manager()->get_options)(address, nullptr) == 1; }

inline bool is_aligned(const volatile void *address, std::size_t alignment) {
    return (reinterpret_cast<std::uintptr_t>(address) & (alignment - 1)) == 0;
}

/* An object that counts how many of its kind there are. It throws in the constructor when `throw_at` are made. */
struct counted {
    static inline int alive = 0, throw_at = -1;
    int value = 7;
    counted() {
        if (alive == throw_at)
            throw 5;
        alive++;
    }
    explicit counted(int number) : counted() { value = number; }
    counted(const counted &other) : counted(other.value) {}
    counted &operator=(const counted &other) = default;
    ~counted() { alive--; }
};

#endif
