/* SPDX-License-Identifier: MIT */
/* attach_second_file.c: see attach_second_file.h. */
#include "brainmm_attach.h"
/* brainmm_attach.h comes first, because it must not need another header */
#include "attach_second_file.h"

const struct brainmm_manager *attach_in_second_file(void) { return brainmm_attach(); }
