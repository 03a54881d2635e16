/* SPDX-License-Identifier: MIT */
/* align.h: rounding to multiples. ALIGNMENT is a power of two everywhere. */
#ifndef BRAINMM_ALIGN_H
#define BRAINMM_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool is_power_of_two(size_t value) { return value != 0 && (value & (value - 1)) == 0; }

static inline bool is_aligned_to(uintptr_t value, size_t alignment) { return (value & (alignment - 1)) == 0; }

/* The caller makes sure that the result does not overflow. */
static inline size_t align_up(size_t value, size_t alignment) { return (value + alignment - 1) & ~(alignment - 1); }

static inline size_t align_down(size_t value, size_t alignment) { return value & ~(alignment - 1); }

/* Log2 of a power of two. */
static inline unsigned log2_of(size_t power) {
    return (unsigned)(sizeof(size_t) > 4 ? __builtin_ctzll(power) : __builtin_ctz((unsigned)power));
}

#endif
