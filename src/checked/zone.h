/* SPDX-License-Identifier: MIT */
/* zone.h: the bytes that a program must not write, and what they hold in checked mode: canaries in the zones before and
 * behind an allocation, the fill of freed memory in what was one. Each fill is one byte, repeated.
 */
#ifndef BRAINMM_ZONE_H
#define BRAINMM_ZONE_H

#include "base/compiler.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum fill {
    FILL_CANARY, /* never a byte 0, which is what overruns write most often; differs from run to run */
    FILL_NEW,    /* memory that was just allocated: 0xA5, which is no valid pointer, and large as a number */
    FILL_FREED,  /* freed memory: 0xDD */
    FILL_ZERO,
    FILLS
};

/* Chooses the canary from SEED. With ZERO, new and freed memory are filled with zeros. Once. */
void zones_start(uint64_t seed, bool zero);

void zone_fill(void *start, size_t size, enum fill fill);

/* The first of SIZE bytes at START that does not have the fill; NULL if all have. */
const char *zone_damage(const void *start, size_t size, enum fill fill);

/* ---- The same for zones and objects that begin and end at multiples of 16 --------------------------------------- */

typedef uint64_t zone_block __attribute__((vector_size(16), may_alias));

extern zone_block zone_blocks[FILLS] HIDDEN_DATA;

#if defined(__SSE2__)
static inline bool block_is_zero(zone_block block) {
    typedef char bytes __attribute__((vector_size(16)));
    return __builtin_ia32_pmovmskb128((bytes)block == (bytes){0}) == 0xFFFF;
}
#else
static inline bool block_is_zero(zone_block block) { return (block[0] | block[1]) == 0; }
#endif

static inline bool block_is(zone_block block, zone_block wanted) { return block_is_zero(block ^ wanted); }

#define ZONE_STEP (4 * sizeof(zone_block))

static inline __attribute__((always_inline)) void blocks_fill(char *at, const char *end, enum fill fill) {
    zone_block block = zone_blocks[fill];
    for (; (size_t)(end - at) >= ZONE_STEP; at += ZONE_STEP) {
        zone_block *blocks = (zone_block *)(void *)at;
        blocks[0] = blocks[1] = blocks[2] = blocks[3] = block;
    }
    for (; at < end; at += sizeof block)
        *(zone_block *)(void *)at = block;
}

/* Bits that all of the blocks have, and bits that one of them has: both are the fill's if all blocks are. */
struct zone_bits {
    zone_block all, any;
};

static inline __attribute__((always_inline)) void bits_note(struct zone_bits *bits, const char *at) {
    bits->all &= *(const zone_block *)(const void *)at;
    bits->any |= *(const zone_block *)(const void *)at;
}

static inline __attribute__((always_inline)) bool blocks_have(const char *at, const char *end, enum fill fill) {
    struct zone_bits bits = {zone_blocks[fill], zone_blocks[fill]};
    for (; (size_t)(end - at) >= ZONE_STEP; at += ZONE_STEP) {
        bits_note(&bits, at);
        bits_note(&bits, at + 16);
        bits_note(&bits, at + 32);
        bits_note(&bits, at + 48);
    }
    for (; at < end; at += 16)
        bits_note(&bits, at);
    return block_is_zero(bits.all ^ bits.any);
}

/* The last COUNT bytes, 1 to 16, of a block: all bits of each are set. */
extern const uint8_t zone_mask_bytes[32] HIDDEN_DATA;
static inline zone_block last_bytes(size_t count) {
    zone_block mask;
    memcpy(&mask, zone_mask_bytes + count, sizeof mask);
    return mask;
}

/* The last COUNT bytes before END get the canary. */
static inline void rear_fill(char *end, size_t count) {
    zone_block *block = (zone_block *)(void *)(end - sizeof *block), mask = last_bytes(count);
    *block = (*block & ~mask) | (zone_blocks[FILL_CANARY] & mask);
}

static inline bool rear_has(const char *end, size_t count) {
    zone_block block = *(const zone_block *)(const void *)(end - sizeof block);
    return block_is(block & last_bytes(count), zone_blocks[FILL_CANARY] & last_bytes(count));
}

/* The first COUNT bytes of a block, 1 to 15, have a fill. */
static inline void front_fill(char *start, size_t count, enum fill fill) {
    zone_block *block = (zone_block *)(void *)start, rest = last_bytes(sizeof rest - count);
    *block = (*block & rest) | (zone_blocks[fill] & ~rest);
}

static inline bool front_has(const char *start, size_t count, enum fill fill) {
    zone_block rest = last_bytes(sizeof rest - count);
    return block_is(*(const zone_block *)(const void *)start & ~rest, zone_blocks[fill] & ~rest);
}

#endif
