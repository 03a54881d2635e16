/* SPDX-License-Identifier: MIT */
/* quarantine.h: freed allocations that wait until their memory may be used again, first in, first out; and which
 * allocations are the youngest. Each thread's heap has its own, which goes with the heap when the thread ends. So none
 * of this takes a lock.
 */
#ifndef BRAINMM_QUARANTINE_H
#define BRAINMM_QUARANTINE_H

#include "checked/record.h"
#include "slab/thread_heap.h"

/* One that waits: the address of its raw piece, and above what it counts for, in units of 16 bytes. */
typedef uint64_t quarantined;
#define QUARANTINED_SHIFT 48u
#define QUARANTINED_MOST ((size_t)0xFFFF)

static inline quarantined quarantined_of(const void *raw, size_t bytes) {
    size_t counts = bytes / 16;
    return (uintptr_t)raw | (uint64_t)(counts < QUARANTINED_MOST ? counts : QUARANTINED_MOST) << QUARANTINED_SHIFT;
}
static inline void *quarantined_raw(quarantined waiting) {
    return (void *)(uintptr_t)(waiting & (((uint64_t)1 << QUARANTINED_SHIFT) - 1));
}
static inline size_t quarantined_bytes(quarantined waiting) { return (size_t)(waiting >> QUARANTINED_SHIFT) * 16; }

#define YOUNGEST_MOST 256u
#define WAITING_MOST 4096u /* a power of two */

struct quarantine {
    size_t bytes; /* of all that wait */
    uint32_t first, count;
    struct { /* the last object that was allocated; all NULL: none */
        struct record *record;
        char *piece, *end; /* `end` is that of its raw piece */
        const struct unit *slab;
    } young;
    struct { /* the last that was freed, as long as it waits; size 0: none */
        char *raw, *piece;
        size_t size;
    } last;
    struct { /* damage that was found where nothing may be reported, in memory that has gone since */
        struct place place;
        struct record record;
        const char *address; /* NULL: nothing */
    } pending;
    uint32_t youngest_next;
    uint32_t stack;                /* of the call that the thread is in */
    void *youngest[YOUNGEST_MOST]; /* with a larger `scan`: a ring of raw pieces */
    quarantined waiting[WAITING_MOST];
};

/* Frees the object or run at RAW for good. */
typedef void quarantine_release(void *raw);

/* BYTES may wait in each quarantine. The YOUNGEST allocations of each thread are known. Once. */
void quarantine_start(size_t bytes, unsigned youngest, quarantine_release *release);
extern uint32_t quarantine_youngest HIDDEN_DATA;
extern size_t quarantine_most HIDDEN_DATA;

/* A quarantine for HEAP. NULL: there is no memory. */
struct quarantine *quarantine_create(struct thread_heap *heap);

/* The calling thread's; NULL if it has none, because there is no memory or because it has ended. */
static inline struct quarantine *quarantine_own(void) {
    struct thread_heap *heap = os_thread_pointer_sure();
    if (LIKELY(heap && heap->quarantine))
        return heap->quarantine;
    heap = thread_heap_get();
    return heap ? quarantine_create(heap) : NULL;
}

/* What has waited longest is released, until MORE keeps within the bound; if it cannot, MORE is released. */
void quarantine_make_room(struct quarantine *quarantine, quarantined more);

/* Some more waits in QUARANTINE. */
static inline void quarantine_put(struct quarantine *quarantine, quarantined more) {
    size_t bytes = quarantine->bytes + quarantined_bytes(more);
    if (UNLIKELY(bytes > quarantine_most || quarantine->count == WAITING_MOST)) {
        quarantine_make_room(quarantine, more);
        return;
    }
    quarantine->waiting[(quarantine->first + quarantine->count) % WAITING_MOST] = more;
    quarantine->count++;
    quarantine->bytes = bytes;
}

/* The allocation in RAW is the youngest. */
static inline void quarantine_note_young(struct quarantine *quarantine, void *raw) {
    if (UNLIKELY(quarantine_youngest > 1)) {
        quarantine->youngest[quarantine->youngest_next] = raw;
        quarantine->youngest_next = (quarantine->youngest_next + 1) % quarantine_youngest;
    }
}

/* Whether the raw piece at RAW waits in it. NULL is none. */
bool quarantine_has(const struct quarantine *quarantine, const void *raw);

/* All that waits is released. False if there was nothing. */
bool quarantine_empty(struct quarantine *quarantine);

#endif
