/* SPDX-License-Identifier: MIT */
/* unloading.h (Windows): how often images were unloaded. */
#ifndef BRAINMM_UNLOADING_H
#define BRAINMM_UNLOADING_H

#include "base/atomic.h"

/* How often an image was unloaded since os_images_start(), and 1. */
extern atomic_u32 unloadings;
static inline uint32_t unloadings_count(void) { return load_acquire(&unloadings); }

#endif
