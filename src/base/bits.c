/* SPDX-License-Identifier: MIT */
/* bits.c: see bits.h. */
#include "base/bits.h"

/* The words of [from, from + count), which is not empty: the first and the last, and their bits that belong to it. */
struct bits_range {
    size_t first, last;
    uint64_t head, tail; /* in one word both hold */
};

static inline struct bits_range bits_range(size_t from, size_t count) {
    size_t end = from + count - 1;
    return (struct bits_range){from / 64, end / 64, ~(uint64_t)0 << from % 64, ~(uint64_t)0 >> (63 - end % 64)};
}

void bits_set(uint64_t *bits, size_t from, size_t count) {
    if (count == 0)
        return;
    struct bits_range range = bits_range(from, count);
    if (range.first == range.last) {
        bits[range.first] |= range.head & range.tail;
        return;
    }
    bits[range.first] |= range.head;
    for (size_t word = range.first + 1; word < range.last; word++)
        bits[word] = ~(uint64_t)0;
    bits[range.last] |= range.tail;
}

void bits_clear(uint64_t *bits, size_t from, size_t count) {
    if (count == 0)
        return;
    struct bits_range range = bits_range(from, count);
    if (range.first == range.last) {
        bits[range.first] &= ~(range.head & range.tail);
        return;
    }
    bits[range.first] &= ~range.head;
    for (size_t word = range.first + 1; word < range.last; word++)
        bits[word] = 0;
    bits[range.last] &= ~range.tail;
}

size_t bits_find(const uint64_t *bits, size_t from, size_t end, uint64_t flip) {
    return bits_find_inline(bits, from, end, flip);
}

size_t bits_stretch_before(const uint64_t *bits, size_t least, size_t end, uint64_t flip) {
    while (end > least) {
        size_t last = end - 1;
        uint64_t others = (bits[last / 64] ^ flip) << (63 - last % 64);
        size_t run = others ? bits_above_highest(others) : last % 64 + 1;
        if (run >= end - least)
            return least;
        end -= run;
        if (run <= last % 64) /* it ended inside the word */
            break;
    }
    return end;
}

/* Most words are all clear or all set. */
size_t bits_count(const uint64_t *bits, size_t from, size_t count) {
    if (count == 0)
        return 0;
    struct bits_range range = bits_range(from, count);
    size_t set = 0;
    for (size_t at = range.first; at <= range.last; at++) {
        uint64_t word = bits[at];
        if (at == range.first)
            word &= range.head;
        if (at == range.last)
            word &= range.tail;
        if (word != 0)
            set += word == ~(uint64_t)0 ? 64 : bits_population(word);
    }
    return set;
}
