/* stats.c: brainmm_get_stats: sums over what scan.c finds, and the counters that the slow paths keep.
 *
 * The fast paths count nothing. What is live is counted when somebody asks, by looking at every object; what was freed
 * by other threads, given back to the system or asked of it is counted where it happens, off the fast path.
 */
#include "heap.h"
#include "manager.h"
#include "os.h"
#include "run.h"
#include "scan.h"
#include "size_class.h"
#include "thread.h"
#include "window.h"
#include <string.h>

struct sums {
    brainmm_stats stats;
    struct {
        uint32_t slabs, carved, live;
    } bins[HEAP_BINS];
};

#define SUMS_BYTES ((sizeof(struct sums) + OS_GRANULE - 1) & ~(size_t)(OS_GRANULE - 1))

static void add(void *context, const struct found *found) {
    struct sums *sums = context;
    unsigned live = 0;
    for (unsigned word = 0; word * 64 < found->places; word++)
        live += (unsigned)__builtin_popcountll(found->live[word]);
    sums->stats.kinds[found->kind].count += live;
    sums->stats.kinds[found->kind].bytes += (uint64_t)live * found->size;
    if (found->presumed)
        sums->stats.approximate |= BRAINMM_SOME_PRESUMED;
    if (found->bin != SCAN_NO_BIN) {
        sums->bins[found->bin].slabs++;
        sums->bins[found->bin].carved += found->places;
        sums->bins[found->bin].live += live;
    }
}

static uint64_t units_bytes(uint64_t units) { return units << UNIT_SHIFT; }

static void complete(brainmm_stats *stats) {
    struct window_figures units;
    struct heaps_figures heaps;
    struct resize_counters resizing;
    window_figures(&units);
    heaps_figures(&heaps);
    resize_counters_get(&resizing);
    for (unsigned kind = 0; kind < sizeof stats->kinds / sizeof *stats->kinds; kind++) {
        stats->live_count += stats->kinds[kind].count;
        stats->live_bytes += stats->kinds[kind].bytes;
    }
    uint64_t used = units_bytes(units.used) + units.outside;
    stats->free_bytes = used > stats->live_bytes ? used - stats->live_bytes : 0;
    stats->cached_bytes = units_bytes(units.cached + units.idle);
    stats->overhead_bytes = units.table_committed + heaps.bytes;
    stats->committed_bytes = used + stats->cached_bytes + stats->overhead_bytes;
    stats->committed_most = units.committed_most;
    stats->reserved_bytes = units.reserved + units.table + heaps.reserved + units.outside;
    stats->heaps = heaps.heaps;
    stats->threads = heaps.threads;
    stats->remote_frees = heaps.remote_frees;
    stats->purges = units.purges;
    stats->purged_bytes = units_bytes(units.purged);
    stats->grown_right_bytes = resizing.right_bytes;
    stats->grown_left_bytes = resizing.left_bytes;
    stats->grown_room_bytes = resizing.room_bytes;
    stats->slid_bytes = resizing.slid_bytes;
    stats->moved_bytes = resizing.moved_bytes;
    stats->copied_bytes = resizing.copied_bytes;
    stats->shrunk_bytes = resizing.shrunk_bytes;
}

/* Fills the rows there is room for; counts all. Classes that the alignment has made equal share a row. */
static void list_classes(struct sums *sums, brainmm_class_stats *classes, size_t capacity) {
    uint64_t slabs = 0, carved = 0, live = 0;
    for (size_t bin = 0; bin < HEAP_BINS; bin++) {
        const struct geometry *geometry = &bin_geometry[bin];
        slabs += sums->bins[bin].slabs;
        carved += sums->bins[bin].carved;
        live += sums->bins[bin].live;
        if (slabs == 0 || (bin + 1 < HEAP_BINS && geometry[1].object_size == geometry->object_size))
            continue; /* behind the last class of an alignment there is none, of size 0 */
        sums->stats.slabs += slabs;
        if (sums->stats.class_count++ < capacity)
            *classes++ = (brainmm_class_stats){geometry->object_size, 16u << bin / CLASS_STRIDE,          slabs, live,
                                               carved - live,         slabs * geometry->capacity - carved};
        slabs = carved = live = 0;
    }
}

int BRAINMM_CALL heap_get_stats(brainmm_stats *stats, brainmm_class_stats *classes, size_t capacity) {
    if (!manager_start())
        return manager_active.get_stats(stats, classes, capacity);
    if (!stats || stats->struct_size < offsetof(brainmm_stats, free_bytes) || (capacity && !classes))
        return BRAINMM_E_ARGUMENT;
    struct sums *sums = os_reserve(SUMS_BYTES, OS_GRANULE);
    bool alone, done = sums && os_commit(sums, SUMS_BYTES) && scan_heap(add, sums, &alone);
    if (done) {
        if (!alone)
            sums->stats.approximate |= BRAINMM_OTHERS_WORKED;
        complete(&sums->stats);
        list_classes(sums, classes, capacity);
        sums->stats.struct_size = stats->struct_size < sizeof *stats ? stats->struct_size : (uint32_t)sizeof *stats;
        memcpy(stats, &sums->stats, sums->stats.struct_size);
    }
    if (sums)
        os_release(sums, SUMS_BYTES);
    return done ? BRAINMM_OK : BRAINMM_E_MEMORY;
}
