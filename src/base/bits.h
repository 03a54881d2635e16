/* SPDX-License-Identifier: MIT */
/* bits.h: bitmaps, as words of 64 bits. */
#ifndef BRAINMM_BITS_H
#define BRAINMM_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of words for COUNT bits. */
static inline size_t bits_words(size_t count) { return (count + 63) / 64; }

/* The place of the lowest set bit of WORD, which is not 0. On 32 bit the compiler's own would be a call of libgcc. */
static inline unsigned bits_lowest(uint64_t word) {
    if (sizeof(void *) > 4)
        return (unsigned)__builtin_ctzll(word);
    uint32_t low = (uint32_t)word;
    return low ? (unsigned)__builtin_ctz(low) : 32 + (unsigned)__builtin_ctz((uint32_t)(word >> 32));
}

/* The number of zero bits above the highest set bit of WORD, which is not 0. */
static inline unsigned bits_above_highest(uint64_t word) {
    if (sizeof(void *) > 4)
        return (unsigned)__builtin_clzll(word);
    uint32_t high = (uint32_t)(word >> 32);
    return high ? (unsigned)__builtin_clz(high) : 32 + (unsigned)__builtin_clz((uint32_t)word);
}

/* The number of set bits of WORD: sums of neighbours, in fields that double. The compiler's own is a call of libgcc
 * unless the processor is known to have an instruction for it. */
static inline unsigned bits_population(uint64_t word) {
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (unsigned)(word * 0x0101010101010101u >> 56);
}

static inline bool bits_get(const uint64_t *bits, size_t at) { return bits[at / 64] >> (at % 64) & 1; }

/* All of [from, from + count) become set, or clear. */
void bits_set(uint64_t *bits, size_t from, size_t count);
void bits_clear(uint64_t *bits, size_t from, size_t count);

/* The first bit in [from, end) that differs from those of FLIP (0 or all ones); END if there is none. The second is
 * compiled into its caller, for a loop that asks often. */
size_t bits_find(const uint64_t *bits, size_t from, size_t end, uint64_t flip);
static inline size_t bits_find_inline(const uint64_t *bits, size_t from, size_t end, uint64_t flip) {
    for (size_t at = from; at < end; at = (at / 64 + 1) * 64) {
        uint64_t word = (bits[at / 64] ^ flip) >> at % 64;
        if (word) {
            at += bits_lowest(word);
            return at < end ? at : end;
        }
    }
    return end;
}

static inline size_t bits_find_set(const uint64_t *bits, size_t from, size_t end) {
    return bits_find(bits, from, end, 0);
}

static inline size_t bits_find_clear(const uint64_t *bits, size_t from, size_t end) {
    return bits_find(bits, from, end, ~(uint64_t)0);
}

/* Whether all of [from, from + count) are set, or clear. */
static inline bool bits_all_set(const uint64_t *bits, size_t from, size_t count) {
    return bits_find_clear(bits, from, from + count) == from + count;
}

static inline bool bits_all_clear(const uint64_t *bits, size_t from, size_t count) {
    return bits_find_set(bits, from, from + count) == from + count;
}

/* The start of the stretch that ends before END and whose bits are those of FLIP, not looking below LEAST. END, if the
 * bit before it is another. */
size_t bits_stretch_before(const uint64_t *bits, size_t least, size_t end, uint64_t flip);

static inline size_t bits_set_stretch_before(const uint64_t *bits, size_t least, size_t end) {
    return bits_stretch_before(bits, least, end, ~(uint64_t)0);
}

static inline size_t bits_clear_stretch_before(const uint64_t *bits, size_t least, size_t end) {
    return bits_stretch_before(bits, least, end, 0);
}

/* How many of [from, from + count) are set. */
size_t bits_count(const uint64_t *bits, size_t from, size_t count);

#endif
