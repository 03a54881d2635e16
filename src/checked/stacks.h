/* SPDX-License-Identifier: MIT */
/* stacks.h: call stacks under numbers, for what checked mode and leak reports tell. docs/stacks.md has more.
 *
 *   uint32_t number = stack_capture(STACK_ORIGIN, 16);      in the function that the program has called
 *   for (unsigned i = 0; stack_line(&text, number, i); i++)   when there is something to report
 */
#ifndef BRAINMM_STACKS_H
#define BRAINMM_STACKS_H

#include "base/text.h"
#include "brainmm.h"
#include "checked/frames.h"
#include "os.h"

#define STACK_FRAMES_MAX 64u

/* Is called once, before the first capture, with nothing locked. EXACT: by the tables for exceptions, which is right
 * for any program and takes microseconds; otherwise by frame pointers, where the system has them. False if the system
 * has no memory for it: then no stack is captured. */
bool stacks_start(bool exact);

/* Is called from the library's beginning, where a library may be loaded: finds what EXACT needs, if that was wanted. */
void stacks_load(void);

/* The number of the calling thread's stack, from the origin on, of at most FRAMES return addresses. The same stack has
 * the same number. 0 if FRAMES is 0, stacks were not started, or there is no more memory for stacks. Takes no lock,
 * waits for nobody, allocates nothing, leaves the system's last error as it was. */
uint32_t stack_capture(struct stack_origin origin, unsigned frames);

/* Adds a line about frame number FRAME, from 0, of a captured stack:
 *
 *     #0 0x00007f0123456789 /usr/lib/libexample.so+0x6789
 *
 * False, and nothing added, if there is no such frame. */
bool stack_line(struct text *text, uint32_t stack, unsigned frame);

/* Adds lines about all its frames. What does not fit is cut off. */
void stack_text(struct text *text, uint32_t stack);

/* Bytes that the stacks take, asked of the system. */
size_t stacks_bytes(void);

unsigned BRAINMM_CALL heap_stack_frames(uint32_t stack, brainmm_frame *frames, unsigned capacity);

#endif
