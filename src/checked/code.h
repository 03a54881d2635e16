/* SPDX-License-Identifier: MIT */
/* code.h: code of JIT heaps in checked mode: what is freed is traps, waits, and was not written to; nor was the granule
 * behind each piece (heap/jit_chunk.h).
 */
#ifndef BRAINMM_CHECKED_CODE_H
#define BRAINMM_CHECKED_CODE_H

#include <stdbool.h>

/* Before the heap starts. */
void code_start(void);

/* Reports all damage there is in code, as found by FUNCTION. False if there is none. */
bool code_check(const char *function);

#endif
