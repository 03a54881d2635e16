/* SPDX-License-Identifier: MIT */
/* size_class.c: the table of classes; see size_class.h. */
#include "slab/size_class.h"
#include "base/align.h"
#include "memory/unit_cache.h"

uint8_t size_class_table[MEDIUM_MAX / 16];
struct geometry bin_geometry[HEAP_BINS];

/* Classes above 1 KiB: how many objects share 64 KiB, then 256 KiB. The size is the share, rounded down to 16. */
static const uint8_t shares_of_one_unit[] = {56, 49, 44, 39, 35, 31, 28, 25, 23, 21, 19,
                                             17, 16, 15, 14, 13, 12, 11, 10, 9,  8};
static const uint8_t shares_of_four_units[] = {29, 26, 24, 22, 20, 18, 16, 15, 14, 13, 12, 11, 10, 9, 8};

#define ONE_UNIT_MAX (UNIT_SIZE / 8) /* the largest size of the first table */
#define FIRST_OF_ONE (SMALL_MAX / 16 + 1)
#define FIRST_OF_FOUR (FIRST_OF_ONE + (unsigned)sizeof shares_of_one_unit)

_Static_assert(FIRST_OF_FOUR + sizeof shares_of_four_units == CLASS_COUNT, "CLASS_COUNT counts the tables");
_Static_assert(CLASS_COUNT <= CLASS_STRIDE, "a bin holds class and alignment");
_Static_assert(2 * MEDIUM_MAX / PAGE_ALIGNMENT_MIN - 1 == PAGE_BINS, "PAGE_BINS counts the multiples");
_Static_assert((16u << ALIGNMENTS) == PAGE_ALIGNMENT_MIN, "no alignment lacks bins");

static uint32_t class_size(unsigned index) {
    if (index < FIRST_OF_ONE)
        return index ? index * 16 : 16;
    if (index < FIRST_OF_FOUR)
        return (uint32_t)UNIT_SIZE / shares_of_one_unit[index - FIRST_OF_ONE] & ~15u;
    return (uint32_t)(SLAB_UNITS_LARGE * UNIT_SIZE) / shares_of_four_units[index - FIRST_OF_FOUR] & ~15u;
}

static struct geometry geometry_of(size_t size, size_t alignment, unsigned units) {
    size_t batch = BATCH_BYTES / size;
    if (batch == 0)
        batch = 1;
    return (struct geometry){
        .object_size = (uint16_t)size,
        .alignment = (uint16_t)alignment,
        .capacity = (uint16_t)(units * UNIT_SIZE / size),
        .units = (uint8_t)units,
        .batch = (uint8_t)(batch < BATCH_MAX ? batch : BATCH_MAX),
    };
}

void size_class_start(void) {
    unsigned index = 1;
    for (uint32_t slot = 0; slot < MEDIUM_MAX / 16; slot++) {
        if ((slot + 1) * 16 > class_size(index))
            index++;
        size_class_table[slot] = (uint8_t)index;
    }
    for (unsigned level = 0; level < ALIGNMENTS; level++)
        for (index = 0; index < CLASS_COUNT; index++) {
            size_t alignment = (size_t)16 << level, size = align_up(class_size(index), alignment);
            bin_geometry[level * CLASS_STRIDE + index] =
                geometry_of(size, alignment, index < FIRST_OF_FOUR ? 1 : SLAB_UNITS_LARGE);
        }
    for (size_t alignment = PAGE_ALIGNMENT_MIN; alignment <= MEDIUM_MAX; alignment *= 2)
        for (size_t size = alignment; size <= MEDIUM_MAX; size += alignment)
            bin_geometry[bin_of(alignment, size)] =
                geometry_of(size, alignment, size <= ONE_UNIT_MAX ? 1 : SLAB_UNITS_LARGE);
}
