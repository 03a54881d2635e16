/* scan.h: everything that is live, of all threads, seen by one of them while the others go on. */
#ifndef BRAINMM_SCAN_H
#define BRAINMM_SCAN_H

#include "brainmm.h"
#include <stdbool.h>

#define SCAN_NO_BIN UINT16_MAX

/* Allocations of one kind that lie in a row: those of a slab, the blocks of a unit, or a single one. */
struct found {
    uintptr_t start;
    size_t stride;    /* place number i is at start + i * stride */
    size_t size;      /* usable bytes of each */
    size_t alignment; /* in bytes */
    uintptr_t thread_id;
    unsigned places;      /* how many there are */
    const uint64_t *live; /* a bit for each place */
    uint16_t bin;         /* of a slab; else SCAN_NO_BIN */
    uint8_t kind, mode;   /* enum brainmm_kind, enum brainmm_mode */
    bool presumed;        /* some of `live` may not be */
};

/* The most places there are: a slab of 64 KiB in pieces of 16 bytes. */
#define SCAN_PLACES_MAX 4096u

/* Calls FOUND for all that is live, by ascending address. *FOUND's memory is valid during the call. FOUND must not use the
 * heap: the lock of JIT heaps may be held, and it could go on for ever. False if the system has no memory for the work;
 * then nothing was called. *ALONE: nobody else used the heap meanwhile, and the result is of one moment. */
bool scan_heap(void (*found)(void *context, const struct found *found), void *context, bool *alone);

#endif
