/* walk.c: brainmm_walk: what is live is written down first, in memory of its own; then the visitor sees it.
 *
 * The visitor may do anything to the heap, so nothing of the heap is held or looked at while it runs, and what is written
 * down does not lie in the heap: it would be part of itself. A slab takes 80 bytes and a bit for each object.
 */
#include "heap.h"
#include "manager.h"
#include "os.h"
#include "scan.h"
#include <string.h>

/* A `struct found` and the words of its `live` follow each other, up to `used`. */
struct chunk {
    struct chunk *next;
    size_t used;
};

#define CHUNK_BYTES ((size_t)1 << 20) /* the largest entry is below 1 KiB */

struct snapshot {
    struct chunk *first, *last;
    bool failed; /* the system has no more memory */
};

static struct chunk *chunk_add(struct snapshot *snapshot) {
    struct chunk *chunk = os_reserve(CHUNK_BYTES, OS_GRANULE);
    if (chunk && !os_commit(chunk, CHUNK_BYTES)) {
        os_release(chunk, CHUNK_BYTES);
        chunk = NULL;
    }
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
        os_release(chunk, CHUNK_BYTES);
    }
}

static size_t live_bytes(const struct found *found) { return (found->places + 63) / 64 * sizeof *found->live; }

static void write_down(void *context, const struct found *found) {
    struct snapshot *snapshot = context;
    size_t size = sizeof *found + live_bytes(found);
    if (snapshot->failed)
        return;
    struct chunk *chunk = snapshot->last;
    if ((!chunk || chunk->used + size > CHUNK_BYTES) && (chunk = chunk_add(snapshot)) == NULL)
        return;
    struct found *entry = (struct found *)(void *)((char *)chunk + chunk->used);
    *entry = *found;
    entry->live = memcpy(entry + 1, found->live, size - sizeof *entry);
    chunk->used += (size + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
}

/* False if the visitor wants no more. */
static bool visit_all_of(const struct found *found, bool alone, brainmm_visit visit, void *context) {
    brainmm_allocation allocation = {
        .struct_size = sizeof allocation,
        .kind = found->kind,
        .mode = found->mode,
        .certainty = found->presumed ? BRAINMM_PRESUMED
                     : alone         ? BRAINMM_EXACT
                                     : BRAINMM_SEEN,
        .size = found->size,
        .alignment = found->alignment,
        .thread_id = found->thread_id,
    };
    for (unsigned word = 0; word * 64 < found->places; word++)
        for (uint64_t left = found->live[word]; left; left &= left - 1) {
            unsigned place = word * 64 + (unsigned)__builtin_ctzll(left);
            allocation.address = (void *)(found->start + place * found->stride);
            if (visit(context, &allocation) != 0)
                return false;
        }
    return true;
}

static bool visit_chunk(const struct chunk *chunk, bool alone, brainmm_visit visit, void *context) {
    for (size_t at = sizeof *chunk; at < chunk->used;) {
        const struct found *found = (const struct found *)(const void *)((const char *)chunk + at);
        at += (sizeof *found + live_bytes(found) + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
        if (!visit_all_of(found, alone, visit, context))
            return false;
    }
    return true;
}

int BRAINMM_CALL heap_walk(brainmm_visit visit, void *context) {
    if (!manager_start())
        return manager_active.walk(visit, context);
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
