/* SPDX-License-Identifier: MIT */
/* create_malloc.c (POSIX): there is no COM here. */
#include "brainmm.h"

int BRAINMM_CALL brainmm_create_malloc(struct IMalloc **result) {
    return result ? BRAINMM_E_UNSUPPORTED : BRAINMM_E_ARGUMENT;
}
