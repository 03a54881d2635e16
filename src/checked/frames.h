/* SPDX-License-Identifier: MIT */
/* frames.h: the return addresses on the calling thread's stack. */
#ifndef BRAINMM_FRAMES_H
#define BRAINMM_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

/* Where a call has come from. STACK_ORIGIN is that in the function where it stands, which must be the one that the
 * program has called: its return address is right however the program was compiled. */
struct stack_origin {
    const void *caller; /* the return address */
    uintptr_t frame;    /* the caller's frame pointer, if it keeps one; else any value */
};
#define STACK_ORIGIN                                                                                                   \
    ((struct stack_origin){__builtin_return_address(0), *(const uintptr_t *)__builtin_frame_address(0)})

/* Takes memory. EXACT: by the tables for exceptions wherever the system can, else by frame pointers. */
bool frames_start(bool exact);

/* Stores up to CAPACITY (at least 1) return addresses, that of the origin first, and returns how many. Frame pointers
 * miss the caller of a function that was compiled without one, or end there. Nothing that is read can fault, whatever
 * the program uses the register for. Takes no lock and allocates nothing. */
unsigned frames_collect(struct stack_origin origin, const void **addresses, unsigned capacity);

#endif
