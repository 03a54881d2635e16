/* malloc_object.h: the COM face of a heap. */
#ifndef BRAINMM_MALLOC_OBJECT_H
#define BRAINMM_MALLOC_OBJECT_H

#include "brainmm.h"

/* An object with the interface IMalloc over HEAP, with one reference; NULL if memory is out. *ALIVE is one higher while the
 * object lives. */
struct IMalloc *malloc_object_create(const struct brainmm_manager *heap, long *alive);

#endif
