/* SPDX-License-Identifier: MIT */
/* walk.c: brainmm_walk. What is live is written down first, in memory of its own. Then the visitor sees it.
 *
 * The visitor may do anything to the heap, so nothing of the heap is held or looked at while it runs. What is written
 * down does not lie in the heap: it would be part of itself. A slab takes 64 bytes (32 bit: 36) and a bit for each
 * object.
 */
#include "base/align.h"
#include "base/bits.h"
#include "inspect/inspect.h"
#include "inspect/scan.h"
#include <string.h>

/* The owner may be of a later version and have more. */
const char *kind_name(unsigned kind) {
    static const char *const names[] = {"small", "medium", "big", "large", "pages", "block", "jit", "other"};
    return names[kind < sizeof names / sizeof *names ? kind : sizeof names / sizeof *names - 1];
}

/* A row, the words of its `live` and its details follow each other, up to `used`. */
struct chunk {
    struct chunk *next;
    size_t used;
};

#define CHUNK_BYTES ((size_t)1 << 20) /* the largest entry is below 1 KiB, or 130 KiB with details */

struct snapshot {
    struct chunk *first, *last;
    bool failed; /* the system has no more memory */
};

static struct chunk *chunk_add(struct snapshot *snapshot) {
    struct chunk *chunk = scan_memory_take(CHUNK_BYTES);
    if (!chunk) {
        snapshot->failed = true;
        return NULL;
    }
    chunk->next = NULL;
    chunk->used = sizeof *chunk;
    if (snapshot->last)
        snapshot->last->next = chunk;
    else
        snapshot->first = chunk;
    snapshot->last = chunk;
    return chunk;
}

static void snapshot_end(struct snapshot *snapshot) {
    for (struct chunk *chunk = snapshot->first, *next; chunk; chunk = next) {
        next = chunk->next;
        scan_memory_give(chunk, CHUNK_BYTES);
    }
}

static size_t details_at(const struct live_row *row) {
    return align_up(sizeof *row + bits_words(row->places) * sizeof *row->live, sizeof(uint64_t));
}

static size_t details_bytes(const struct live_row *row) {
    return row->details ? align_up(row->places * sizeof *row->details, sizeof(uint64_t)) : 0;
}

static size_t entry_bytes(const struct live_row *row) { return details_at(row) + details_bytes(row); }

static void write_down(void *context, const struct live_row *row) {
    struct snapshot *snapshot = context;
    size_t size = entry_bytes(row);
    if (snapshot->failed)
        return;
    struct chunk *chunk = snapshot->last;
    if ((!chunk || chunk->used + size > CHUNK_BYTES) && (chunk = chunk_add(snapshot)) == NULL)
        return;
    struct live_row *entry = (struct live_row *)(void *)((char *)chunk + chunk->used);
    *entry = *row;
    entry->live = memcpy(entry + 1, row->live, bits_words(row->places) * sizeof *row->live);
    if (row->details)
        entry->details = memcpy((char *)entry + details_at(row), row->details, details_bytes(row));
    chunk->used += size;
}

static void add_detail(brainmm_allocation *allocation, const struct live_detail *detail) {
    allocation->kind = detail->kind;
    allocation->size = allocation->requested = detail->size;
    allocation->thread_id = detail->thread_id;
    allocation->stack = detail->stack;
    allocation->serial = detail->serial;
}

/* False if the visitor wants no more. */
static bool visit_row(const struct live_row *row, bool alone, brainmm_visit visit, void *context) {
    brainmm_allocation allocation = {
        .struct_size = sizeof allocation,
        .kind = row->kind,
        .mode = row->mode,
        .certainty = row->presumed ? BRAINMM_PRESUMED
                     : alone       ? BRAINMM_EXACT
                                   : BRAINMM_SEEN,
        .size = row->size,
        .alignment = row->alignment,
        .thread_id = row->thread_id,
    };
    for (size_t place = 0; (place = bits_find_set(row->live, place, row->places)) < row->places; place++) {
        allocation.address = (void *)(row->start + place * row->stride);
        if (row->details)
            add_detail(&allocation, &row->details[place]);
        if (visit(context, &allocation) != 0)
            return false;
    }
    return true;
}

static bool visit_chunk(const struct chunk *chunk, bool alone, brainmm_visit visit, void *context) {
    for (size_t at = sizeof *chunk; at < chunk->used;) {
        const struct live_row *row = (const struct live_row *)(const void *)((const char *)chunk + at);
        at += entry_bytes(row);
        if (!visit_row(row, alone, visit, context))
            return false;
    }
    return true;
}

int BRAINMM_CALL heap_walk(brainmm_visit visit, void *context) {
    if (!visit)
        return BRAINMM_E_ARGUMENT;
    struct snapshot snapshot = {NULL, NULL, false};
    bool alone;
    int result = BRAINMM_OK;
    if (!scan_heap(write_down, &snapshot, &alone) || snapshot.failed)
        result = BRAINMM_E_MEMORY;
    for (struct chunk *chunk = snapshot.first; chunk && result == BRAINMM_OK; chunk = chunk->next)
        if (!visit_chunk(chunk, alone, visit, context))
            result = BRAINMM_E_STOPPED;
    snapshot_end(&snapshot);
    return result;
}
