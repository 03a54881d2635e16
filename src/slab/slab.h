/* SPDX-License-Identifier: MIT */
/* slab.h: pieces of up to 32 KiB. A slab is one unit, or four, of objects of one size. It is found through its
 * descriptor (memory/unit.h). This page holds the invariants. The fast paths are in fast_path.h, the slow ones in
 * supply.c.
 *
 * Where an object can be
 *   virgin     behind `carved`: never handed out, its memory not even touched
 *   cached     in heap->cached[bin], the list that an allocation pops. All of them come from one slab, bin.current
 *   out        the program's
 *   local      in slab.local: freed by the thread that owns the slab, without any atomic operation
 *   batched    in a batch of another thread that freed it (remote.c)
 *   remote     in slab.remote: another thread's batch has arrived, with one atomic operation
 * When heap->cached[bin] is empty, a whole local or remote list moves there, or 4 KiB of virgin objects do.
 *
 * An object that is not out carries its slab's mark (memory/mark.h). So what carries the mark is free, what does not is
 * live, and no bitmap is needed to refuse a second free. The division test of fast_path.h refuses pointers into the
 * middle of an object and to virgin ones.
 *
 * Who works on a slab
 *   owned      its owner's thread only, except for `remote`. It is `current` in its bin, or in the queue `available`
 *              (worth allocating from), or in the queue `resting` (few or no objects are free)
 *   abandoned  nobody; REMOTE_ABANDONED is set in `remote`. Slabs get there from the end of the resting queue, which is
 *              short. The next free by the last owner takes it back. Another thread's frees collect in `remote`
 *   listed     abandoned and on the stack of abandoned slabs of its bin: a 16th or more is free. Any thread may take it
 * So the memory that other threads free is usable again without its former owner doing anything.
 *
 * The countdown is the only test in a local free. It ends when a resting slab has become worth allocating from, and
 * when all of a slab is free. The length of `local` is arm_at - countdown.
 */
#ifndef BRAINMM_SLAB_H
#define BRAINMM_SLAB_H

#include "memory/mark.h"
#include "memory/unit_cache.h"
#include "slab/size_class.h"

/* The word `remote`: a list of objects (the offset of the first / 16 + 1, and its length), and the slab's state. */
#define REMOTE_SLOT_MASK 0x7FFFu
#define REMOTE_COUNT_ONE 0x8000u
#define REMOTE_COUNT_MASK 0x1FFF8000u
#define REMOTE_LISTED 0x40000000u
#define REMOTE_ABANDONED 0x80000000u

struct queue {
    uint32_t first, last; /* unit numbers; linked by unit.next and unit.prev */
};

struct bin {
    struct queue available;
    struct queue resting;
    uint32_t current;           /* the slab that cached[bin] comes from; 0: none */
    uint16_t cached_below : 13; /* cached[bin] has fewer objects than this, if there is a current slab */
    uint16_t looks : 2;         /* times since the last supply that they were counted in vain */
    uint16_t was_kept : 1;      /* a slab that was current might have stayed all free, but lost its place */
    uint8_t resting_count : 5;
    uint8_t vain : 3; /* log2 of the supplies of which one is looked after */
    uint8_t place;    /* of `current` among the slabs that the heap keeps all free, from 1; 0: none */
};

/* The current slabs that a heap keeps while they are all free: kept.h. */
#define KEPT_MOST 127u
struct kept {
    struct {
        uint16_t bin;
        uint16_t units;
        uint32_t seen; /* differs if the slab was used since it was last asked for */
    } slabs[KEPT_MOST];
    uint32_t count;
    uint32_t supplies; /* since ever */
    uint32_t next;     /* where to begin to look for one that is to go */
    uint32_t units;    /* of all */
    uint32_t more;     /* units that it may keep besides the first few */
    uint32_t regrets;  /* times that one should not have gone, since it may keep more */
};

/* Objects of one slab that this thread has freed without owning the slab, on their way to slab.remote. */
struct batch {
    struct unit *slab;
    struct object *first, *last;
    uint32_t length;
    uint32_t left; /* objects that still fit before it is sent */
};

#define BATCHES 16u /* a power of two */

/* A thread's heap. It outlives its thread: new threads take orphans over, whole. It is never unmapped. */
struct thread_heap {
    struct object *cached[HEAP_BINS]; /* lists of objects: all that the fast path of an allocation reads */
    struct bin bins[HEAP_BINS];
    uint64_t used[(HEAP_BINS + 63) / 64]; /* bins that may have slabs: the memory of others is not touched */
    struct batch batches[BATCHES];        /* remote.c */
    struct kept kept;
    struct unit_stock stock;       /* of runs: memory/unit_cache.h */
    struct quarantine *quarantine; /* checked/quarantine.h */
    uint32_t slow_calls;           /* of its thread: heap/reclaim.h */
    bool has_batches;              /* one of them may not be empty */
    atomic_word thread_id;         /* 0 for an orphan */
    atomic_u64 remote_frees;       /* objects of others' slabs that were freed through this heap, ever */
    atomic_u32 next;               /* in a stack of heaps: number of the next one */
    uint32_t number;               /* from 1 */
};

/* The heap of a thread that has none yet: every list is empty, so each call takes the slow path. And of a thread whose
 * heap has been handed on at its end. Both have number 0. */
extern struct thread_heap thread_heap_none HIDDEN_DATA;
extern struct thread_heap thread_heap_ended HIDDEN_DATA;

static inline size_t slab_bin(const struct unit *slab) { return load_relaxed(&slab->slab.bin); }

static inline const struct geometry *slab_geometry(const struct unit *slab) { return &bin_geometry[slab_bin(slab)]; }

static inline size_t slab_object_size(const struct unit *slab) { return slab_geometry(slab)->object_size; }

/* Written by the owner, read by whoever has a pointer to check. */
static inline unsigned slab_carved(const struct unit *slab) { return load_relaxed(&slab->slab.carved); }

/* The thread that owns a slab; 0: none. Any thread may ask. The answer may have changed meanwhile. */
static inline uintptr_t slab_thread_id(const struct unit *slab) {
    struct thread_heap *owner = load_acquire(&slab->owner); /* with slab_set_owner() */
    return owner && owner != NOBODY ? load_relaxed(&owner->thread_id) : 0;
}

/* Whether PIECE is a carved object of SLAB. Exact for pointers into the slab's first unit, false for all others. How:
 * fast_path.h. */
static inline bool slab_tests_object(const struct unit *slab, const void *piece) {
    return ((uintptr_t)piece - slab->start) * slab->slab.reciprocal < load_folded(uintptr_t, &slab->limit);
}

/* The slab that a pointer is a carved object of; NULL if there is none. Exact, for any pointer. */
struct unit *slab_of(const void *piece);

#endif
