/* SPDX-License-Identifier: MIT */
/* scan.h: everything that is live, of all threads, seen by one of them while the others go on. */
#ifndef BRAINMM_SCAN_H
#define BRAINMM_SCAN_H

#include "base/compiler.h"
#include "heap/live.h"

/* Checked mode shows something else than is in the heap: it corrects a row, the bits of LIVE, and fills in DETAILS.
 * NULL without that mode. Is set before the heap starts. */
typedef void scan_translation(struct live_row *row, uint64_t *live, struct live_detail *details);
extern scan_translation *scan_translate HIDDEN_DATA;

/* Calls VISIT for all that is live, by ascending address. VISIT must not use the heap: the lock of JIT heaps may be
 * held, and the scan could go on for ever. False if the system has no memory for the work; then nothing was called.
 * *ALONE becomes true if nobody else used the heap meanwhile, so that the result is of one moment. */
bool scan_heap(live_visit *visit, void *context, bool *alone);

/* Memory for work like this. It comes from the system and not from the heap, which is being looked at. It reads as
 * zero. NULL: the system has none. */
void *scan_memory_take(size_t size);
void scan_memory_give(void *memory, size_t size);

#endif
