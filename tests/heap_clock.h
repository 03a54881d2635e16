/* SPDX-License-Identifier: MIT */
/* heap_clock.h: the clock that the heap sees stands still, unless the test moves it. For tests that are linked with the
 * core, and with LINK_NAME := $(HEAP_CLOCK) in tests.mk.
 */
#ifndef TESTS_HEAP_CLOCK_H
#define TESTS_HEAP_CLOCK_H

#include "support/outcome.h"

static uint32_t heap_clock_ms = 1000;

uint64_t __wrap_os_clock_ms(void);
uint64_t __wrap_os_clock_ms(void) { return __atomic_load_n(&heap_clock_ms, __ATOMIC_RELAXED); }

SUPPORT_INLINE void heap_clock_add(uint32_t ms) { __atomic_fetch_add(&heap_clock_ms, ms, __ATOMIC_RELAXED); }

#endif
