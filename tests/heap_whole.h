/* heap_whole.h: a white-box test looks, between its phases, whether all of the heap's structures agree. Tests that are
 * linked with the shared library cannot, and go on without.
 */
#ifndef TESTS_HEAP_WHOLE_H
#define TESTS_HEAP_WHOLE_H

#include "heap_support.h"

#if defined(BRAINMM_STATIC)
#include "inspect/check.h"

/* No other thread may use the heap meanwhile. WHEN: what has just been done. */
SUPPORT_INLINE void heap_is_whole(const char *when) {
    const char *wrong = heap_check();
    CHECK_MSG(wrong == NULL, "after %s: %s", when, wrong);
}
#else
SUPPORT_INLINE void heap_is_whole(const char *when) { (void)when; }
#endif

#endif
