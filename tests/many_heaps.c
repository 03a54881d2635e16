/* SPDX-License-Identifier: MIT */
/* many_heaps.c: more threads than any fixed table has room for. Each heap is found by its number, all pass to others when
 * their threads end, and no second heap is made while there is one to take over.
 *
 * White box: heaps are taken as by threads that are ending, which saves 17,000 threads.
 */
#include "heap_whole.h"

#include "brainmm.h"
#include "slab/thread_heap.h"

enum { HEAPS = 17000 };

static uint64_t heaps_there_are(void) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    return stats.heaps;
}

int main(void) {
    static struct thread_heap *heaps[HEAPS];
    watchdog_start(50);
    CHECK(brainmm_free(brainmm_alloc(100)) == BRAINMM_OK); /* this thread has a heap of its own */
    uint64_t before = heaps_there_are();
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < HEAPS; i++) {
            heaps[i] = thread_heap_borrow();
            CHECK_MSG(heaps[i] != NULL, "heap %u", i);
        }
        for (unsigned i = 0; i < HEAPS; i++)
            CHECK(thread_heap_from_number(heaps[i]->number) == heaps[i]);
        for (unsigned i = 0; i < HEAPS; i++)
            thread_heap_return(heaps[i]);
        CHECK_MSG(heaps_there_are() == before + HEAPS, "%u heaps", (unsigned)heaps_there_are());
    }
    heap_is_whole("two rounds");
    return TEST_PASSED;
}
