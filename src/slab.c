/* slab.c: where objects come from when a heap's list is empty, and what becomes of slabs. The invariants are in slab.h.
 *
 * slab_alloc() looks, in this order, at: the slab the last list came from; slabs of the heap with enough free objects;
 * slabs of the heap to which other threads have freed; slabs that anybody may take; slabs of threads that have ended;
 * fresh memory. Nothing on the way takes a lock, except for fresh memory when the caches of window.c are empty.
 */
#include "slab.h"
#include "fast_path.h"
#include "instrument.h"
#include "shared_slab.h"
#include "thread.h"

#define RESTING_MAX 8u    /* slabs a bin may keep that have nothing to give, before it lets go of the oldest */
#define CARVE_BYTES 4096u /* of virgin memory that are made objects at a time */

/* On 64 bit a pointer from outside the window may share a descriptor: it differs from a true one by k * 2^n, k below
 * 2^(64 - n). An odd reciprocal makes the product differ by at least 2^n, far above any limit. */
#define RECIPROCAL_ODD ((uintptr_t)(UINTPTR_MAX > 0xFFFFFFFFu))

/* ---- Queues of a bin -------------------------------------------------------------------------------------------- */

static void queue_append(struct queue *queue, struct unit *slab) {
    uint32_t index = unit_index(slab);
    link_set(&slab->next, 0);
    link_set(&slab->prev, queue->last);
    if (queue->last)
        link_set(&unit_from_index(queue->last)->next, index);
    else
        queue->first = index;
    queue->last = index;
}

static void queue_remove(struct queue *queue, struct unit *slab) {
    uint32_t next = link_get(&slab->next), prev = link_get(&slab->prev);
    if (prev)
        link_set(&unit_from_index(prev)->next, next);
    else
        queue->first = next;
    if (next)
        link_set(&unit_from_index(next)->prev, prev);
    else
        queue->last = prev;
}

/* ---- States ----------------------------------------------------------------------------------------------------- */

static void slab_make_available(struct bin *bin, struct unit *slab, unsigned length) {
    slab->attributes |= SLAB_AVAILABLE;
    queue_append(&bin->available, slab);
    slab_arm(slab, length, carved(slab));
}

/* Takes a slab out of whichever queue it is in. */
static void slab_unqueue(struct bin *bin, struct unit *slab) {
    if (slab->attributes & SLAB_AVAILABLE) {
        queue_remove(&bin->available, slab);
    } else if (slab->attributes & SLAB_RESTING) {
        queue_remove(&bin->resting, slab);
        bin->resting_count--;
    }
    slab->attributes &= SLAB_LARGE;
}

/* Nothing left to give: the slab rests, and the bin's oldest resting slab is let go if there are too many. */
static void slab_rest(struct heap *heap, struct bin *bin, struct unit *slab, unsigned length, unsigned goal) {
    slab->attributes |= SLAB_RESTING;
    queue_append(&bin->resting, slab);
    slab_arm(slab, length, goal);
    if (++bin->resting_count <= RESTING_MAX)
        return;
    struct unit *oldest = unit_from_index(bin->resting.first);
    slab_unqueue(bin, oldest);
    if (!slab_disown(heap, oldest, 0))
        slab_make_available(bin, oldest, local_length(oldest));
}

int slab_event(struct heap *heap, struct unit *slab) {
    struct bin *bin = &heap->bins[slab->bin];
    unsigned length = local_length(slab);
    if (!(slab->attributes & (SLAB_RESTING | SLAB_AVAILABLE)))
        return BRAINMM_OK; /* bin.current may be all free; it stays, for the next allocation */
    if (length == carved(slab)) {
        slab_unqueue(bin, slab);
        slab_retire(slab);
    } else if (slab->attributes & SLAB_RESTING) {
        slab_unqueue(bin, slab);
        slab_make_available(bin, slab, length);
    }
    return BRAINMM_OK;
}

/* ---- Frees by other threads ------------------------------------------------------------------------------------- */

/* An unowned slab, not listed, that HEAP was the last to own: from here on its frees are local again. */
static bool may_adopt(const struct heap *heap, struct unit *slab, uint32_t word) {
    return (word & (REMOTE_UNOWNED | REMOTE_LISTED)) == REMOTE_UNOWNED && heap->number &&
           link_get(&slab->prev) == heap->number;
}

/* Adopts a slab, with a first object to free. False if the state word is no longer WORD. */
static bool slab_adopt(struct heap *heap, struct unit *slab, uint32_t word, struct object *object) {
    if (!atomic_compare_exchange_strong_explicit(&slab->remote, &word, 0, memory_order_acquire, memory_order_relaxed))
        return false;
    const struct geometry *geometry = &bin_geometry[slab->bin];
    slab_own(heap, slab, word, geometry->object_size);
    object->next = slab->local;
    slab->local = object;
    unsigned length = local_length(slab) + 1;
    struct bin *bin = &heap->bins[slab->bin];
    if (length == carved(slab))
        slab_retire(slab);
    else if (length >= wake_length(geometry))
        slab_make_available(bin, slab, length);
    else
        slab_rest(heap, bin, slab, length, wake_length(geometry));
    return true;
}

void slab_free_remote(struct heap *heap, struct unit *slab, struct object *object) {
    object_mark(object, slab);
    uint32_t word = atomic_load_explicit(&slab->remote, memory_order_relaxed);
    if (may_adopt(heap, slab, word) && slab_adopt(heap, slab, word, object))
        return;
    unsigned size = bin_geometry[slab->bin].batch;
    if (heap->number == 0 || size == 1) { /* no heap to keep a batch in, or objects too large to hold back */
        slab_push_remote(heap, slab, object, object, 1);
        return;
    }
    struct batch *batch = slab_batch(heap, slab);
    slab_flush_batch(heap, batch);
    *batch = (struct batch){slab, object, object, 1, size - 1};
    heap->batched = true;
}

/* ---- Allocation ------------------------------------------------------------------------------------------------- */

static struct unit *slab_create(struct heap *heap, size_t bin) {
    const struct geometry *geometry = &bin_geometry[bin];
    struct unit *slab = window_take_slab(geometry->units, true);
    if (!slab)
        return NULL;
    uint32_t index = unit_index(slab);
    if (carved(slab) != 0 && slab_object_size(slab) != geometry->object_size)
        slab_clear_marks(slab);
    INSTRUMENT_ALLOW(unit_address(index), (size_t)geometry->units << UNIT_SHIFT); /* freed as a slab of other objects */
    for (unsigned i = 1; i < geometry->units; i++) {
        struct unit *further = unit_from_index(index + i);
        link_set(&further->next, index);
        further->kind = UNIT_SUB;
    }
    uint32_t size = geometry->object_size;
    slab->start = (uintptr_t)unit_address(index);
    slab->reciprocal = (UINTPTR_MAX / size + 1 + ((size & (size - 1)) == 0)) | RECIPROCAL_ODD;
    atomic_store_explicit(&slab->limit, 0, memory_order_relaxed);
    slab->local = NULL;
    atomic_store_explicit(&slab->remote, 0, memory_order_relaxed);
    set_carved(slab, 0);
    slab->bin = (uint16_t)bin;
    slab->attributes = geometry->units > 1 ? SLAB_LARGE : 0;
    slab_arm(slab, 0, 0);
    slab_set_owner(slab, heap);
    slab->kind = UNIT_SLAB;
    return slab;
}

/* Makes objects of virgin memory, at least one. */
static struct object *slab_carve(struct unit *slab, const struct geometry *geometry) {
    uint32_t size = geometry->object_size;
    unsigned room = geometry->capacity - carved(slab);
    unsigned count = CARVE_BYTES / size;
    if (count == 0)
        count = 1;
    if (count > room)
        count = room;
    char *first = (char *)slab->start + (size_t)carved(slab) * size;
    struct object *object = (struct object *)(void *)first;
    for (unsigned i = 1; i < count; i++) {
        object->next = (struct object *)(void *)(first + (size_t)i * size);
        object_mark(object, slab);
        object = object->next;
    }
    object->next = NULL;
    object_mark(object, slab);
    set_carved(slab, carved(slab) + count);
    /* The fast path only meets pointers into the first unit, and its test is exact for as many objects. */
    unsigned in_first = (unsigned)((UNIT_SIZE + size - 1) / size);
    unsigned tested = carved(slab) < in_first ? carved(slab) : in_first;
    atomic_store_explicit(&slab->limit, tested * (slab->reciprocal * size), memory_order_relaxed);
    return (struct object *)(void *)first;
}

/* Takes over what other threads freed to an owned slab. */
static bool slab_take_remote(struct unit *slab) {
    if (atomic_load_explicit(&slab->remote, memory_order_relaxed) == 0)
        return false;
    uint32_t word = atomic_exchange_explicit(&slab->remote, 0, memory_order_acquire);
    unsigned length = local_length(slab);
    length += slab_join_local(slab, remote_first(slab, word), remote_count(word), bin_geometry[slab->bin].object_size);
    slab_arm(slab, length, atomic_load_explicit(&slab->goal, memory_order_relaxed));
    return true;
}

/* Takes the list of freed objects off a slab. A program that writes to what it has freed breaks links; if the first one
 * is broken, the list is lost to the slab, which is better than handing out what may be in use. To look at all of them
 * means to wait for each in turn, where allocation overlaps that with the program's work: it was measured to cost up to
 * half of the time of a program that frees at random. */
static struct object *slab_take_local(struct unit *slab) {
    static _Atomic bool told;
    uintptr_t span = slab->attributes & SLAB_LARGE ? SLAB_UNITS_LARGE * UNIT_SIZE : UNIT_SIZE;
    struct object *first = slab->local;
    slab->local = NULL;
    if ((uintptr_t)first - slab->start < span && ((uintptr_t)first & 15) == 0 && object_is_free(first, slab))
        return first;
    if (!atomic_exchange_explicit(&told, true, memory_order_relaxed))
        os_print("BrainMM: freed memory has been written to; the pieces that it linked are not used again\n");
    return NULL;
}

/* Moves a list of free objects from an owned slab to the heap. False if there are none. */
static bool slab_supply(struct heap *heap, struct unit *slab) {
    struct object *list = NULL;
    if (slab->local || slab_take_remote(slab)) {
        list = slab_take_local(slab);
    } else {
        const struct geometry *geometry = &bin_geometry[slab->bin];
        if (carved(slab) < geometry->capacity)
            list = slab_carve(slab, geometry);
    }
    slab_arm(slab, 0, carved(slab));
    heap->free[slab->bin] = list;
    return list != NULL;
}

/* A slab of the heap's own that has something to give, taken out of its queue. */
static struct unit *slab_take_own(struct bin *bin) {
    struct unit *slab = unit_or_null(bin->available.first);
    if (!slab) {
        slab = unit_or_null(bin->resting.first);
        while (slab && atomic_load_explicit(&slab->remote, memory_order_relaxed) == 0)
            slab = unit_or_null(link_get(&slab->next));
    }
    if (slab) {
        unsigned length = local_length(slab);
        slab_unqueue(bin, slab);
        slab_arm(slab, length, carved(slab));
    }
    return slab;
}

/* A slab to allocate from: the heap's own, somebody's, or a new one. NULL: out of memory. */
static struct unit *slab_find(struct heap *heap, size_t bin) {
    slab_flush_batches(heap);
    struct unit *slab = slab_take_own(&heap->bins[bin]);
    if (!slab)
        slab = slab_take_shared(heap, bin);
    if (slab)
        return slab;
    for (struct heap *orphan; (orphan = heap_take_orphan()) != NULL;) {
        slab_disband(orphan);
        heap_put_empty(orphan);
        if ((slab = slab_take_shared(heap, bin)) != NULL)
            return slab;
    }
    slab_sweep(heap, 1);
    slab = slab_create(heap, bin);
    if (!slab) { /* the last resort: slabs with less to give than usual */
        struct bin *own = &heap->bins[bin];
        for (slab = unit_or_null(own->resting.first); slab && !slab->local;)
            slab = unit_or_null(link_get(&slab->next));
        if (slab) {
            unsigned length = local_length(slab);
            slab_unqueue(own, slab);
            slab_arm(slab, length, carved(slab));
        }
    }
    return slab;
}

void *slab_alloc(struct heap *heap, size_t bin) {
    struct bin *own = &heap->bins[bin];
    struct unit *slab = unit_or_null(own->current);
    while (!slab || !slab_supply(heap, slab)) {
        if (slab) {
            const struct geometry *geometry = &bin_geometry[bin];
            own->current = 0;
            slab_rest(heap, own, slab, 0, wake_length(geometry));
        }
        slab = slab_find(heap, bin);
        if (!slab)
            return NULL;
        own->current = unit_index(slab);
    }
    struct object *object = heap->free[bin];
    heap->free[bin] = object->next;
    object_mark(object, NULL);
    return object;
}

/* ---- Giving back ------------------------------------------------------------------------------------------------ */

/* Returns the bin's cached objects to the slab they came from, and what other threads freed to that slab. */
static void slab_return_cached(struct heap *heap, size_t bin, struct unit *slab) {
    uint32_t object_size = bin_geometry[bin].object_size;
    unsigned cached = 0;
    for (struct object *o = heap->free[bin]; o && is_object_of(slab, o, object_size) && cached < carved(slab);
         o = o->next)
        cached++;
    unsigned length = local_length(slab);
    length += slab_join_local(slab, heap->free[bin], cached, object_size);
    heap->free[bin] = NULL;
    slab_arm(slab, length, carved(slab));
}

/* Calls DONE_WITH for each slab of a bin, all of them taken out of their queues first. */
static void slab_clear_bin(struct heap *heap, size_t index, void (*done_with)(struct heap *, struct unit *)) {
    struct bin *bin = &heap->bins[index];
    struct unit *slab = unit_or_null(bin->current);
    if (slab) {
        slab_return_cached(heap, index, slab);
        bin->current = 0;
        queue_append(&bin->available, slab);
        slab->attributes |= SLAB_AVAILABLE;
    }
    uint32_t chain = 0;
    while ((slab = unit_or_null(bin->available.first ? bin->available.first : bin->resting.first)) != NULL) {
        unsigned length = local_length(slab);
        slab_unqueue(bin, slab);
        slab_arm(slab, length, carved(slab));
        link_set(&slab->prev, chain);
        chain = unit_index(slab);
    }
    while (chain) {
        slab = unit_from_index(chain);
        chain = link_get(&slab->prev);
        slab_take_remote(slab);
        if (local_length(slab) == carved(slab))
            slab_retire(slab);
        else
            done_with(heap, slab);
    }
}

static void slab_offer(struct heap *heap, struct unit *slab) {
    const struct geometry *geometry = &bin_geometry[slab->bin];
    bool worth = slab->local || carved(slab) < geometry->capacity;
    if (!slab_disown(heap, slab, worth ? REMOTE_LISTED : 0))
        slab_disown(heap, slab, REMOTE_LISTED);
}

void slab_disband(struct heap *heap) {
    for (size_t bin = 0; bin < HEAP_BINS; bin++)
        slab_clear_bin(heap, bin, slab_offer);
}

static void slab_keep(struct heap *heap, struct unit *slab) {
    const struct geometry *geometry = &bin_geometry[slab->bin];
    struct bin *bin = &heap->bins[slab->bin];
    unsigned length = local_length(slab);
    if (length >= wake_length(geometry) || carved(slab) < geometry->capacity)
        slab_make_available(bin, slab, length);
    else
        slab_rest(heap, bin, slab, length, wake_length(geometry));
}

bool slab_collect(struct heap *heap) {
    bool any = false;
    slab_flush_batches(heap);
    for (size_t bin = 0; bin < HEAP_BINS; bin++) {
        struct bin *own = &heap->bins[bin];
        if (!own->current && !own->available.first && !own->resting.first)
            continue;
        for (struct unit *slab = unit_or_null(own->resting.first); slab && !any;
             slab = unit_or_null(link_get(&slab->next)))
            any = atomic_load_explicit(&slab->remote, memory_order_relaxed) != 0;
        for (struct unit *slab = unit_or_null(own->available.first); slab && !any;
             slab = unit_or_null(link_get(&slab->next)))
            any = atomic_load_explicit(&slab->remote, memory_order_relaxed) != 0;
        slab_clear_bin(heap, bin, slab_keep);
    }
    slab_sweep(heap, 0);
    return any;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

struct unit *slab_of(const void *piece) {
    struct unit *slab = unit_of(piece);
    if (slab && slab->kind == UNIT_SLAB && is_tested_object_of(slab, piece))
        return slab;
    if (slab && slab->kind == UNIT_SUB)
        slab = unit_from_index(link_get(&slab->next));
    if (!slab || slab->kind != UNIT_SLAB)
        return NULL;
    return is_object_of(slab, piece, bin_geometry[slab->bin].object_size) ? slab : NULL;
}
