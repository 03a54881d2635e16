/* SPDX-License-Identifier: MIT */
/* supply.c: see supply.h, and slab.h for the invariants.
 *
 * slab_alloc() looks, in this order, at: the slab that the last list came from; slabs of the heap with enough free
 * objects; slabs of the heap to which other threads have freed; abandoned slabs; slabs of threads that have ended;
 * fresh memory. Nothing on the way takes a lock, except for fresh memory when the cache of units is empty.
 */
#include "slab/supply.h"
#include "slab/abandoned.h"
#include "slab/broken.h"
#include "slab/collect.h"
#include "slab/lifetime.h"
#include "slab/queues.h"
#include "slab/kept.h"
#include "slab/remote.h"
#include "slab/slab_inside.h"
#include "slab/thread_heap.h"

#define CARVE_BYTES 4096u /* of virgin memory that become objects at a time */

/* ---- Lists of objects ------------------------------------------------------------------------------------------- */

static uint64_t order_seed; /* 0: in the order of addresses */

void supply_in_random_order(uint64_t seed) { order_seed = seed | 1; }

#define CARVE_MOST (CARVE_BYTES / 16)

/* Which object of a slab's next COUNT ones comes first, second ... Differs from slab to slab. */
static COLD void order_make(const struct unit *slab, unsigned before, uint16_t *order, unsigned count) {
    uint64_t state = order_seed * (2 * ((uint64_t)unit_number(slab) << 16 | before) + 1);
    for (unsigned i = 0; i < count; i++) {
        state ^= state >> 29;
        state *= 0xBF58476D1CE4E5B9u;
        state ^= state >> 32;
        unsigned other = (unsigned)(state % (i + 1));
        order[i] = order[other];
        order[other] = (uint16_t)i;
    }
}

/* Makes a list of COUNT objects of SIZE bytes from FIRST on. */
static COLD struct object *link_in_random_order(struct unit *slab, char *first, uint32_t size, unsigned count) {
    uint16_t order[CARVE_MOST];
    struct object *list = NULL;
    order_make(slab, slab_carved(slab), order, count);
    for (unsigned i = 0; i < count; i++) {
        struct object *object = (struct object *)(void *)(first + (size_t)order[i] * size);
        object->next = list;
        object_mark(object, slab);
        list = object;
    }
    return list;
}

static struct object *link_in_order(struct unit *slab, char *first, uint32_t size, unsigned count) {
    struct object *object = (struct object *)(void *)first;
    for (unsigned i = 1; i < count; i++) {
        object->next = (struct object *)(void *)(first + (size_t)i * size);
        object_mark(object, slab);
        object = object->next;
    }
    object->next = NULL;
    object_mark(object, slab);
    return (struct object *)(void *)first;
}

/* Makes objects of virgin memory, at least one. */
static struct object *carve(struct unit *slab, const struct geometry *geometry) {
    uint32_t size = geometry->object_size;
    unsigned before = slab_carved(slab), virgin = geometry->capacity - before;
    unsigned count = CARVE_BYTES / size;
    if (count == 0)
        count = 1;
    if (count > virgin)
        count = virgin;
    char *first = (char *)slab->start + (size_t)before * size;
    struct object *list =
        UNLIKELY(order_seed) ? link_in_random_order(slab, first, size, count) : link_in_order(slab, first, size, count);
    unsigned carved = before + count;
    slab_set_carved(slab, carved);
    /* The fast path only meets pointers into the first unit, and its test is exact for as many objects. */
    unsigned in_first = (unsigned)((UNIT_SIZE + size - 1) / size);
    unsigned tested = carved < in_first ? carved : in_first;
    store_relaxed(&slab->limit, tested * (slab->slab.reciprocal * size));
    return list;
}

/* Takes the list of freed objects off a slab. A program that writes to what it has freed breaks links. If the first one
 * is broken, the list is lost to the slab: that is better than to hand out what may be in use. To look at all of them
 * would mean to wait for each in turn, where allocation overlaps that with the program's work. It was measured to cost
 * up to half of the time of a program that frees at random. */
static struct object *take_local(struct unit *slab) {
    struct object *first = slab->slab.local;
    slab->slab.local = NULL;
    if (slab_holds_free(slab, first))
        return first;
    broken_note(first);
    return NULL;
}

/* Moves a list of free objects from the bin's current slab to the heap. False if there are none. */
static bool supply(struct thread_heap *heap, struct bin *bin, struct unit *slab) {
    struct object *list = NULL;
    const struct geometry *geometry = slab_geometry(slab);
    unsigned length = 0, carved = slab_carved(slab);
    if (slab->slab.local || slab_take_remote(slab)) {
        length = slab_local_length(slab);
        list = take_local(slab);
    } else if (carved < geometry->capacity) {
        list = carve(slab, geometry);
        length = slab_carved(slab) - carved;
    }
    heap->cached[slab_bin(slab)] = list;
    kept_arm(heap, bin, slab, length);
    return list != NULL;
}

/* ---- Slabs ------------------------------------------------------------------------------------------------------ */

/* Takes a slab of the heap's own out of its queue. */
static struct unit *take_queued(struct bin *bin, struct unit *slab) {
    if (slab) {
        unsigned length = slab_local_length(slab);
        slab_unqueue(bin, slab);
        slab_arm_for_all(slab, length);
    }
    return slab;
}

static struct unit *next_resting(struct unit *slab) { return unit_or_null(link_get(&slab->next)); }

/* A slab of the heap's own that has something to give. */
static struct unit *take_own(struct bin *bin) {
    struct unit *slab = unit_or_null(bin->available.first);
    if (!slab)
        for (slab = unit_or_null(bin->resting.first); slab && load_relaxed(&slab->slab.remote) == 0;)
            slab = next_resting(slab);
    return take_queued(bin, slab);
}

/* The last resort: a slab with less to give than usual. */
static struct unit *take_resting(struct bin *bin) {
    struct unit *slab = unit_or_null(bin->resting.first);
    while (slab && !slab->slab.local)
        slab = next_resting(slab);
    return take_queued(bin, slab);
}

/* A slab to allocate from: the heap's own, somebody's, or a new one. NULL: out of memory. */
static struct unit *find_slab(struct thread_heap *heap, size_t bin) {
    remote_send_all(heap);
    struct unit *slab = take_own(&heap->bins[bin]);
    if (!slab)
        slab = slab_take_abandoned(heap, bin);
    for (struct thread_heap *orphan; !slab && (orphan = thread_heap_take_orphan()) != NULL;) {
        slab_disband(orphan);
        thread_heap_put_empty(orphan);
        slab = slab_take_abandoned(heap, bin);
    }
    if (slab)
        return slab;
    slab_sweep(heap, 1);
    slab = slab_create(heap, bin);
    return slab ? slab : take_resting(&heap->bins[bin]);
}

struct object *slab_pop_checked(struct thread_heap *heap, size_t bin) {
    struct object *object = heap->cached[bin];
    if (!object)
        return NULL;
    if (UNLIKELY(!slab_holds_free(unit_from_number(heap->bins[bin].current), object))) {
        broken_note(object);
        heap->cached[bin] = NULL;
        return NULL;
    }
    heap->cached[bin] = object->next;
    object_clear_mark(object);
    return object;
}

void *slab_alloc(struct thread_heap *heap, size_t bin) {
    struct bin *own = &heap->bins[bin];
    struct unit *slab = unit_or_null(own->current);
    while (!slab || !supply(heap, own, slab)) {
        if (slab) {
            kept_forget(heap, own);
            own->current = 0;
            slab_rest(heap, own, slab, 0, wake_length(&bin_geometry[bin]));
        }
        slab = find_slab(heap, bin);
        if (!slab)
            return NULL;
        heap_note_bin(heap, bin);
        own->current = unit_number(slab);
    }
    struct object *object = heap->cached[bin];
    heap->cached[bin] = object->next;
    object_clear_mark(object);
    return object;
}
