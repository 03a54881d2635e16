/* SPDX-License-Identifier: MIT */
/* heap_whole.h: a test checks between its phases that all of the heap's structures agree. In a test that is linked with
 * the shared library this does nothing, because heap_structures_check() is in no library.
 */
#ifndef TESTS_HEAP_WHOLE_H
#define TESTS_HEAP_WHOLE_H

#include "heap_support.h"

#if defined(BRAINMM_STATIC)
#include "inspect/check.h"

/* Ends the process if the structures disagree. No other thread may use the heap meanwhile. WHEN says what the test has
 * just done, for the message. */
SUPPORT_INLINE void heap_is_whole(const char *when) {
    const char *wrong = heap_structures_check();
    CHECK_MSG(wrong == NULL, "after %s: %s", when, wrong);
}
#else
SUPPORT_INLINE void heap_is_whole(const char *when) { (void)when; }
#endif

#endif
