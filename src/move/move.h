/* SPDX-License-Identifier: MIT */
/* move.h: the ways in which brainmm_move_b16 may move. */
#ifndef BRAINMM_MOVE_H
#define BRAINMM_MOVE_H

#include "brainmm.h"

enum move_way {
    MOVE_VECTORS, /* 16 bytes at a time: SSE2, NEON, or what the compiler makes of it */
    MOVE_STRINGS, /* `rep movsb` where it is fast, else as above */
    MOVE_AVX,     /* 32 bytes at a time */
    MOVE_WAYS
};

typedef int BRAINMM_CALL move_function(void *to, const void *from, size_t count);

/* brainmm_move_b16 in that way; NULL if the processor does not support it. brainmm_move_b16 is the last that is not
 * NULL. */
move_function *move_in_way(enum move_way way);

/* brainmm_move_b16 itself, in this image. */
int BRAINMM_CALL move_b16(void *to, const void *from, size_t count);

#endif
