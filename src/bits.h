/* bits.h: bitmaps of units: a bit each, in words of 64. */
#ifndef BRAINMM_BITS_H
#define BRAINMM_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void bits_fill(uint64_t *bits, size_t from, size_t count, bool value) {
    for (size_t at = from; at < from + count;) {
        size_t in_word = 64 - at % 64, left = from + count - at;
        size_t n = in_word < left ? in_word : left;
        uint64_t mask = (n == 64 ? ~(uint64_t)0 : (((uint64_t)1 << n) - 1)) << (at % 64);
        bits[at / 64] = value ? bits[at / 64] | mask : bits[at / 64] & ~mask;
        at += n;
    }
}

static inline bool bits_get(const uint64_t *bits, size_t at) { return bits[at / 64] >> (at % 64) & 1; }

/* The first bit of VALUE in [from, end), or end. */
static inline size_t bits_find(const uint64_t *bits, size_t from, size_t end, bool value) {
    for (size_t at = from; at < end; at = (at / 64 + 1) * 64) {
        uint64_t word = (value ? bits[at / 64] : ~bits[at / 64]) >> (at % 64);
        if (word) {
            at += (size_t)__builtin_ctzll(word);
            return at < end ? at : end;
        }
    }
    return end;
}

/* The start of the stretch of bits of VALUE that ends before END, not looking below LEAST; END if the bit before it has
 * the other value. */
static inline size_t bits_stretch_before(const uint64_t *bits, size_t least, size_t end, bool value) {
    while (end > least) {
        size_t last = end - 1;
        uint64_t others = (value ? ~bits[last / 64] : bits[last / 64]) << (63 - last % 64);
        size_t run = others ? (size_t)__builtin_clzll(others) : last % 64 + 1;
        if (run >= end - least)
            return least;
        end -= run;
        if (run <= last % 64) /* it ended inside the word */
            break;
    }
    return end;
}

static inline size_t bits_count(const uint64_t *bits, size_t from, size_t count) {
    size_t set = 0;
    for (size_t at = from; (at = bits_find(bits, at, from + count, true)) < from + count;) {
        size_t end = bits_find(bits, at, from + count, false);
        set += end - at;
        at = end;
    }
    return set;
}

#endif
