/* SPDX-License-Identifier: MIT */
/* check.c: see check.h. */
#include "inspect/check.h"
#include "heap/blocks.h"
#include "heap/jit.h"
#include "heap/zero.h"
#include "memory/units_check.h"
#include "slab/slab_check.h"
#include "slab/thread_heap.h"

const char *heap_structures_check(void) {
    struct thread_heaps_figures heaps;
    thread_heaps_figures(&heaps);
    const char *wrong = units_check(heaps.stocked);
    if (!wrong)
        wrong = slab_check();
    if (!wrong)
        wrong = blocks_check();
    if (!wrong && !zero_is_consistent())
        wrong = "the count of pieces of size 0 is wrong";
    if (!wrong && !jit_is_consistent())
        wrong = "the bits of a chunk of code do not agree";
    return wrong;
}
