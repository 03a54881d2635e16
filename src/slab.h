/* slab.h: pieces of up to 32 KiB. A slab is one unit, or four, of objects of one size, found through its descriptor
 * (window.h). This page holds the invariants; slab.c the slow paths, fast_path.h the fast ones.
 *
 * Where an object can be
 *   virgin     behind `carved`: never handed out, its memory not even touched
 *   cached     in heap->free[bin], the list brainmm_alloc pops from; all of them come from one slab, bin.current
 *   out        the program's
 *   local      in slab->local: freed by the thread that owns the slab, without any atomic operation
 *   remote     in slab->remote: freed by another thread, with one atomic operation for several objects (heap->batches)
 * When heap->free[bin] is empty, a whole local or remote list moves there, or 4 KiB of virgin objects do.
 *
 * An object that is not out carries the address of its slab's descriptor in its second word, its `mark`, and
 * brainmm_alloc clears that: what carries the mark is free. Interior and never allocated pointers fail the division test
 * of fast_path.h. So no bitmap is needed to refuse what is not a live object.
 *
 * That a live object carries no mark holds because a program is never given memory with a mark in it, which it might
 * copy unread from one place of an object to another: marks of objects that became virgin again are cleared before the
 * memory serves another purpose (slab_clear_marks). A program that computes with random 32-bit numbers could hit on a
 * mark by chance, so on 32 bit the third word repeats it.
 *
 * Who works on a slab
 *   owned      slab->owner's thread only, except for `remote`. It is `current` in its bin, or in the queue `available`
 *              (worth allocating from), or `resting` (few or no objects free)
 *   unowned    nobody: REMOTE_UNOWNED is set in `remote`. Slabs get there from the end of the resting queue, which is
 *              short. The next free by the last owner adopts it; another thread's frees collect in `remote`
 *   listed     unowned and on the stack shared_slabs[bin]: 1/16 of it or more is free, any thread may take it
 * So memory that other threads free is usable again without its former owner doing anything.
 *
 * The countdown is the only test in a local free: it ends when a resting slab has become worth allocating from, and
 * when all of a slab is free. The length of `local` is goal - countdown.
 */
#ifndef BRAINMM_SLAB_H
#define BRAINMM_SLAB_H

#include "brainmm.h"
#include "size_class.h"
#include "window.h"

#define OBJECT_MARKS (UINTPTR_MAX > 0xFFFFFFFFu ? 1u : 2u)

struct object {
    struct object *next;
    struct unit *mark[OBJECT_MARKS];
};

/* SLAB NULL: clears the mark. */
static inline void object_mark(struct object *object, struct unit *slab) {
    for (unsigned i = 0; i < OBJECT_MARKS; i++)
        object->mark[i] = slab;
}

/* Whether an object of SLAB is free, in whatever state. */
static inline bool object_is_free(const struct object *object, const struct unit *slab) {
    return object->mark[0] == slab && object->mark[OBJECT_MARKS - 1] == slab;
}

/* The word `remote`: a list of objects as offset / 16 + 1 of the first, its length, and the slab's state. */
#define REMOTE_SLOT_MASK 0x7FFFu
#define REMOTE_COUNT_ONE 0x8000u
#define REMOTE_COUNT_MASK 0x1FFF8000u
#define REMOTE_LISTED 0x40000000u
#define REMOTE_UNOWNED 0x80000000u

static inline unsigned remote_count(uint32_t word) { return (word & REMOTE_COUNT_MASK) / REMOTE_COUNT_ONE; }

/* unit.attributes of a slab */
#define SLAB_LARGE 1u /* SLAB_UNITS_LARGE units, else one */
#define SLAB_RESTING 2u
#define SLAB_AVAILABLE 4u /* neither: it is bin.current, or unowned */

struct queue {
    uint32_t first, last; /* unit indexes; linked by unit.next and unit.prev */
};

struct bin {
    struct queue available;
    struct queue resting;
    uint32_t resting_count;
    uint32_t current; /* the slab that free[bin] comes from; 0: none */
};

/* Objects of one slab that this thread has freed and not its own, on their way to slab->remote. */
struct batch {
    struct unit *slab;
    struct object *first, *last;
    uint32_t count;
    uint32_t room; /* objects until it is sent */
};

#define BATCHES 16u /* a power of two */

/* A thread's heap. It outlives its thread: orphans are taken over by new threads, whole. Never unmapped. */
struct heap {
    struct object *free[HEAP_BINS]; /* cached objects; the fast path of brainmm_alloc reads nothing else */
    struct bin bins[HEAP_BINS];
    struct batch batches[BATCHES]; /* slab_batch() */
    bool batched;                  /* one of them may not be empty */
    _Atomic uintptr_t thread_id;   /* 0 for an orphan */
    _Atomic uint64_t remote_frees; /* objects of others' slabs freed through this heap, ever */
    _Atomic uint32_t next;         /* in the stack of orphans: number of the next heap */
    uint32_t number;               /* from 1 */
};

/* The heap of a thread that has none yet: every list is empty, so each call takes the slow path. And of one whose
 * heap has been handed on at its end. */
extern struct heap heap_none __attribute__((visibility("hidden")));
extern struct heap heap_ended __attribute__((visibility("hidden")));

/* A pointer's slab and whether the pointer is one of its carved objects; NULL if not. Exact, for any pointer. */
struct unit *slab_of(const void *piece);

/* The thread that owns a slab, 0: none. For any thread to ask; it may have changed meanwhile. */
static inline uintptr_t slab_thread_id(const struct unit *slab) {
    struct heap *owner = atomic_load_explicit(&((struct unit *)slab)->owner, memory_order_acquire);
    return owner && owner != NOBODY ? atomic_load_explicit(&owner->thread_id, memory_order_relaxed) : 0;
}

/* The size of a slab's objects. */
static inline size_t slab_object_size(const struct unit *slab) { return bin_geometry[slab->bin].object_size; }

/* brainmm_alloc when heap->free[bin] is empty. HEAP is the thread's own. NULL: out of memory. */
void *slab_alloc(struct heap *heap, size_t bin);

/* The countdown of an owned slab has ended. Returns BRAINMM_OK. */
int slab_event(struct heap *heap, struct unit *slab);

/* A free of an object of a slab that HEAP does not own (HEAP may be heap_none or heap_ended). */
void slab_free_remote(struct heap *heap, struct unit *slab, struct object *object);

/* Sends a batch, or all of a heap's, on their way. */
void slab_flush_batch(struct heap *heap, struct batch *batch);
void slab_flush_batches(struct heap *heap);

static inline struct batch *slab_batch(struct heap *heap, const struct unit *slab) {
    return &heap->batches[((uintptr_t)slab >> DESCRIPTOR_SHIFT) % BATCHES];
}

/* Moves what other threads freed into the heap's reach and gives back slabs that are all free. True if any. */
bool slab_collect(struct heap *heap);

/* Slabs that other threads have freed to the last object become free memory, if there are LEAST of them. */
void slab_sweep(struct heap *heap, int32_t least);

/* Clears the marks that a retired slab has left in its memory, which is to be used for something else. */
void slab_clear_marks(struct unit *slab);

/* Makes all slabs of an orphan usable by every thread, and leaves the heap empty. */
void slab_disband(struct heap *heap);

/* Objects freed by threads that had no heap to count them. */
uint64_t slab_heapless_frees(void);

/* For a thread that looks at a slab it does not own: it asks for the slab's life, looks, and asks whether that life is
 * still the same. If so, the unit was the same slab all the while, or none. The number is shared by some units: another
 * slab's end can look like this one's. */
uint32_t slab_life(const struct unit *slab);
bool slab_life_goes_on(const struct unit *slab, uint32_t life);

#endif
