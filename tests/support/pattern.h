/* SPDX-License-Identifier: MIT */
/* pattern.h: random numbers, and contents that show whether a byte was copied from or to a wrong place. */
#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include "support/outcome.h"

SUPPORT_INLINE uint64_t mix64(uint64_t x) { /* the finalizer of SplitMix64 */
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

typedef struct random_source {
    uint64_t state;
} random_source;

SUPPORT_INLINE uint64_t random_next(random_source *r) { return mix64(r->state++); }

/* Nearly uniform in 0 .. LIMIT - 1. */
SUPPORT_INLINE size_t random_below(random_source *r, size_t limit) { return (size_t)(random_next(r) % limit); }

/* What pattern_fill writes. A word depends on SEED and on its position. One addition makes the next word, because
 * valgrind and the sanitizers run these loops, too. */
#define PATTERN_STEP 0x9E3779B97F4A7C15u

/* Fills SIZE bytes. */
SUPPORT_INLINE void pattern_fill(void *memory, size_t size, uint64_t seed) {
    unsigned char *bytes = memory;
    uint64_t word = mix64(seed);
    size_t i = 0;
    for (; i + 8 <= size; i += 8, word += PATTERN_STEP)
        memcpy(bytes + i, &word, 8);
    memcpy(bytes + i, &word, size - i);
}

/* Whether the first SIZE bytes are what pattern_fill wrote with this SEED. It may have filled more bytes than SIZE. */
SUPPORT_INLINE bool pattern_holds(const void *memory, size_t size, uint64_t seed) {
    const unsigned char *bytes = memory;
    uint64_t word = mix64(seed), held;
    size_t i = 0;
    for (; i + 8 <= size; i += 8, word += PATTERN_STEP) {
        memcpy(&held, bytes + i, 8);
        if (held != word)
            return false;
    }
    return memcmp(bytes + i, &word, size - i) == 0;
}

SUPPORT_INLINE bool all_zero(const void *memory, size_t size) {
    const unsigned char *bytes = memory;
    uint64_t word, set = 0;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        memcpy(&word, bytes + i, 8);
        set |= word;
    }
    for (; i < size; i++)
        set |= bytes[i];
    return set == 0;
}

SUPPORT_INLINE bool is_aligned(const void *address, size_t alignment) {
    return ((uintptr_t)address & (alignment - 1)) == 0;
}

#endif
