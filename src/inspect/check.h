/* SPDX-License-Identifier: MIT */
/* check.h: whether all of the heap's structures agree with each other and with what the headers promise. For tests, and
 * for whoever suspects that a program has damaged the heap.
 */
#ifndef BRAINMM_CHECK_H
#define BRAINMM_CHECK_H

/* NULL if they do; else a sentence about the first that does not. No other thread may use the heap meanwhile. If
 * threads have ended in the midst of something (locks_were_cut), memory may be in use by nobody. Their own heaps are
 * then not looked at. */
const char *heap_structures_check(void);

#endif
