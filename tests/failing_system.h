/* SPDX-License-Identifier: MIT */
/* failing_system.h: a system of which calls fail, by a plan. The linker's --wrap puts the functions below in the place
 * of those of os.h (tests.mk). A test adds wrappers of its own, which ask call_fails(), too. One thread at a time makes
 * these calls. A test is one source file, so that functions may be defined here.
 */
#ifndef TESTS_FAILING_SYSTEM_H
#define TESTS_FAILING_SYSTEM_H

#include "support/pattern.h"

#include "os.h"

enum fault_plan {
    FAULT_NONE,
    FAULT_ONCE,   /* call number `number` fails, counted from 1 */
    FAULT_FROM,   /* that call and all that follow */
    FAULT_ONE_IN, /* one call in `number` fails: which ones follows from `seed` */
};

struct faults {
    enum fault_plan plan;
    unsigned number;
    uint64_t seed;
    unsigned calls, failed; /* since faults_begin() */
};

/* A test may define it before, with a plan for what happens before main(). */
static struct faults faults;

SUPPORT_INLINE void faults_begin(enum fault_plan plan, unsigned number, uint64_t seed) {
    faults.plan = plan;
    faults.number = number;
    faults.seed = seed;
    faults.calls = faults.failed = 0;
}

/* From here on no call fails. Returns how many calls there were. */
SUPPORT_INLINE unsigned faults_end(void) {
    faults.plan = FAULT_NONE;
    return faults.calls;
}

SUPPORT_INLINE bool call_fails(void) {
    bool fails = false;
    faults.calls++;
    switch (faults.plan) {
    case FAULT_NONE: break;
    case FAULT_ONCE: fails = faults.calls == faults.number; break;
    case FAULT_FROM: fails = faults.calls >= faults.number; break;
    case FAULT_ONE_IN: fails = mix64(faults.seed + faults.calls) % faults.number == 0; break;
    }
    faults.failed += fails;
    return fails;
}

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

enum os_reserved __real_os_reserve_at(void *address, size_t size);
void *__real_os_reserve(size_t size, size_t alignment);
bool __real_os_commit(void *address, size_t size);
bool __real_os_decommit(void *address, size_t size);
bool __real_os_release(void *address, size_t size);
bool __real_os_protect(void *address, size_t size, unsigned rights);
enum os_reserved __wrap_os_reserve_at(void *address, size_t size);
void *__wrap_os_reserve(size_t size, size_t alignment);
bool __wrap_os_commit(void *address, size_t size);
bool __wrap_os_decommit(void *address, size_t size);
bool __wrap_os_release(void *address, size_t size);
bool __wrap_os_protect(void *address, size_t size, unsigned rights);

enum os_reserved __wrap_os_reserve_at(void *address, size_t size) {
    return call_fails() ? OS_REFUSED : __real_os_reserve_at(address, size);
}

void *__wrap_os_reserve(size_t size, size_t alignment) {
    return call_fails() ? NULL : __real_os_reserve(size, alignment);
}

bool __wrap_os_commit(void *address, size_t size) { return !call_fails() && __real_os_commit(address, size); }

bool __wrap_os_decommit(void *address, size_t size) { return !call_fails() && __real_os_decommit(address, size); }

bool __wrap_os_release(void *address, size_t size) { return !call_fails() && __real_os_release(address, size); }

bool __wrap_os_protect(void *address, size_t size, unsigned rights) {
    return !call_fails() && __real_os_protect(address, size, rights);
}

#endif
