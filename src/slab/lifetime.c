/* SPDX-License-Identifier: MIT */
/* lifetime.c: see lifetime.h. */
#include "slab/lifetime.h"
#include "memory/instrument.h"
#include "slab/slab_inside.h"

/* On 64 bit, a pointer from outside the window may share a descriptor. It differs from a true one by k * 2^n, with k
 * below 2^(64 - n). An odd reciprocal makes the product differ by at least 2^n, far above any limit. */
#define RECIPROCAL_ODD ((uintptr_t)(UINTPTR_MAX > 0xFFFFFFFFu))

void (*slab_end_noticed)(const struct unit *slab);

/* How often a slab has ended, for the units whose number has the same remainder. */
#define GENERATIONS 256u
static atomic_u32 generations[GENERATIONS];

static atomic_u32 *generation_of(const struct unit *slab) { return &generations[unit_number(slab) % GENERATIONS]; }

/* Whether all of a new slab will be written. Many threads have one slab of many sizes, and use a part of each. Where
 * the alignment takes several pages, most pieces are shorter, and the last of their pages are never touched. */
static enum units_use use_of(const struct geometry *geometry, const struct bin *bin) {
    bool has_another = bin->resting.first != 0;
    return has_another && geometry->alignment <= PAGE_ALIGNMENT_MIN ? UNITS_WHOLE : UNITS_SPARSE;
}

struct unit *slab_create(struct thread_heap *heap, size_t bin) {
    const struct geometry *geometry = &bin_geometry[bin];
    struct unit *slab = unit_cache_take(NULL, geometry->units, 1, use_of(geometry, &heap->bins[bin]), NULL);
    if (!slab)
        return NULL;
    uint32_t number = unit_number(slab), size = geometry->object_size;
    if (marks_left(slab) != 0) /* also those of objects of this size: the slab may end with fewer, and counts its own */
        marks_clear(slab);
    INSTRUMENT_ALLOW(unit_address(slab), units_bytes(geometry->units)); /* it may have been a slab of other objects */
    for (unsigned i = 1; i < geometry->units; i++) {
        struct unit *further = unit_from_number(number + i);
        link_set(&further->next, number);
        unit_set_kind(further, UNIT_SUB);
    }
    /* A scan may still look at the run that has ended here (inspect/scan.c). */
    word_store_relaxed(&slab->start, (uintptr_t)unit_address(slab));
    word_store_relaxed(&slab->slab.reciprocal, (UINTPTR_MAX / size + 1 + ((size & (size - 1)) == 0)) | RECIPROCAL_ODD);
    store_relaxed(&slab->limit, 0);
    slab->slab.local = NULL;
    store_relaxed(&slab->slab.remote, 0);
    slab_set_carved(slab, 0);
    store_relaxed(&slab->slab.bin, (uint16_t)bin);
    word_store_relaxed(&slab->slab.state, geometry->units > 1 ? SLAB_LARGE : 0);
    slab_arm(slab, 0, 0);
    slab_set_owner(slab, heap);
    unit_set_kind(slab, UNIT_SLAB);
    return slab;
}

/* A thread that looks at the slab reads the generation before it reads the kind. If it finds the same number
 * afterwards, by an exchange, then this addition comes after that exchange, and with it all that is done to the slab's
 * descriptor and memory from here on. Had it found the new number at first, it would then have found the kind NONE, or
 * a later slab's. */
static void generation_end(const struct unit *slab) { add_acq_rel(generation_of(slab), 1); }

uint32_t slab_generation(const struct unit *slab) { return load_acquire(generation_of(slab)); }

bool slab_same_generation(const struct unit *slab, uint32_t generation) {
    return add_acq_rel(generation_of(slab), 0) == generation;
}

/* The memory goes on with marks in it, which whoever takes it clears. Not so the few of a large slab, whose units may
 * go different ways. */
void slab_retire(struct unit *slab) {
    unsigned units = slab_units(slab);
    size_t object_size = slab_object_size(slab);
    uint32_t number = unit_number(slab);
    ASSERT(slab_all_free(slab) && load_relaxed(&slab->slab.remote) == 0);
    if (slab_end_noticed)
        slab_end_noticed(slab);
    for (unsigned i = 0; i < units; i++)
        unit_set_kind(unit_from_number(number + i), UNIT_NONE);
    generation_end(slab);
    store_relaxed(&slab->owner, NULL);
    store_relaxed(&slab->limit, 0);
    slab->marks.object_size = object_size; /* in place of slab.local */
    if (units > 1)
        marks_clear(slab);
    unit_cache_give(NULL, slab, units, 1, UNITS_WHOLE);
}
