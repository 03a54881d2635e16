/* SPDX-License-Identifier: MIT */
/* slab_check.c: see slab_check.h. Every list is followed no further than it may be long, so that a broken one is found
 * and not run through for ever.
 */
#include "slab/slab_check.h"
#include "base/bits.h"
#include "memory/instrument.h"
#include "slab/abandoned.h"
#include "slab/kept.h"
#include "slab/thread_heap.h"
#include "sync/lock.h"
#include <limits.h>

#define EXPECT(condition, sentence)                                                                                    \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return sentence;                                                                                           \
    } while (0)

/* What was found on the way. Where threads have ended in the midst of something (locks_were_cut), their heaps and what
 * they had in hand may be in any state. Then only the calling thread's heap and those on the stacks are looked at. */
struct census {
    size_t owned;  /* slabs in the heaps' queues, or current: of the heaps that are looked at */
    size_t listed; /* on the stacks of abandoned slabs */
    int32_t all_free;
};

/* ---- One slab --------------------------------------------------------------------------------------------------- */

/* How many free objects of SLAB the list from FIRST on has; UINT_MAX if it holds anything else. */
static unsigned list_length(const struct unit *slab, const struct object *first, unsigned most) {
    unsigned length = 0;
    for (const struct object *object = first; object; object = object->next) {
        if (length == most || !slab_holds(slab, object, slab_geometry(slab)->object_size))
            return UINT_MAX;
        INSTRUMENT_LOOK(object);
        if (!object_is_free(object, slab))
            return UINT_MAX;
        length++;
    }
    return length;
}

static unsigned marks_count(const struct unit *slab) {
    unsigned marks = 0;
    for (unsigned i = 0; i < slab_carved(slab); i++) {
        const struct object *object = (const struct object *)(slab->start + i * slab_object_size(slab));
        INSTRUMENT_LOOK(object);
        marks += object_is_free(object, slab);
    }
    return marks;
}

static uintptr_t limit_of(const struct unit *slab) {
    size_t size = slab_object_size(slab);
    size_t in_first = (UNIT_SIZE + size - 1) / size, carved = slab_carved(slab);
    return (carved < in_first ? carved : in_first) * (slab->slab.reciprocal * size);
}

/* CACHED: a list of its objects that its heap keeps. */
static const char *check_slab(const struct unit *slab, const struct object *cached) {
    const struct geometry *geometry = slab_geometry(slab);
    uint32_t word = load_relaxed(&slab->slab.remote);
    unsigned carved = slab_carved(slab);
    EXPECT(unit_kind(slab) == UNIT_SLAB && slab->start == (uintptr_t)unit_address(slab), "a slab is none");
    EXPECT(carved <= geometry->capacity, "a slab has more objects than there is room for");
    EXPECT(load_relaxed(&slab->limit) == limit_of(slab), "the limit of a slab's division test is wrong");
    EXPECT((slab->slab.state & SLAB_LARGE ? SLAB_UNITS_LARGE : 1) == geometry->units, "a slab has a wrong size");
    unsigned local = list_length(slab, slab->slab.local, carved);
    unsigned remote = list_length(slab, remote_first(slab, word), carved);
    unsigned kept = list_length(slab, cached, carved);
    EXPECT(local != UINT_MAX && remote != UINT_MAX && kept != UINT_MAX, "a list of a slab's free objects is broken");
    EXPECT(remote == remote_count(word), "the count of objects that other threads freed is wrong");
    EXPECT(local + remote + kept <= marks_count(slab), "an object is in two lists of free objects");
    if (word & REMOTE_ABANDONED)
        EXPECT(local + slab_objects_out(slab) == carved, "the count of objects out of an abandoned slab is wrong");
    else
        EXPECT(local == slab_local_length(slab), "the countdown of a slab does not fit its list");
    return NULL;
}

/* ---- Heaps ------------------------------------------------------------------------------------------------------ */

static const char *check_owned(const struct thread_heap *heap, size_t bin, const struct unit *slab, unsigned state,
                               const struct object *cached) {
    EXPECT(load_relaxed(&slab->owner) == heap && slab_bin(slab) == bin, "a slab is in another's queue");
    EXPECT((slab->slab.state & (SLAB_RESTING | SLAB_AVAILABLE)) == state, "a slab is in a queue of another state");
    EXPECT(!(load_relaxed(&slab->slab.remote) & (REMOTE_ABANDONED | REMOTE_LISTED)), "an owned slab is abandoned");
    return check_slab(slab, cached);
}

static const char *check_queue(const struct thread_heap *heap, size_t bin, const struct queue *queue, unsigned state,
                               size_t *count) {
    uint32_t before = 0;
    for (struct unit *slab = unit_or_null(queue->first); slab; slab = unit_or_null(link_get(&slab->next))) {
        EXPECT(link_get(&slab->prev) == before, "a queue of slabs is broken");
        const char *wrong = check_owned(heap, bin, slab, state, NULL);
        EXPECT(!wrong, wrong);
        before = unit_number(slab);
        ++*count;
    }
    EXPECT(queue->last == before, "a queue of slabs has another end");
    return NULL;
}

/* The countdown of a current slab ends before, or when, all of it is free; but not that of one that is kept. */
static const char *check_current(const struct thread_heap *heap, size_t index, const struct bin *bin) {
    const struct unit *slab = unit_from_number(bin->current);
    const char *wrong = check_owned(heap, index, slab, 0, heap->cached[index]);
    EXPECT(!wrong, wrong);
    unsigned carved = slab_carved(slab), arm_at = load_relaxed(&slab->slab.arm_at), left = slab->slab.countdown;
    if (bin->place) {
        EXPECT(bin->place <= heap->kept.count && heap->kept.slabs[bin->place - 1].bin == index,
               "a slab that is kept has another's place");
        EXPECT(heap->kept.slabs[bin->place - 1].units == slab_units(slab), "a slab that is kept has another size");
        EXPECT(arm_at == carved + 1, "the countdown of a slab that is kept ends");
    } else {
        unsigned cached = bin->looks == LOOKS_MOST ? 0 : list_length(slab, heap->cached[index], carved);
        EXPECT(left > 0 && left <= carved && arm_at + cached <= carved,
               "the countdown of a current slab ends too late");
    }
    return NULL;
}

static const char *check_bin(const struct thread_heap *heap, size_t index, struct census *census) {
    const struct bin *bin = &heap->bins[index];
    size_t available = 0, resting = 0;
    const char *wrong = check_queue(heap, index, &bin->available, SLAB_AVAILABLE, &available);
    if (!wrong)
        wrong = check_queue(heap, index, &bin->resting, SLAB_RESTING, &resting);
    EXPECT(!wrong, wrong);
    EXPECT(resting == bin->resting_count, "the count of resting slabs is wrong");
    EXPECT(bin->current || !heap->cached[index], "a heap has cached objects of no slab");
    census->owned += available + resting + (bin->current != 0);
    bool is_used = bin->current || available || resting;
    EXPECT(!is_used || bits_get(heap->used, index), "a heap does not know that it has slabs of a bin");
    EXPECT(bin->current || !bin->place, "a slab that is kept is none");
    return bin->current ? check_current(heap, index, bin) : NULL;
}

static const char *check_kept(const struct thread_heap *heap) {
    const struct kept *kept = &heap->kept;
    uint32_t units = 0;
    EXPECT(kept->count <= KEPT_MOST, "a heap keeps more slabs than there are places");
    for (uint32_t i = 0; i < kept->count; i++) {
        EXPECT(kept->slabs[i].bin < HEAP_BINS && heap->bins[kept->slabs[i].bin].place == i + 1,
               "the place of a slab that is kept is another's");
        units += kept->slabs[i].units;
    }
    EXPECT(units == kept->units, "the count of units of slabs that are kept is wrong");
    return NULL;
}

static const char *check_batches(const struct thread_heap *heap) {
    for (unsigned i = 0; i < BATCHES; i++) {
        const struct batch *batch = &heap->batches[i];
        if (!batch->slab)
            continue;
        EXPECT(heap->has_batches, "a heap has a batch that it does not know of");
        EXPECT(unit_kind(batch->slab) == UNIT_SLAB, "a batch is of no slab");
        unsigned length = 1;
        const struct object *last = batch->first;
        for (; last != batch->last && length < batch->length; length++)
            last = last->next;
        EXPECT(last == batch->last && length == batch->length, "a batch has another length");
    }
    return NULL;
}

static const char *check_heap(const struct thread_heap *heap, struct census *census) {
    const char *wrong = check_batches(heap);
    if (!wrong)
        wrong = check_kept(heap);
    for (size_t bin = 0; bin < HEAP_BINS && !wrong; bin++)
        wrong = check_bin(heap, bin, census);
    return wrong;
}

static bool heap_is_empty(const struct thread_heap *heap) {
    for (size_t index = 0; index < HEAP_BINS; index++) {
        const struct bin *bin = &heap->bins[index];
        if (bin->current || bin->available.first || bin->resting.first)
            return false;
    }
    return true;
}

/* Heaps without a thread, HEAPS at most. */
static const char *check_stacks(size_t heaps) {
    struct thread_heap_tops tops;
    size_t found = 0;
    thread_heap_tops(&tops);
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t orphan = tops.orphans[i]; orphan; orphan = load_relaxed(&thread_heap_from_number(orphan)->next)) {
            EXPECT(++found <= heaps, "the stack of orphans has a circle");
            EXPECT(load_relaxed(&thread_heap_from_number(orphan)->thread_id) == 0, "an orphan has a thread");
        }
    for (uint32_t empty = tops.empty; empty; empty = load_relaxed(&thread_heap_from_number(empty)->next)) {
        EXPECT(++found <= heaps, "the stack of empty heaps has a circle, or an orphan in it");
        EXPECT(heap_is_empty(thread_heap_from_number(empty)), "a heap among the empty ones has slabs");
    }
    return NULL;
}

/* ---- Nobody's slabs --------------------------------------------------------------------------------------------- */

static const char *check_listed(size_t bin, struct census *census) {
    for (uint32_t number = slab_abandoned_top(bin); number; number = link_get(unit_link(number))) {
        const struct unit *slab = unit_from_number(number);
        uint32_t word = load_relaxed(&slab->slab.remote);
        EXPECT((word & REMOTE_ABANDONED) && (word & REMOTE_LISTED), "a slab is on a stack and not listed");
        EXPECT(slab_bin(slab) == bin, "a slab is on the stack of another bin");
        census->listed++;
        census->all_free += remote_count(word) == slab_objects_out(slab);
    }
    return NULL;
}

/* Every slab there is: whether its owner, or a stack, knows of it. */
static bool is_on_stack(uint32_t top, const struct thread_heap *heap) {
    while (top && top != heap->number)
        top = load_relaxed(&thread_heap_from_number(top)->next);
    return top != 0;
}

static bool is_looked_at(const struct thread_heap *heap) {
    struct thread_heap_tops tops;
    thread_heap_tops(&tops);
    return !locks_were_cut() || heap == thread_heap_existing() || is_on_stack(tops.orphans[0], heap) ||
           is_on_stack(tops.orphans[1], heap) || is_on_stack(tops.empty, heap);
}

static const char *check_nobodys(const struct unit *slab) {
    if (load_relaxed(&slab->slab.remote) & REMOTE_ABANDONED)
        return check_slab(slab, NULL);
    return locks_were_cut() ? NULL : "a slab is nobody's and not abandoned";
}

static const char *check_all_slabs(const struct census *census) {
    size_t owned = 0, listed = 0, at = 0;
    const char *wrong = NULL;
    units_lock();
    for (struct unit *unit; !wrong && (unit = units_next_used(at)) != NULL; at = unit_number(unit)) {
        if (unit_kind(unit) != UNIT_SLAB)
            continue;
        const struct thread_heap *owner = load_relaxed(&unit->owner);
        listed += (load_relaxed(&unit->slab.remote) & REMOTE_LISTED) != 0;
        if (owner == NOBODY)
            wrong = check_nobodys(unit);
        else
            owned += is_looked_at(owner);
    }
    units_unlock();
    EXPECT(!wrong, wrong);
    EXPECT(owned == census->owned, "a slab has an owner that does not know of it");
    EXPECT(listed == census->listed || locks_were_cut(), "a listed slab is on no stack");
    return NULL;
}

const char *slab_check(void) {
    struct census census = {0, 0, 0};
    struct thread_heaps_figures heaps;
    const char *wrong = NULL;
    thread_heaps_figures(&heaps);
    for (uint32_t number = 1; number <= heaps.heaps && !wrong; number++)
        if (is_looked_at(thread_heap_from_number(number)))
            wrong = check_heap(thread_heap_from_number(number), &census);
    if (!wrong)
        wrong = check_stacks(heaps.heaps);
    for (size_t bin = 0; bin < HEAP_BINS && !wrong; bin++)
        wrong = check_listed(bin, &census);
    EXPECT(!wrong, wrong);
    EXPECT(census.all_free == slab_abandoned_all_free() || locks_were_cut(),
           "the count of listed slabs that are all free is wrong");
    return check_all_slabs(&census);
}
