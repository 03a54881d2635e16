/* SPDX-License-Identifier: MIT */
/* failing_system.h: which calls of the system fail. A test wraps functions of os.h by the linker's --wrap (tests.mk),
 * and each of its wrappers asks call_fails(). One thread at a time makes these calls.
 */
#ifndef TESTS_FAILING_SYSTEM_H
#define TESTS_FAILING_SYSTEM_H

#include "support/pattern.h"

enum fault_plan {
    FAULT_NONE,
    FAULT_ONCE,   /* call number `number` fails, counted from 1 */
    FAULT_FROM,   /* that call and all that follow */
    FAULT_ONE_IN, /* one call in `number` fails: which ones follows from `seed` */
};

static struct {
    enum fault_plan plan;
    unsigned number;
    uint64_t seed;
    unsigned calls, failed; /* since faults_begin() */
} faults;

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

#endif
