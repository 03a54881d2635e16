/* SPDX-License-Identifier: MIT */
/* stats.c: brainmm_get_stats: sums over what scan.c finds, and the counters that the slow paths keep.
 *
 * The fast paths count nothing. What is live is counted when somebody asks, by looking at every object. What other
 * threads freed, and what was given back to the system or asked of it, is counted where it happens, off the fast path.
 */
#include "base/bits.h"
#include "heap/resize.h"
#include "heap/zero.h"
#include "inspect/inspect.h"
#include "inspect/scan.h"
#include "memory/unit_cache.h"
#include "slab/size_class.h"
#include "slab/thread_heap.h"
#include <string.h>

struct sums {
    brainmm_stats stats;
    struct {
        uint32_t slabs, carved, live;
    } bins[HEAP_BINS];
};

static void add_details(struct sums *sums, const struct live_row *row) {
    for (size_t at = 0; (at = bits_find_set(row->live, at, row->places)) < row->places; at++) {
        sums->stats.kinds[row->details[at].kind].count++;
        sums->stats.kinds[row->details[at].kind].bytes += row->details[at].size;
    }
}

static void add(void *context, const struct live_row *row) {
    struct sums *sums = context;
    unsigned live = (unsigned)bits_count(row->live, 0, row->places);
    if (row->details) {
        add_details(sums, row);
    } else {
        sums->stats.kinds[row->kind].count += live;
        sums->stats.kinds[row->kind].bytes += (uint64_t)live * row->size;
    }
    if (row->presumed)
        sums->stats.approximate |= BRAINMM_SOME_PRESUMED;
    if (row->bin != LIVE_NO_BIN) {
        sums->bins[row->bin].slabs++;
        sums->bins[row->bin].carved += row->places;
        sums->bins[row->bin].live += live;
    }
}

static void complete(brainmm_stats *stats) {
    struct units_figures units;
    struct thread_heaps_figures heaps;
    struct resize_counters resizing;
    size_t kept = unit_cache_kept();
    units_figures(&units);
    thread_heaps_figures(&heaps);
    resize_counters_get(&resizing);
    kept += heaps.stocked;
    units.used -= units.held_back;
    kept = kept < units.used ? kept : units.used; /* the two are of different moments */
    for (unsigned kind = 0; kind < sizeof stats->kinds / sizeof *stats->kinds; kind++) {
        stats->live_count += stats->kinds[kind].count;
        stats->live_bytes += stats->kinds[kind].bytes;
    }
    uint64_t used = (uint64_t)units_bytes(units.used - kept) + units.outside;
    stats->free_bytes = used > stats->live_bytes ? used - stats->live_bytes : 0;
    stats->cached_bytes = units_bytes(kept + units.idle);
    stats->overhead_bytes = units.table_committed + heaps.bytes + units_bytes(units.held_back);
    stats->committed_bytes = used + stats->cached_bytes + stats->overhead_bytes;
    stats->committed_most = units.committed_most;
    stats->reserved_bytes = units.reserved + units.table + heaps.reserved + units.outside + zero_reserved();
    stats->heaps = heaps.heaps;
    stats->threads = heaps.threads;
    stats->remote_frees = heaps.remote_frees;
    stats->purges = units.purges;
    stats->purged_bytes = units.purged << UNIT_SHIFT;
    stats->grown_right_bytes = resizing.grown_right;
    stats->grown_left_bytes = resizing.grown_left;
    stats->grown_headroom_bytes = resizing.grown_headroom;
    stats->slid_bytes = resizing.slid;
    stats->moved_bytes = resizing.moved;
    stats->copied_bytes = resizing.copied;
    stats->shrunk_bytes = resizing.shrunk;
}

/* Fills CAPACITY rows, and counts all. Classes that the alignment has made equal share a row. */
static void list_classes(struct sums *sums, brainmm_class_stats *classes, size_t capacity) {
    uint64_t slabs = 0, carved = 0, live = 0;
    for (size_t bin = 0; bin < HEAP_BINS; bin++) {
        const struct geometry *geometry = &bin_geometry[bin];
        slabs += sums->bins[bin].slabs;
        carved += sums->bins[bin].carved;
        live += sums->bins[bin].live;
        if (slabs == 0 || (bin + 1 < HEAP_BINS && geometry[1].object_size == geometry->object_size &&
                           geometry[1].alignment == geometry->alignment))
            continue;
        sums->stats.slabs += slabs;
        if (sums->stats.class_count++ < capacity)
            *classes++ = (brainmm_class_stats){
                .size = geometry->object_size,
                .alignment = geometry->alignment,
                .slabs = slabs,
                .live = live,
                .free = carved - live,
                .untouched = slabs * geometry->capacity - carved,
            };
        slabs = carved = live = 0;
    }
}

int BRAINMM_CALL heap_get_stats(brainmm_stats *stats, brainmm_class_stats *classes, size_t capacity) {
    if (!stats || stats->struct_size < offsetof(brainmm_stats, free_bytes) || (capacity && !classes))
        return BRAINMM_E_ARGUMENT;
    struct sums *sums = scan_memory_take(sizeof *sums);
    bool alone, done = sums && scan_heap(add, sums, &alone);
    if (done) {
        if (!alone)
            sums->stats.approximate |= BRAINMM_OTHERS_WORKED;
        complete(&sums->stats);
        list_classes(sums, classes, capacity);
        sums->stats.struct_size = stats->struct_size < sizeof *stats ? stats->struct_size : (uint32_t)sizeof *stats;
        memcpy(stats, &sums->stats, sums->stats.struct_size);
    }
    scan_memory_give(sums, sizeof *sums);
    return done ? BRAINMM_OK : BRAINMM_E_MEMORY;
}
