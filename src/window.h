/* window.h: the address space the heap lives in, and how a pointer finds its descriptor.
 *
 *            base                                    extent                                 base + span
 *   window   | region 0 | region 1 |  not ours  | region 2 | . . . . . . never reserved yet . . . . |
 *   units    |64K|64K|64K|64K| ...
 *   table    [ d | d | d | d | ...                                                                  ]
 *
 * All memory comes in units of 64 KiB from regions inside one window: 1 TiB of addresses on 64 bit, of which only the
 * regions are reserved, all 4 GiB on 32 bit. Each unit has one descriptor of 64 bytes in a table apart from the
 * memory it describes, so that a program which overruns its memory cannot reach it and objects of a power of two fill
 * a unit without a rest. The descriptor is found by shifting and masking, for any pointer whatever:
 *
 *   unit_at(p) = table + ((p >> 10) & mask)          (p >> 16, times 64)
 *
 * The window begins at a multiple of its span. The mask covers a power of two of units, as many as reach beyond the last
 * region, and the table is readable so far; when a region is added the mask gains bits, which changes the descriptor of
 * no address that had one. A pointer outside lands on the descriptor of some other address, so whoever uses the result
 * compares the pointer with what the descriptor says: unit_of() asks whether it is in the window, and fast_free() has
 * a test of its own that costs nothing more.
 *
 * What a unit is, says its kind. A run of several units has its state in the first one; the others are UNIT_NONE
 * (runs) or UNIT_SUB (slabs, whose objects may start in any of them). A free unit is UNIT_NONE, has no owner, and is
 * known from a bit in the window's bitmap.
 */
#ifndef BRAINMM_WINDOW_H
#define BRAINMM_WINDOW_H

#include "os.h"
#include "os_inline.h"
#include <stdatomic.h>

#define UNIT_SHIFT 16
#define UNIT_SIZE ((size_t)1 << UNIT_SHIFT)
#define DESCRIPTOR_SHIFT 6

enum unit_kind {
    UNIT_NONE = 0,     /* free, not ours, or not the first of a run */
    UNIT_SLAB,         /* objects of one size: slab.h */
    UNIT_SUB,          /* a further unit of a slab; `next` is the index of the first */
    UNIT_RUN,          /* one big or large allocation: run.h */
    UNIT_PAGES,        /* a run of pages */
    UNIT_BLOCK,        /* a block of 64 KiB or more */
    UNIT_BLOCK_USER,   /* a block of 64 KiB and that mode. It comes and goes without a lock: the kind alone says */
    UNIT_BLOCK_SYSTEM, /* what it is to whom it does not belong */
    UNIT_JIT,          /* a run that a JIT heap cuts into pieces of code: jit.c */
    UNIT_BLOCKS        /* a unit cut into blocks of 4 or 16 KiB */
};

struct heap;
struct object;

/* Owner of a slab that nobody owns. Memory that is no slab has the owner NULL and the limit 0. */
#define NOBODY ((struct heap *)1)

/* What heap_free() reads comes first. `owner`, `limit`, `next` and `prev` are read by other threads too. */
struct unit {
    _Atomic(struct heap *) owner; /* the heap whose thread alone works on this slab; NOBODY; NULL: no slab */
    uintptr_t start;              /* address of the first object, or of the run */
    union {
        uintptr_t reciprocal; /* slab: 2^w / object size, rounded up: divides without dividing (slab.h) */
        size_t size;          /* run: usable bytes */
    };
    _Atomic uintptr_t limit; /* slab: products of `reciprocal` below this belong to carved objects; else 0 */
    union {
        struct object *local; /* slab: objects the owner freed, last first */
        size_t room_at;       /* run: first unit of its room, counted from 0 (window.c) */
    };
    union {
        uint32_t countdown;      /* slab: local frees until slab_event() is due */
        uint32_t rights_changed; /* run, pages, blocks: not 0 if some page may have other rights than it began with */
    };
    _Atomic uint32_t remote; /* slab: state, and objects that other threads freed (slab.h); run: units of room behind
                              * it (window.c) */
    _Atomic uint32_t next;   /* unit index of the next in a queue, list or stack; 0 is the end */
    _Atomic uint32_t prev;   /* the previous in it; of a slab nobody owns, its last owner's number */
    _Atomic uint16_t goal;   /* slab: length of `local` at which the countdown ends; not owned: objects out.
                                   * Blocks that share a unit: a bit for each 4 KiB that is the start of one */
    _Atomic uint16_t carved; /* slab: objects ever made from virgin memory; free: objects whose marks are left in it */
    _Atomic uint16_t bin;    /* slab: alignment and size class (size_class.h) */
    _Atomic uint8_t kind;    /* enum unit_kind. A slab's is the last of its fields to be set, the first to go */
    uint8_t attributes;      /* run, pages, block: mode, rights, alignment (run.h); slab: log2 of its units */
};

_Static_assert(sizeof(struct unit) <= (1u << DESCRIPTOR_SHIFT), "a descriptor is one cache line");

struct window {
    char *table;              /* descriptors, indexed as above */
    _Atomic uintptr_t mask;   /* (units with a descriptor - 1) << DESCRIPTOR_SHIFT */
    uintptr_t base;           /* address of the first unit that may be ours */
    _Atomic uintptr_t extent; /* bytes from base to the end of the last region */
};

/* A relaxed atomic load of a word. The compilers never fold an _Atomic load into the instruction that uses it, which is
 * one more each time, so the plain load it compiles to is written as such, except for ThreadSanitizer. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1 /* as gcc has it */
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define LOAD_WORD(type, field) atomic_load_explicit(&(field), memory_order_relaxed)
#else
#define LOAD_WORD(type, field) (*(type const *)(const void *)&(field))
#endif

extern struct window window __attribute__((visibility("hidden")));

static inline struct unit *unit_at(const void *address) {
    return (struct unit *)(window.table + (((uintptr_t)address >> (UNIT_SHIFT - DESCRIPTOR_SHIFT)) &
                                           LOAD_WORD(uintptr_t, window.mask)));
}

static inline bool window_contains(const void *address) {
    return (uintptr_t)address - window.base < atomic_load_explicit(&window.extent, memory_order_relaxed);
}

/* The descriptor of a pointer, or NULL if the pointer lies outside the window. Safe for any pointer. */
static inline struct unit *unit_of(const void *address) { return window_contains(address) ? unit_at(address) : NULL; }

/* Units have numbers, 1 and up in address order, 0 meaning none. */
static inline uint32_t unit_index(const struct unit *unit) {
    return (uint32_t)(((uintptr_t)unit - (uintptr_t)window.table) >> DESCRIPTOR_SHIFT) + 1;
}

static inline struct unit *unit_from_index(uint32_t index) {
    return (struct unit *)(void *)(window.table + ((size_t)(index - 1) << DESCRIPTOR_SHIFT));
}

static inline void *unit_address(uint32_t index) {
    return (void *)(window.base + ((uintptr_t)(index - 1) << UNIT_SHIFT));
}

/* Sets up window and table; false if the system has no address space for them. Once. */
bool window_start(void);

/* COUNT units in a row, the first at a multiple of ALIGNMENT units (a power of two), committed; their descriptors are
 * UNIT_NONE. NULL if the system has no more. FRESH, if not NULL, becomes true when the memory reads as zero. */
struct unit *window_take(size_t count, size_t alignment, bool *fresh);

/* The same, followed by up to ROOM units of address space for it to grow into, which cost no memory: a wish that is not
 * always granted, and taken back when addresses run out. */
struct unit *window_take_with_room(size_t count, size_t room, size_t alignment);

/* A run of NOW units will be written from unit FROM on, counted from its start: the system may use huge pages. The last one
 * may reach beyond the run, into what is free or its room; that is then committed. */
void window_expect_use(struct unit *run, size_t from, size_t now);

/* A run of NOW units becomes MORE units longer, to the right: into its room, and into free units behind. The new ones
 * are committed. False if that cannot be. *FROM_ROOM becomes how many were its own already. */
bool window_extend(struct unit *run, size_t now, size_t more, size_t *from_room);

/* The same to both sides: all that is free on the right, the rest on the left. Returns the units taken on the left, or 0
 * if that cannot be. The descriptor of the new first unit is UNIT_NONE. */
size_t window_extend_both(struct unit *run, size_t now, size_t more);

/* What is left of a run's room is free again. To be called before a run's last unit is given back. */
void window_drop_room(struct unit *run);

/* Gives units back. Their descriptors must be UNIT_NONE without an owner. */
void window_give(struct unit *first, size_t count);

/* Gives units back whose memory is with the system already: they read as zero. */
void window_give_empty(struct unit *first, size_t count);

/* Slabs come and go as 1 or SLAB_UNITS_LARGE units, through caches that need no lock. TOUCHED: all of it will be written,
 * and likely more of its kind after it; the system may use huge pages. */
#define SLAB_UNITS_LARGE 4u
struct unit *window_take_slab(unsigned units, bool touched);
void window_give_slab(struct unit *first, unsigned units);

/* Returns idle memory to the system: all of it, or what has been idle for a while. True if there was any. */
bool window_purge(bool all);

/* Whether any of SIZE bytes at ADDRESS belongs to the heap's regions or tables. Under the lock. */
bool window_touches(const void *address, size_t size);

/* The descriptor of what ADDRESS, a pointer anywhere into it, belongs to: the first of a run or slab, in use or kept
 * for slabs; NULL if it is free or not ours. Under the lock. */
struct unit *window_find(const void *address);

/* The lock of this part. What a run, pages or a block of 64 KiB and more is, changes only under it. */
void window_lock(void);
void window_unlock(void);

/* The first unit from number FROM (of 0 and up) on that is in use or cached for slabs; NULL: there is none. Under the
 * lock. */
struct unit *window_next_used(size_t from);

/* So many bytes more, or less, are the heap's and lie outside the window. */
void window_note_outside(ptrdiff_t more);

/* What is known of the window as a whole, all of one moment. */
struct window_figures {
    size_t reserved, table;    /* bytes of regions; of descriptors and bitmaps */
    size_t used, cached, idle; /* units in somebody's hands; cached for slabs; free, but committed */
    size_t room;               /* units of addresses that runs may grow into */
    size_t table_committed;    /* bytes of the table that are in use */
    size_t outside;            /* bytes that window_note_outside() has been told of */
    size_t committed_most;     /* the most bytes of all these ever committed at once */
    uint64_t purges, purged;   /* times that memory went back to the system, and units */
    uint64_t moved;            /* idle units whose pages were moved to where they were needed */
    uint64_t changes;          /* times that units were taken or given */
};
void window_figures(struct window_figures *figures);

#endif
