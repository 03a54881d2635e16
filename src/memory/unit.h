/* SPDX-License-Identifier: MIT */
/* unit.h: units of 64 KiB, and how a pointer finds its unit's descriptor.
 *
 *            base                                    extent                                 base + span
 *   window   | region 0 | region 1 |  not ours  | region 2 | . . . . . . never reserved yet . . . . |
 *   units    |64K|64K|64K|64K| ...
 *   table    [ d | d | d | d | ...                                                                  ]
 *
 * All memory comes in units of 64 KiB from regions inside one window. On 64 bit the window is 1 TiB of addresses, of
 * which only the regions are reserved. On 32 bit it is all 4 GiB. Each unit has one descriptor of 64 bytes. The
 * descriptors lie in a table apart from the memory that they describe. So a program that overruns its memory cannot
 * reach them, and objects of a power of two fill a unit without a rest. Shifting and masking finds the descriptor of
 * any pointer whatever:
 *
 *   unit_at(p) = table + ((p >> 10) & mask)          (p >> 16, times 64)
 *
 * The window begins at a multiple of its span. The mask covers a power of two of units, enough to reach beyond the last
 * region, and the table is readable that far. A new region may give the mask more bits. That changes the descriptor of
 * no address that had one. A pointer outside the window lands on the descriptor of some other address. So whoever uses
 * the result compares the pointer with what the descriptor says: unit_of() asks whether it is in the window, and
 * fast_free() has a test of its own that costs nothing more.
 *
 * `kind` says what a unit is. A run or slab of several units has its state in the first one. The others are UNIT_NONE
 * (runs) or UNIT_SUB (slabs, whose objects may start in any of them). A free unit is UNIT_NONE, has no owner, and is
 * known from a bit in the window's bitmap (region.h).
 */
#ifndef BRAINMM_UNIT_H
#define BRAINMM_UNIT_H

#include "base/atomic.h"
#include "base/compiler.h"
#include "os.h"
#include "os_inline.h"

#define UNIT_SHIFT 16
#define UNIT_SIZE ((size_t)1 << UNIT_SHIFT)
#define DESCRIPTOR_SHIFT 6

enum unit_kind {
    UNIT_NONE = 0, /* free, not ours, or not the first of a run */
    UNIT_SLAB,     /* objects of one size: slab/slab.h */
    UNIT_SUB,      /* a further unit of a slab; `next` is the number of the first */
    UNIT_RUN,      /* one piece above 32 KiB: heap/run.h */
    UNIT_PAGES,    /* a run of pages */
    UNIT_BLOCK,    /* a block of 64 KiB or more */
    UNIT_JIT,      /* a run that a JIT heap cuts into pieces of code: heap/jit.h */
    UNIT_BLOCKS    /* a unit cut into blocks of 4 or 16 KiB: heap/blocks.c */
};

struct thread_heap;
struct object;

/* The owner of an abandoned slab. Memory that is no slab has the owner NULL and the limit 0. */
#define NOBODY ((struct thread_heap *)1)

/* What a free reads comes first: owner, start, limit and reciprocal. Other threads read them too. */
struct unit {
    ATOMIC(struct thread_heap *) owner; /* slab: the heap whose thread alone works on it, or NOBODY; else NULL */
    uintptr_t start;                    /* address of the first object, or of the run */
    atomic_word limit;                  /* slab: products of `reciprocal` below this are carved objects; else 0 */
    atomic_u32 next;                    /* number of the next unit in a queue, list or stack; 0 is the end */
    atomic_u32 prev;                    /* the previous one; of an abandoned slab, the number of its last owner */
    union {
        struct {
            atomic_u8 kind; /* enum unit_kind. A slab's is the last of its fields to be set, the first to go */
        };
        struct {
            uint8_t : 8;
            uint8_t state;        /* enum slab_state */
            atomic_u16 arm_at;    /* length of `local` at which the countdown ends; abandoned: objects out */
            atomic_u16 carved;    /* objects ever made from virgin memory */
            atomic_u16 bin;       /* alignment and size class: slab/size_class.h */
            uintptr_t reciprocal; /* 2^w / object size, rounded up: divides without dividing (slab/fast_path.h) */
            struct object *local; /* objects that the owner freed, last first */
            uint32_t countdown;   /* frees by the owner until slab_event() is due */
            atomic_u32 remote;    /* state, and objects that other threads freed: slab/slab.h */
        } slab;
        struct {
            uint8_t : 8;
            atomic_u8 mode;      /* of pages, blocks and JIT memory: enum brainmm_mode */
            atomic_u8 alignment; /* of a piece: log2(alignment / 16), which a resize keeps */
            bool is_new;         /* all of it read as zero when it began */
            uint32_t : 32;
            atomic_word size;          /* usable bytes */
            size_t headroom_at;        /* first unit of its headroom, counted from 0: headroom.h */
            atomic_u32 rights_changed; /* not 0 if some page may have other rights than it began with */
            atomic_u32 headroom;       /* units behind it that it may grow into */
        } run;
        struct { /* the fields of `run`, and which blocks are in use */
            uint8_t : 8;
            atomic_u8 mode;
            atomic_u16 slots; /* a bit for each 4 KiB at which a block in use starts */
            uint32_t : 32;
            atomic_word size; /* of one block */
            size_t : 8 * sizeof(size_t);
            atomic_u32 rights_changed;
            uint32_t : 32;
        } blocks;
        struct { /* what a slab that ended has left in its memory: mark.h */
            uint8_t : 8;
            uint8_t : 8;
            uint16_t : 16;
            atomic_u16 count; /* objects with a mark */
            uint16_t : 16;
            uintptr_t : 8 * sizeof(uintptr_t);
            size_t object_size;
            uint32_t kept; /* when units were put into the cache: unit_cache.c */
        } marks;
    };
};

/* Bits of slab.state. Neither of the last two: the slab is current in its bin, or abandoned. */
enum slab_state {
    SLAB_LARGE = 1, /* several units, else one */
    SLAB_RESTING = 2,
    SLAB_AVAILABLE = 4
};

#define UNIT_OFFSET(field) offsetof(struct unit, field)
_Static_assert(sizeof(struct unit) <= (1u << DESCRIPTOR_SHIFT), "a descriptor is one cache line");
_Static_assert(UNIT_OFFSET(slab.reciprocal) == UNIT_OFFSET(run.size), "the division test reads a run's size, too");
_Static_assert(UNIT_OFFSET(run.size) == UNIT_OFFSET(blocks.size) && UNIT_OFFSET(run.mode) == UNIT_OFFSET(blocks.mode) &&
                   UNIT_OFFSET(run.rights_changed) == UNIT_OFFSET(blocks.rights_changed),
               "a unit of blocks is a run as well");
_Static_assert(UNIT_OFFSET(slab.carved) == UNIT_OFFSET(marks.count), "the marks of a slab that ends stay counted");
_Static_assert(UNIT_OFFSET(slab.local) == UNIT_OFFSET(marks.object_size), "only an owner reads this field");
_Static_assert(UNIT_OFFSET(slab.remote) == UNIT_OFFSET(run.headroom), "both are atomic");

struct window {
    char *table;        /* descriptors, indexed as above */
    atomic_word mask;   /* (units with a descriptor - 1) << DESCRIPTOR_SHIFT */
    uintptr_t base;     /* address of the first unit that may be ours */
    atomic_word extent; /* bytes from base to the end of the last region */
};

extern struct window window HIDDEN_DATA;

static inline struct unit *unit_at(const void *address) {
    struct window *of = in_register(&window);
    return (struct unit *)(void *)(of->table + (((uintptr_t)address >> (UNIT_SHIFT - DESCRIPTOR_SHIFT)) &
                                                load_folded(uintptr_t, &of->mask)));
}

static inline bool window_contains(const void *address) {
    return (uintptr_t)address - window.base < load_relaxed(&window.extent);
}

/* The descriptor of a pointer, or NULL if the pointer lies outside the window. Safe for any pointer. */
static inline struct unit *unit_of(const void *address) { return window_contains(address) ? unit_at(address) : NULL; }

/* What a kind promises about the other fields, is there when the kind is: it is stored last, and read first. */
static inline unsigned unit_kind(const struct unit *unit) { return load_acquire(&unit->kind); }
static inline void unit_set_kind(struct unit *unit, enum unit_kind kind) { store_release(&unit->kind, (uint8_t)kind); }

/* What a run is. Others read that while its holder changes it, and may see it half changed: inspect/scan.c. */
static inline size_t run_size(const struct unit *run) { return load_relaxed(&run->run.size); }
static inline void run_set_size(struct unit *run, size_t size) { store_relaxed(&run->run.size, size); }
static inline unsigned run_mode(const struct unit *run) { return load_relaxed(&run->run.mode); }

/* Units have numbers: 1 and up in the order of addresses. 0 means none. */
static inline uint32_t unit_number(const struct unit *unit) {
    return (uint32_t)(((uintptr_t)unit - (uintptr_t)window.table) >> DESCRIPTOR_SHIFT) + 1;
}

static inline struct unit *unit_from_number(uint32_t number) {
    return (struct unit *)(void *)(window.table + ((size_t)(number - 1) << DESCRIPTOR_SHIFT));
}

static inline struct unit *unit_or_null(uint32_t number) { return number ? unit_from_number(number) : NULL; }

static inline void *unit_address(const struct unit *unit) {
    return (void *)(window.base + ((uintptr_t)(unit_number(unit) - 1) << UNIT_SHIFT));
}

/* For stack_pop() of unit numbers. */
static inline atomic_u32 *unit_link(uint32_t number) { return &unit_from_number(number)->next; }

static inline uint32_t link_get(const atomic_u32 *link) { return load_relaxed(link); }
static inline void link_set(atomic_u32 *link, uint32_t number) { store_relaxed(link, number); }

static inline size_t units_bytes(size_t units) { return units << UNIT_SHIFT; }

#endif
