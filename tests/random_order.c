/* SPDX-License-Identifier: MIT */
/* random_order.c: with the option `random` the pieces of one size do not lie one behind the other in the order in which
 * they were allocated, and there is still exactly one at each place.
 */
#include "support/outcome.h"
#include "support/pattern.h"

#include "brainmm.h"

BRAINMM_PROGRAM_OPTIONS("random");

int main(void) {
    enum { COUNT = 2000, SIZE = 48 };
    static char *pieces[COUNT];
    unsigned in_order = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        pieces[i] = brainmm_alloc(SIZE);
        CHECK(pieces[i] != NULL);
        pattern_fill(pieces[i], SIZE, i);
        in_order += i > 0 && pieces[i] == pieces[i - 1] + SIZE;
    }
    CHECK_MSG(in_order < COUNT / 4, "%u of %u pieces lie behind the one before", in_order, (unsigned)COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        CHECK(pattern_holds(pieces[i], SIZE, i) && brainmm_free(pieces[i]) == BRAINMM_OK);
    return TEST_PASSED;
}
