/* SPDX-License-Identifier: MIT */
/* size_class.h: which sizes of objects there are.
 *
 * Every multiple of 16 up to 1 KiB has a class of its own. Above, the sizes are those that divide a slab of 64 KiB
 * (up to 8 KiB) or 256 KiB (up to 32 KiB) with at most 16 bytes left for each object. They are spaced so that a request
 * wastes at most 12.5 %, and 3.3 % on average over odd sizes.
 *
 * Memory of a larger alignment comes from slabs of its own, whose objects are rounded up to that alignment. Alignment
 * and class together are a bin: bin = log2(alignment / 16) * CLASS_STRIDE + class.
 *
 * From 4096 on, few sizes are left: the multiples of the alignment. Every slab begins at a unit, so all its objects are
 * so aligned. These page bins follow the others: 8 for 4096, then 4, 2, and one for 32768.
 */
#ifndef BRAINMM_SIZE_CLASS_H
#define BRAINMM_SIZE_CLASS_H

#include "base/align.h"
#include "base/compiler.h"
#include <stddef.h>
#include <stdint.h>

#define SMALL_MAX 1024u /* exact classes: class = (size + 15) / 16. Class 0 has no objects: heap/zero.h */
#define MEDIUM_MAX 32768u
#define SMALL_KIND_MAX 128u /* pieces up to here are BRAINMM_SMALL */
#define CLASS_COUNT 101u
#define CLASS_STRIDE 128u
#define ALIGNMENTS 8u /* 16, 32, ... 2048 */
#define PAGE_ALIGNMENT_MIN 4096u
#define PAGE_BINS 15u
#define HEAP_BINS (ALIGNMENTS * CLASS_STRIDE + PAGE_BINS)

/* Class of (size - 1) / 16, for sizes up to MEDIUM_MAX. */
extern uint8_t size_class_table[MEDIUM_MAX / 16] HIDDEN_DATA;

static inline size_t size_class_small(size_t size) { return (size + 15) >> 4; }
static inline size_t size_class_medium(size_t size) { return size_class_table[(size - 1) >> 4]; }
static inline size_t size_class_of(size_t size) {
    return size <= SMALL_MAX ? size_class_small(size) : size_class_medium(size);
}

/* The bin for SIZE bytes at a multiple of ALIGNMENT, a power of two from 16 on. Both are at most MEDIUM_MAX. */
static inline size_t bin_of(size_t alignment, size_t size) {
    if (alignment < PAGE_ALIGNMENT_MIN)
        return (log2_of(alignment) - 4) * CLASS_STRIDE + size_class_of(size);
    size_t sizes = MEDIUM_MAX >> log2_of(alignment); /* the larger alignments behind have sizes - 1 bins */
    return HEAP_BINS - (2 * sizes - 1) + (size ? (size - 1) >> log2_of(alignment) : 0);
}

#define BATCH_MAX 32u
#define BATCH_BYTES 16384u /* what a thread may hold back of another's memory */

/* What a bin's slabs look like. */
struct geometry {
    uint16_t object_size;
    uint16_t alignment; /* of each object */
    uint16_t capacity;  /* objects in a slab */
    uint8_t units;      /* 1 or SLAB_UNITS_LARGE */
    uint8_t batch;      /* objects of another thread's slab that are given back at a time */
};

extern struct geometry bin_geometry[HEAP_BINS] HIDDEN_DATA;

static inline size_t bin_alignment(size_t bin) { return bin_geometry[bin].alignment; }

/* Fills the tables; once. */
void size_class_start(void);

#endif
