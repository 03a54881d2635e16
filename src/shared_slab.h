/* shared_slab.h: slabs between threads, and what slab.c and shared_slab.c alone see of a slab's inside. The states are
 * explained in slab.h.
 */
#ifndef BRAINMM_SHARED_SLAB_H
#define BRAINMM_SHARED_SLAB_H

#include "slab.h"

#define WAKE_SHIFT 4u /* a slab is worth allocating from when 1/16 of it is free */

/* ---- Inside a slab ---------------------------------------------------------------------------------------------- */

static inline struct object *remote_first(const struct unit *slab, uint32_t word) {
    uint32_t slot = word & REMOTE_SLOT_MASK;
    return slot ? (struct object *)(slab->start + (uintptr_t)(slot - 1) * 16) : NULL;
}

static inline uint32_t remote_slot(const struct unit *slab, const struct object *object) {
    return (uint32_t)(((uintptr_t)object - slab->start) / 16 + 1);
}

/* Written by the owner, read by whoever has a pointer to check. */
static inline unsigned carved(const struct unit *slab) {
    return atomic_load_explicit(&((struct unit *)slab)->carved, memory_order_relaxed);
}

static inline void set_carved(struct unit *slab, unsigned count) {
    atomic_store_explicit(&slab->carved, (uint16_t)count, memory_order_release); /* with the acquire of scan.c */
}

static inline unsigned wake_length(const struct geometry *geometry) {
    unsigned length = geometry->capacity >> WAKE_SHIFT;
    return length ? length : 1;
}

static inline unsigned local_length(const struct unit *slab) {
    return (uint16_t)(atomic_load_explicit(&slab->goal, memory_order_relaxed) - slab->countdown);
}

/* Sets the countdown to end when `local`, now LENGTH long, has GOAL objects. */
static inline void slab_arm(struct unit *slab, unsigned length, unsigned goal) {
    atomic_store_explicit(&slab->goal, (uint16_t)goal, memory_order_relaxed);
    slab->countdown = goal - length;
}

static inline bool is_object_of(const struct unit *slab, const struct object *object, uint32_t object_size) {
    uintptr_t offset = (uintptr_t)object - slab->start;
    return offset < (uintptr_t)carved(slab) * object_size && offset % object_size == 0;
}

/* With the acquire of slab_thread_id(), which looks into a heap that its thread may just have made. */
static inline void slab_set_owner(struct unit *slab, struct heap *heap) {
    atomic_store_explicit(&slab->owner, heap, memory_order_release);
}

static inline struct unit *unit_or_null(uint32_t index) { return index ? unit_from_index(index) : NULL; }

static inline uint32_t link_get(_Atomic uint32_t *link) { return atomic_load_explicit(link, memory_order_relaxed); }
static inline void link_set(_Atomic uint32_t *link, uint32_t index) {
    atomic_store_explicit(link, index, memory_order_relaxed);
}

/* Puts LENGTH objects from FIRST on in front of `local`. What lies behind a broken link is lost. Returns how many there
 * are. */
unsigned slab_join_local(struct unit *slab, struct object *first, unsigned length, uint32_t object_size);

/* ---- From owner to owner ---------------------------------------------------------------------------------------- */

/* All of an owned slab is free and it is in no queue: its memory becomes anybody's. */
void slab_retire(struct unit *slab);

/* The owner lets go of a slab that is in no queue. FLAGS: REMOTE_LISTED to offer it to everybody. False if other
 * threads freed to it meanwhile and it is not to be listed: it is still owned, and has something to give. */
bool slab_disown(struct heap *heap, struct unit *slab, uint32_t flags);

/* The state word was changed from unowned, or listed and popped, to owned by this thread. WORD is what it was. */
void slab_own(struct heap *heap, struct unit *slab, uint32_t word, uint32_t object_size);

/* Adds COUNT linked objects to what other threads freed of a slab: one atomic operation. HEAP is that of the thread. */
void slab_push_remote(struct heap *heap, struct unit *slab, struct object *first, struct object *last, unsigned count);

/* Takes a slab of the bin that anybody may take; it is then owned and in no queue. NULL: there is none. */
struct unit *slab_take_shared(struct heap *heap, size_t bin);

#endif
