/* SPDX-License-Identifier: MIT */
/* malloc_object.h: the COM face of a heap. */
#ifndef BRAINMM_MALLOC_OBJECT_H
#define BRAINMM_MALLOC_OBJECT_H

#include "base/atomic.h"
#include "brainmm.h"

typedef ATOMIC(long) malloc_counter;

/* An object with the interface IMalloc over HEAP, with one reference. NULL: out of memory. *ALIVE is one higher while
 * the object lives. */
struct IMalloc *malloc_object_create(const struct brainmm_manager *heap, malloc_counter *alive);

#endif
