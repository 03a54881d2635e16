/* SPDX-License-Identifier: MIT */
/* zone.c: see zone.h. */
#include "checked/zone.h"

#define CANARIES 64u /* bytes that a canary may be: 0xC0 to 0xFF, which are no text */

zone_block zone_blocks[FILLS];

const uint8_t zone_mask_bytes[32] = {0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
                                     0,    0,    0,    0,    0,    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                     0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

static void set_fill(enum fill fill, uint8_t byte) { memset(&zone_blocks[fill], byte, sizeof zone_blocks[fill]); }

void zones_start(uint64_t seed, bool zero) {
    set_fill(FILL_CANARY, (uint8_t)(0xC0u + seed % CANARIES));
    set_fill(FILL_NEW, zero ? 0 : 0xA5);
    set_fill(FILL_FREED, zero ? 0 : 0xDD);
}

void zone_fill(void *start, size_t size, enum fill fill) { memset(start, (int)(zone_blocks[fill][0] & 0xFF), size); }

const char *zone_damage(const void *start, size_t size, enum fill fill) {
    uint64_t word = zone_blocks[fill][0], found;
    const char *at = start, *end = at + size;
    while ((size_t)(end - at) >= sizeof found && (memcpy(&found, at, sizeof found), found == word))
        at += sizeof found;
    while (at < end && *at == (char)(uint8_t)word)
        at++;
    return at < end ? at : NULL;
}
