/* shared_slab.c: how slabs pass between threads: let go by their owners, filled by other threads' frees, taken by whoever
 * needs one, turned into free memory when all of them is free. Lock-free throughout; see slab.h for the states.
 */
#include "shared_slab.h"
#include "stack.h"

static struct stack shared_slabs[HEAP_BINS];

/* Listed slabs all of whose objects are free; a hint that sweeping the stacks is worth it. */
static _Atomic int32_t idle_listed;

/* How often the life of a slab has ended: of those whose unit's number has the same remainder. */
#define LIVES 256u
static _Atomic uint32_t lives[LIVES];

static _Atomic uint64_t heapless_frees;

/* ---- From owner to owner ---------------------------------------------------------------------------------------- */

unsigned slab_join_local(struct unit *slab, struct object *first, unsigned length, uint32_t object_size) {
    if (!first || length == 0)
        return 0;
    if (!slab->local) {
        slab->local = first;
        return length;
    }
    struct object *last = first;
    unsigned joined = 1;
    while (joined < length && last->next && is_object_of(slab, last->next, object_size)) {
        last = last->next;
        joined++;
    }
    last->next = slab->local;
    slab->local = first;
    return joined;
}

void slab_clear_marks(struct unit *slab) {
    size_t size = slab_object_size(slab);
    for (unsigned i = 0; i < carved(slab); i++)
        object_mark((struct object *)(slab->start + i * size), NULL);
    set_carved(slab, 0);
}

/* A thread that looks at the slab reads the number before it reads the kind. If it finds the same number afterwards, by an
 * exchange, then this addition comes after that exchange, and with it all that is done to the slab's descriptor and
 * memory from here on. Had it found the new number at first, it would then have found the kind NONE, or a later life's. */
static void slab_life_end(const struct unit *slab) {
    atomic_fetch_add_explicit(&lives[unit_index(slab) % LIVES], 1, memory_order_acq_rel);
}

uint32_t slab_life(const struct unit *slab) {
    return atomic_load_explicit(&lives[unit_index(slab) % LIVES], memory_order_acquire);
}

bool slab_life_goes_on(const struct unit *slab, uint32_t life) {
    return atomic_fetch_add_explicit(&lives[unit_index(slab) % LIVES], 0, memory_order_acq_rel) == life;
}

/* The memory goes on with marks in it, for the most part to a slab of the same objects. Not so the few of a large one,
 * whose units may go different ways. */
void slab_retire(struct unit *slab) {
    unsigned units = slab->attributes & SLAB_LARGE ? SLAB_UNITS_LARGE : 1;
    uint32_t index = unit_index(slab);
    for (unsigned i = 0; i < units; i++)
        unit_from_index(index + i)->kind = UNIT_NONE;
    slab_life_end(slab);
    if (units > 1)
        slab_clear_marks(slab);
    atomic_store_explicit(&slab->owner, NULL, memory_order_relaxed);
    atomic_store_explicit(&slab->limit, 0, memory_order_relaxed);
    slab->local = NULL;
    window_give_slab(slab, units);
}

bool slab_disown(struct heap *heap, struct unit *slab, uint32_t flags) {
    atomic_store_explicit(&slab->goal, (uint16_t)(carved(slab) - local_length(slab)), memory_order_relaxed);
    link_set(&slab->prev, heap->number);
    atomic_store_explicit(&slab->owner, NOBODY, memory_order_relaxed);
    uint32_t word = atomic_load_explicit(&slab->remote, memory_order_relaxed);
    do {
        if (word != 0 && !(flags & REMOTE_LISTED)) {
            unsigned length = carved(slab) - atomic_load_explicit(&slab->goal, memory_order_relaxed);
            slab_arm(slab, length, carved(slab));
            slab_set_owner(slab, heap);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&slab->remote, &word, word | flags | REMOTE_UNOWNED,
                                                    memory_order_release, /* with the acquire of who takes it */
                                                    memory_order_relaxed));
    if (flags & REMOTE_LISTED) {
        if (remote_count(word) == atomic_load_explicit(&slab->goal, memory_order_relaxed))
            atomic_fetch_add_explicit(&idle_listed, 1, memory_order_relaxed);
        stack_push(&shared_slabs[slab->bin], unit_index(slab), &slab->next);
    }
    return true;
}

void slab_own(struct heap *heap, struct unit *slab, uint32_t word, uint32_t object_size) {
    unsigned length = carved(slab) - atomic_load_explicit(&slab->goal, memory_order_relaxed);
    length += slab_join_local(slab, remote_first(slab, word), remote_count(word), object_size);
    slab_arm(slab, length, carved(slab));
    slab_set_owner(slab, heap);
}

/* ---- Frees by other threads ------------------------------------------------------------------------------------- */

static void count_remote(struct heap *heap, unsigned count) {
    if (heap->number) /* nobody else writes there */
        atomic_store_explicit(&heap->remote_frees,
                              atomic_load_explicit(&heap->remote_frees, memory_order_relaxed) + count,
                              memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&heapless_frees, count, memory_order_relaxed);
}

uint64_t slab_heapless_frees(void) { return atomic_load_explicit(&heapless_frees, memory_order_relaxed); }

void slab_push_remote(struct heap *heap, struct unit *slab, struct object *first, struct object *last, unsigned count) {
    count_remote(heap, count);
    size_t bin = slab->bin;
    unsigned wake = wake_length(&bin_geometry[bin]);
    uint32_t index = unit_index(slab), slot = remote_slot(slab, first);
    uint32_t word = atomic_load_explicit(&slab->remote, memory_order_relaxed), changed;
    bool listing, all_free;
    do {
        unsigned length = remote_count(word) + count;
        listing = (word & (REMOTE_UNOWNED | REMOTE_LISTED)) == REMOTE_UNOWNED && length >= wake;
        all_free = (word & REMOTE_UNOWNED) && length == atomic_load_explicit(&slab->goal, memory_order_relaxed);
        changed = (word & (REMOTE_UNOWNED | REMOTE_LISTED)) | (listing ? REMOTE_LISTED : 0) |
                  length * REMOTE_COUNT_ONE | slot;
        last->next = remote_first(slab, word);
    } while (!atomic_compare_exchange_weak_explicit(&slab->remote, &word, changed,
                                                    memory_order_acq_rel, /* with who takes the list, or the slab */
                                                    memory_order_relaxed));
    if (listing) /* who made a slab listed is alone with its links until it is on the stack */
        stack_push(&shared_slabs[bin], index, &slab->next);
    if (all_free)
        atomic_fetch_add_explicit(&idle_listed, 1, memory_order_relaxed);
}

void slab_flush_batch(struct heap *heap, struct batch *batch) {
    if (batch->slab)
        slab_push_remote(heap, batch->slab, batch->first, batch->last, batch->count);
    batch->slab = NULL;
}

void slab_flush_batches(struct heap *heap) {
    if (!heap->batched)
        return;
    heap->batched = false;
    for (unsigned i = 0; i < BATCHES; i++)
        slab_flush_batch(heap, &heap->batches[i]);
}

/* ---- For whoever needs one -------------------------------------------------------------------------------------- */

static _Atomic uint32_t *slab_link(uint32_t index) { return &unit_from_index(index)->next; }

struct unit *slab_take_shared(struct heap *heap, size_t bin) {
    if (stack_is_empty(&shared_slabs[bin]))
        return NULL;
    uint32_t index = stack_pop(&shared_slabs[bin], slab_link);
    if (!index)
        return NULL;
    struct unit *slab = unit_from_index(index);
    unsigned out = atomic_load_explicit(&slab->goal, memory_order_relaxed);
    uint32_t word = atomic_exchange_explicit(&slab->remote, 0, memory_order_acquire);
    if (remote_count(word) == out)
        atomic_fetch_sub_explicit(&idle_listed, 1, memory_order_relaxed);
    slab_own(heap, slab, word, bin_geometry[bin].object_size);
    return slab;
}

/* Turns listed slabs that are all free into free memory, and lists the others again. */
static void sweep(struct heap *heap) {
    for (size_t bin = 0; bin < HEAP_BINS; bin++) {
        uint32_t kept = 0; /* a list of what goes back, linked by `prev` */
        for (struct unit *slab; (slab = slab_take_shared(heap, bin)) != NULL;) {
            if (local_length(slab) == carved(slab)) {
                slab_retire(slab);
            } else {
                link_set(&slab->prev, kept);
                kept = unit_index(slab);
            }
        }
        while (kept) {
            struct unit *slab = unit_from_index(kept);
            kept = link_get(&slab->prev);
            slab_disown(heap, slab, REMOTE_LISTED);
        }
    }
}

void slab_sweep(struct heap *heap, int32_t least) {
    if (atomic_load_explicit(&idle_listed, memory_order_relaxed) >= least)
        sweep(heap);
}
