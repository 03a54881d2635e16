/* SPDX-License-Identifier: MIT */
/* checked_look.c: brainmm_check finds nothing while other threads allocate and free, and make no mistake. Slabs begin
 * and end meanwhile: what lies in their memory then is not what it was when the look began.
 */
#include "heap_support.h"
#include "brainmm.h"

enum { THREADS = 2, LOOKS = 300 };
static int stop;

static void churn(void *number) {
    for (uintptr_t i = (uintptr_t)number; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
        void *piece = brainmm_alloc(i % 5000);
        CHECK(piece);
        piece = brainmm_realloc(piece, i % 3000 + 1);
        CHECK(piece && brainmm_free(piece) == BRAINMM_OK);
    }
}

int main(void) {
    thread threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        thread_start(&threads[i], churn, (void *)(i * 1000));
    for (unsigned i = 0; i < LOOKS; i++)
        CHECK_MSG(brainmm_check() == BRAINMM_OK, "look %u", i);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    return 0;
}
