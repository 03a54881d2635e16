/* SPDX-License-Identifier: MIT */
/* check.c: see check.h. */
#include "inspect/check.h"
#include "heap/blocks.h"
#include "heap/jit.h"
#include "memory/units_check.h"
#include "slab/slab_check.h"

const char *heap_check(void) {
    const char *wrong = units_check();
    if (!wrong)
        wrong = slab_check();
    if (!wrong)
        wrong = blocks_check();
    if (!wrong && !jit_is_consistent())
        wrong = "the bits of a chunk of code do not agree";
    return wrong;
}
