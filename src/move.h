/* move.h: the ways in which brainmm_move_b16 moves what is longer than a few units. */
#ifndef BRAINMM_MOVE_H
#define BRAINMM_MOVE_H

#include <stdbool.h>

enum move_way {
    MOVE_VECTORS, /* 16 bytes at a time: SSE2, NEON, or what the compiler makes of it */
    MOVE_STRINGS, /* `rep movsb` where it is fast, else as above */
    MOVE_AVX,     /* 32 bytes at a time */
    MOVE_WAYS
};

/* Uses WAY from now on; false, and nothing changes, if the processor has it not. The first move chooses by itself. */
bool move_use(enum move_way way);

#endif
