/* SPDX-License-Identifier: MIT */
/* record.h: what checked mode knows of each allocation. Records lie apart from the program's memory, so that no overrun
 * reaches them, and what is known of a freed allocation is still known when the program has written to it.
 *
 * Checked mode makes each allocation out of a larger piece of the heap, its raw piece:
 *
 *   up to 32 KiB   an object of a slab    | front zone | the allocation | rear zone |
 *   above          a run of whole pages   | front, guard page | gap | the allocation | rear zone | guard page |
 *
 * The front zone of an object has 16 bytes, or as many as the alignment. So where an allocation begins follows from
 * where its raw piece does, and any pointer at all leads to the one record that concerns it. While an object is free,
 * its link and mark lie in the front zone. The heap then touches no byte of what was the program's.
 *
 * A slab has a table of records, one for each object, from the first allocation in it to its end. A run has a table
 * with one record. Tables are found by the number of a unit, without a lock.
 */
#ifndef BRAINMM_RECORD_H
#define BRAINMM_RECORD_H

#include "memory/unit.h"

enum record_state {
    RECORD_NONE, /* nothing has been allocated here yet */
    RECORD_LIVE,
    RECORD_FREED /* until the memory is allocated again, or goes back to the system */
};

/* Which functions allocated it. What is freed by those of another family is reported. */
enum family { FAMILY_PIECE, FAMILY_NEW, FAMILY_NEW_ARRAY, FAMILY_PAGES, FAMILY_BLOCK };

/* The low bits of `word` are the state, then the family and the mode (enum brainmm_mode). Each allocation adds
 * RECORD_SERIAL to the rest. */
#define RECORD_STATE 3u
#define RECORD_FAMILY_SHIFT 2u
#define RECORD_MODE_SHIFT 5u
#define RECORD_FILLED 128u        /* freed: the allocation's bytes have the fill of freed memory */
#define RECORD_HELD RECORD_FILLED /* live: somebody looks at its zones, and mends them; a free waits for that */
#define RECORD_SERIAL 256u

struct record {
    atomic_u32 word;
    atomic_u32 size; /* as asked for; of a run: record_table.size */
    atomic_u32 thread, stack;
    atomic_u32 freed_thread, freed_stack;
};

struct record_table {
    uintptr_t start;      /* of a slab: its first object; of a run: the run */
    uint32_t object_size; /* of a run: 0 */
    uint32_t reciprocal;  /* divides an offset by the size, both in units of 16 bytes: 2^32 / (size / 16), rounded up */
    uint32_t front;       /* of a slab: bytes of each object's front zone; of a run: 0 */
    uint32_t count;       /* of records */
    uint32_t unit;        /* number of the first unit */
    uint32_t units;
    bool guarded;              /* of a run: it has its guard pages */
    struct record_table *next; /* of the tables of that length that nobody uses */
    size_t size, offset;       /* of a run: the allocation's size, and its place in the run */
    size_t body;               /* of a run: bytes from the end of the front to the rear guard page */
    size_t alignment;          /* as asked for */
    struct record records[];
};

/* The map from units to tables has two levels: parts of it are made when one of their units is first used. */
#define PART_SHIFT 13u
#define PART_UNITS (1u << PART_SHIFT)
#define MAP_PARTS ((UINTPTR_MAX > 0xFFFFFFFFu ? 1u << 24 : 1u << 16) / PART_UNITS)
typedef ATOMIC(struct record_table *) map_entry;
typedef ATOMIC(map_entry *) map_part;
extern map_part record_map[MAP_PARTS] HIDDEN_DATA;

/* The table for the unit that an address lies in; NULL if there is none. Any address may be asked for. */
static inline struct record_table *record_table_of(const void *address) {
    uintptr_t offset = (uintptr_t)address - window.base;
    if (UNLIKELY(offset >= load_relaxed(&window.extent)))
        return NULL;
    map_entry *entries = load_acquire(&record_map[offset >> (UNIT_SHIFT + PART_SHIFT)]); /* with table_publish() */
    return LIKELY(entries != NULL) ? load_acquire(&entries[(offset >> UNIT_SHIFT) % PART_UNITS]) : NULL;
}

/* The number of the object of TABLE's slab that an address in the slab lies in. */
static inline uint32_t record_index(const struct record_table *table, const void *address) {
    return (uint32_t)(((uintptr_t)address - table->start) / 16 * (uint64_t)table->reciprocal >> 32);
}

/* Where a pointer leads. */
struct place {
    struct record *record; /* NULL: to no allocation that there is or was */
    struct record_table *table;
    char *raw;
    size_t raw_size;
    char *piece;
    size_t size;
    size_t alignment;
    bool is_run;
};

static inline enum record_state record_state(uint32_t word) { return (enum record_state)(word & RECORD_STATE); }
static inline enum family record_family(uint32_t word) { return (enum family)(word >> RECORD_FAMILY_SHIFT & 7u); }
static inline unsigned record_mode(uint32_t word) { return word >> RECORD_MODE_SHIFT & 3u; }

/* Somebody who looks at an allocation that others may free or begin meanwhile had WORD before. A live one is his until
 * record_release(): it cannot be freed. Of a freed one, he is who reports what is wrong with its fill: nobody looks at
 * that again. False if it is no longer what it was, or another has it. */
static inline bool record_hold(struct record *record, uint32_t word) {
    bool live = record_state(word) == RECORD_LIVE, has_bit = word & RECORD_FILLED;
    return live != has_bit && exchange_if_acquire(&record->word, &word, word ^ RECORD_FILLED);
}

static inline void record_release(struct record *record, uint32_t word) {
    uint32_t held = word | RECORD_HELD;
    exchange_if_release(&record->word, &held, word);
}

/* What a free leaves of a live allocation's word. */
static inline uint32_t record_word_freed(uint32_t word) { return (word & ~RECORD_HELD) ^ RECORD_LIVE ^ RECORD_FREED; }

/* And what is left when nothing is there any more: the serial, so that the next allocation has another one. */
static inline uint32_t record_word_none(uint32_t word) { return (word & ~(RECORD_SERIAL - 1)) | RECORD_NONE; }

/* Is told of each slab that gets a table. NULL: nobody. Is set before the heap starts. */
extern void (*record_slab_noticed)(struct record_table *table) HIDDEN_DATA;

/* Before the heap starts. SLAB_ENDS_WITH is called for the table of each slab that ends, while the memory is still
 * there. The thread is in the midst of something then: nothing may be reported. */
void records_start(void (*slab_ends_with)(struct record_table *table));

/* The table for a raw piece that was just taken. NULL if there is no memory for one. FRONT: of a run, bytes to where
 * its allocation begins at the latest: pointers up to there are found without a lock. */
struct record_table *record_table_make(void *raw, size_t front);

/* The run that begins at RAW goes back to the heap: its table is no longer needed. */
void record_forget_run(void *raw);

/* The place that any pointer leads to. An answer about what other threads allocate or free at the same moment may be of
 * before or after. For pointers into a run, beyond its first 64 KiB, this takes a lock. */
bool record_find(const void *address, struct place *place);

/* The same for a pointer to the start of an allocation; any other may not be found. Takes no lock. */
bool record_find_start(const void *piece, struct place *place);

/* The piece at RAW is the heap's own: what is known of an earlier allocation there holds no more. */
void record_forget_object(void *raw);

/* Calls VISIT for all tables. Tables that others make or drop meanwhile may be visited or not. */
void records_visit(void (*visit)(void *context, struct record_table *table), void *context);

/* The front zone of an object with that alignment. */
extern size_t record_front_least HIDDEN_DATA; /* 16, or 32 where a tool watches: watch.h */
static inline size_t front_of(size_t alignment) {
    return alignment > record_front_least ? alignment : record_front_least;
}

#endif
