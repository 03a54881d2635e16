/* SPDX-License-Identifier: MIT */
/* broken.h: lists of free objects that the program has broken, by writing to what it has freed. They are found while
 * the slab is being worked on. So they are only noted, and reported when the heap is whole again.
 */
#ifndef BRAINMM_BROKEN_H
#define BRAINMM_BROKEN_H

#include "base/atomic.h"
#include "base/compiler.h"

extern atomic_word broken_object HIDDEN_DATA;

/* OBJECT, which a list of a slab has led to, is no free object any more. Of several, the last one is kept. */
static inline void broken_note(const void *object) { store_relaxed(&broken_object, (uintptr_t)object); }

static inline bool broken_is_noted(void) { return load_relaxed(&broken_object) != 0; }

/* Reports what was noted, as found by FUNCTION, which the program has called. The caller holds no lock, and the heap is
 * whole. */
void broken_report(const char *function);

#endif
