/* SPDX-License-Identifier: MIT */
/* slab_inside.h: what the files of the slab floor alone see of a slab. */
#ifndef BRAINMM_SLAB_INSIDE_H
#define BRAINMM_SLAB_INSIDE_H

#include "memory/unit_cache.h"
#include "slab/slab.h"
#include "sync/assert.h"

#define WAKE_SHIFT 4u /* a slab is worth allocating from when a 16th of it is free */

static inline unsigned wake_length(const struct geometry *geometry) {
    unsigned length = geometry->capacity >> WAKE_SHIFT;
    return length ? length : 1;
}

static inline unsigned slab_units(const struct unit *slab) {
    return slab->slab.state & SLAB_LARGE ? SLAB_UNITS_LARGE : 1;
}

static inline unsigned remote_count(uint32_t word) { return (word & REMOTE_COUNT_MASK) / REMOTE_COUNT_ONE; }

static inline struct object *remote_first(const struct unit *slab, uint32_t word) {
    uint32_t slot = word & REMOTE_SLOT_MASK;
    return slot ? (struct object *)(slab->start + (uintptr_t)(slot - 1) * 16) : NULL;
}

static inline uint32_t remote_slot(const struct unit *slab, const struct object *object) {
    return (uint32_t)(((uintptr_t)object - slab->start) / 16 + 1);
}

static inline void slab_set_carved(struct unit *slab, unsigned count) {
    store_release(&slab->slab.carved, (uint16_t)count); /* with the acquire of inspect/scan.c */
}

/* Objects out of an abandoned slab. */
static inline unsigned slab_objects_out(const struct unit *slab) { return load_relaxed(&slab->slab.arm_at); }

static inline unsigned slab_local_length(const struct unit *slab) {
    return (uint16_t)(load_relaxed(&slab->slab.arm_at) - slab->slab.countdown);
}

/* Lets the countdown end when `local`, now LENGTH long, has AT objects. */
static inline void slab_arm(struct unit *slab, unsigned length, unsigned at) {
    ASSERT(length <= slab_carved(slab));
    store_relaxed(&slab->slab.arm_at, (uint16_t)at);
    slab->slab.countdown = at - length;
}

/* The same, when all that was carved is there. */
static inline void slab_arm_for_all(struct unit *slab, unsigned length) { slab_arm(slab, length, slab_carved(slab)); }

static inline bool slab_all_free(const struct unit *slab) { return slab_local_length(slab) == slab_carved(slab); }

/* Whether OBJECT is the start of a carved object of a slab whose objects have OBJECT_SIZE bytes. */
static inline bool slab_holds(const struct unit *slab, const struct object *object, uint32_t object_size) {
    uintptr_t offset = (uintptr_t)object - slab->start;
    return offset < (uintptr_t)slab_carved(slab) * object_size && offset % object_size == 0;
}

/* Whether the slab holds OBJECT, which is free. A program may have broken the link that leads there. */
static inline bool slab_holds_free(const struct unit *slab, const struct object *object) {
    return (uintptr_t)object - slab->start < units_bytes(slab_units(slab)) && ((uintptr_t)object & 15) == 0 &&
           object_is_free(object, slab);
}

/* The heap is about to own a slab of a bin. */
static inline void heap_note_bin(struct thread_heap *heap, size_t bin) {
    heap->used[bin / 64] |= (uint64_t)1 << bin % 64;
}

/* With the acquire of slab_thread_id(), which looks into a heap that its thread may just have made. */
static inline void slab_set_owner(struct unit *slab, struct thread_heap *heap) { store_release(&slab->owner, heap); }

#endif
