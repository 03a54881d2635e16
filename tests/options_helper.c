/* SPDX-License-Identifier: MIT */
/* options_helper.c: uses the heap and says that it works. For options.sh. */
#include "brainmm.h"
#include <stdio.h>

int main(void) {
    void *piece = brainmm_alloc(100);
    if (!piece || brainmm_free(piece) != BRAINMM_OK)
        return 1;
    puts("the heap works");
    return fflush(stdout);
}
