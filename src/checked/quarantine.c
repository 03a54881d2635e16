/* SPDX-License-Identifier: MIT */
/* quarantine.c: see quarantine.h. */
#include "checked/quarantine.h"
#include "base/align.h"
#include "memory/units.h"

_Static_assert(sizeof(struct quarantine) <= 65536, "it takes one granule");

size_t quarantine_most;
uint32_t quarantine_youngest;
static quarantine_release *release_for_good;

void quarantine_start(size_t bytes, unsigned youngest, quarantine_release *release) {
    quarantine_most = bytes;
    quarantine_youngest = youngest < YOUNGEST_MOST ? youngest : YOUNGEST_MOST;
    release_for_good = release;
}

COLD struct quarantine *quarantine_create(struct thread_heap *heap) {
    size_t size = align_up(sizeof(struct quarantine), os_facts.granule);
    if (heap->quarantine)
        return heap->quarantine;
    struct quarantine *made = os_reserve(size, os_facts.granule);
    if (made && !os_commit(made, size)) {
        os_release(made, size);
        made = NULL;
    }
    if (made)
        units_note_outside((ptrdiff_t)size);
    heap->quarantine = made;
    return made;
}

/* It no longer waits when it is released: that may come here again. */
static inline void release_first(struct quarantine *quarantine) {
    quarantined first = quarantine->waiting[quarantine->first];
    quarantine->bytes -= quarantined_bytes(first);
    quarantine->first = (quarantine->first + 1) % WAITING_MOST;
    quarantine->count--;
    if (quarantined_raw(first) == quarantine->last.raw)
        quarantine->last.size = 0;
    release_for_good(quarantined_raw(first));
}

void quarantine_make_room(struct quarantine *quarantine, quarantined more) {
    size_t bytes = quarantined_bytes(more);
    while (quarantine->count && (quarantine->bytes + bytes > quarantine_most || quarantine->count == WAITING_MOST))
        release_first(quarantine);
    __builtin_prefetch(quarantined_raw(quarantine->waiting[quarantine->first])); /* the next to be released */
    if (bytes > quarantine_most) {
        quarantine->last.size = 0;
        release_for_good(quarantined_raw(more));
    } else {
        quarantine_put(quarantine, more);
    }
}

bool quarantine_has(const struct quarantine *quarantine, const void *raw) {
    for (uint32_t i = 0; quarantine && i < quarantine->count; i++)
        if (quarantined_raw(quarantine->waiting[(quarantine->first + i) % WAITING_MOST]) == raw)
            return true;
    return false;
}

bool quarantine_empty(struct quarantine *quarantine) {
    bool any = quarantine && quarantine->count != 0;
    while (quarantine && quarantine->count)
        release_first(quarantine);
    return any;
}
