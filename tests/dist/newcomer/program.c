/* SPDX-License-Identifier: MIT */
/* program.c: what somebody who has just got the files of a release may try first. */
#include <brainmm.h>
#include <stdio.h>

int main(void) {
    char *name = brainmm_realloc(brainmm_alloc(100), 5000);
    printf("%s, %s\n", brainmm_result_text(brainmm_free(name)), brainmm_result_text(brainmm_free(&name)));
}
