/* SPDX-License-Identifier: MIT */
/* malloc_is_ours.c: says that this is libbrainmm-malloc.so, by being there. */
#include "map.h"

const char malloc_is_ours = 1;
