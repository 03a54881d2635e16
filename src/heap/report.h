/* SPDX-License-Identifier: MIT */
/* report.h: errors of the program that the heap has found, with what lies at the address.
 *
 * The caller holds no lock, and the heap is whole: the program's handler may use it (sync/error.h).
 */
#ifndef BRAINMM_REPORT_H
#define BRAINMM_REPORT_H

#include "brainmm.h"

/* FUNCTION refuses ADDRESS and tells that by RESULT, which is returned. Results that blame no pointer are not
 * reported. */
int report_refusal(const char *function, const void *address, int result);

/* The same, where FUNCTION has no result to tell it by. */
void report_refusal_untold(const char *function, const void *address, int result);

/* FUNCTION frees a live piece as one of SIZE bytes, which it cannot be. */
void report_size(const char *function, const void *piece, size_t size);

#endif
