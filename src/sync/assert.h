/* SPDX-License-Identifier: MIT */
/* assert.h: assertions of what the heap's structures promise. They are live in the builds for sanitizers and valgrind
 * (BRAINMM_ASSERT). Elsewhere the condition is compiled and thrown away.
 */
#ifndef BRAINMM_ASSERT_H
#define BRAINMM_ASSERT_H

#include "os.h"

#if defined(BRAINMM_ASSERT)
#define ASSERTING 1
#else
#define ASSERTING 0
#endif

#define ASSERT_TEXT(text) #text
#define ASSERT_LINE(line) ASSERT_TEXT(line)
#define ASSERT(condition)                                                                                              \
    do {                                                                                                               \
        if (ASSERTING && !(condition))                                                                                 \
            os_abort("BrainMM: " __FILE__ ":" ASSERT_LINE(__LINE__) ": does not hold: " #condition "\n");              \
    } while (0)

#endif
