/* SPDX-License-Identifier: MIT */
/* malloc_info.c: what the C library's malloc can be asked and told, answered by libbrainmm-malloc.so for its heap:
 * malloc_trim, mallinfo, mallinfo2, malloc_info, malloc_stats, mallopt.
 *
 * The figures are those of brainmm_get_stats(). The C library's terms mean here:
 *   mmapped  live allocations that have pages of their own, those above 32 KiB
 *   in use   all other live allocations, with all of their usable bytes
 *   free     what is free between live allocations, and what waits to be used again or to go back to the system
 *   arena    in use, and free
 * If there is no memory to count with, all are 0.
 */
#define _GNU_SOURCE
#include "brainmm.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

#define KINDS (sizeof((brainmm_stats *)0)->kinds / sizeof(brainmm_kind_stats))

struct figures {
    uint64_t mmapped_count, mmapped, in_use, free, system, system_most;
};

static struct figures figures_of(const brainmm_stats *stats) {
    struct figures figures = {
        .free = stats->free_bytes + stats->cached_bytes,
        .system = stats->committed_bytes,
        .system_most = stats->committed_most + stats->overhead_bytes,
    };
    for (unsigned kind = BRAINMM_BIG; kind < KINDS; kind++) {
        figures.mmapped_count += stats->kinds[kind].count;
        figures.mmapped += stats->kinds[kind].bytes;
    }
    figures.in_use = stats->live_bytes - figures.mmapped;
    return figures;
}

static bool get_stats(brainmm_stats *stats, brainmm_class_stats *classes, size_t capacity) {
    *stats = (brainmm_stats){.struct_size = sizeof *stats};
    return brainmm_get_stats(stats, classes, capacity) == BRAINMM_OK;
}

/* ---- mallinfo --------------------------------------------------------------------------------------------------- */

static uint64_t free_pieces(const brainmm_class_stats *classes, size_t count) {
    uint64_t pieces = 0;
    for (size_t i = 0; i < count; i++)
        pieces += classes[i].free;
    return pieces;
}

/* All rows of the size classes; NULL: none, and *COUNT is 0. */
static brainmm_class_stats *get_classes(size_t *count) {
    brainmm_stats stats;
    *count = 0;
    if (!get_stats(&stats, NULL, 0))
        return NULL;
    size_t capacity = (size_t)stats.class_count + 1; /* the rows may make one more */
    brainmm_class_stats *classes = malloc(capacity * sizeof *classes);
    if (classes && get_stats(&stats, classes, capacity))
        *count = stats.class_count < capacity ? (size_t)stats.class_count : capacity;
    return classes;
}

EXPORT struct mallinfo2 mallinfo2(void) {
    brainmm_stats stats;
    size_t count;
    brainmm_class_stats *classes = get_classes(&count);
    uint64_t pieces = free_pieces(classes, count);
    free(classes);
    if (!get_stats(&stats, NULL, 0))
        return (struct mallinfo2){0};
    struct figures figures = figures_of(&stats);
    return (struct mallinfo2){
        .arena = (size_t)(figures.in_use + figures.free),
        .ordblks = (size_t)pieces,
        .hblks = (size_t)figures.mmapped_count,
        .hblkhd = (size_t)figures.mmapped,
        .uordblks = (size_t)figures.in_use,
        .fordblks = (size_t)figures.free,
        .keepcost = (size_t)stats.cached_bytes,
    };
}

static int at_most_int(size_t value) { return value < INT_MAX ? (int)value : INT_MAX; }

/* Its fields are too small for large heaps: they end at INT_MAX, where the C library's wrap around. */
EXPORT struct mallinfo mallinfo(void) {
    struct mallinfo2 info = mallinfo2();
    return (struct mallinfo){
        .arena = at_most_int(info.arena),
        .ordblks = at_most_int(info.ordblks),
        .hblks = at_most_int(info.hblks),
        .hblkhd = at_most_int(info.hblkhd),
        .uordblks = at_most_int(info.uordblks),
        .fordblks = at_most_int(info.fordblks),
        .keepcost = at_most_int(info.keepcost),
    };
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

static void write_totals(FILE *file, const struct figures *figures, uint64_t free_count) {
    fprintf(file,
            "<total type=\"fast\" count=\"0\" size=\"0\"/>\n"
            "<total type=\"rest\" count=\"%" PRIu64 "\" size=\"%" PRIu64 "\"/>\n",
            free_count, figures->free);
}

static void write_system(FILE *file, const struct figures *figures) {
    fprintf(file,
            "<system type=\"current\" size=\"%" PRIu64 "\"/>\n"
            "<system type=\"max\" size=\"%" PRIu64 "\"/>\n"
            "<aspace type=\"total\" size=\"%" PRIu64 "\"/>\n"
            "<aspace type=\"mprotect\" size=\"%" PRIu64 "\"/>\n",
            figures->system, figures->system_most, figures->system, figures->system);
}

/* The elements are the C library's, for those who parse them: a heap, its free pieces by size, and totals. */
EXPORT int malloc_info(int options, FILE *file) {
    brainmm_stats stats;
    uint64_t from = 1;
    size_t count;
    if (options != 0) {
        errno = EINVAL;
        return -1;
    }
    brainmm_class_stats *classes = get_classes(&count);
    if (!classes || !get_stats(&stats, NULL, 0)) {
        free(classes);
        errno = ENOMEM;
        return -1;
    }
    struct figures figures = figures_of(&stats);
    fprintf(file, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n");
    for (size_t i = 0; i < count; i++) {
        uint64_t size = classes[i].size;
        if (i && size < classes[i - 1].size) /* the classes of another alignment */
            from = 1;
        if (classes[i].free)
            fprintf(file,
                    "  <size from=\"%" PRIu64 "\" to=\"%" PRIu64 "\" total=\"%" PRIu64 "\" count=\"%" PRIu64 "\"/>\n",
                    from, size, size * classes[i].free, classes[i].free);
        from = size + 1;
    }
    fprintf(file, "</sizes>\n");
    write_totals(file, &figures, free_pieces(classes, count));
    write_system(file, &figures);
    fprintf(file, "</heap>\n");
    write_totals(file, &figures, free_pieces(classes, count));
    fprintf(file, "<total type=\"mmap\" count=\"%" PRIu64 "\" size=\"%" PRIu64 "\"/>\n", figures.mmapped_count,
            figures.mmapped);
    write_system(file, &figures);
    fprintf(file, "</malloc>\n");
    free(classes);
    return 0;
}

EXPORT void malloc_stats(void) {
    brainmm_stats stats;
    if (!get_stats(&stats, NULL, 0)) {
        fputs("BrainMM: no statistics: there is no memory for it\n", stderr);
        return;
    }
    struct figures figures = figures_of(&stats);
    fprintf(stderr,
            "Arena 0:\n"
            "system bytes     = %10" PRIu64 "\n"
            "in use bytes     = %10" PRIu64 "\n"
            "Total (incl. mmap):\n"
            "system bytes     = %10" PRIu64 "\n"
            "in use bytes     = %10" PRIu64 "\n"
            "mmap regions     = %10" PRIu64 "\n"
            "mmap bytes       = %10" PRIu64 "\n",
            figures.system - figures.mmapped, figures.in_use, figures.system, stats.live_bytes, figures.mmapped_count,
            figures.mmapped);
}

/* ---- Requests --------------------------------------------------------------------------------------------------- */

/* The C library leaves PAD bytes. This heap has no place at its end that one could be left at. */
EXPORT int malloc_trim(size_t pad) {
    (void)pad;
    return brainmm_thread_heap_minimize() != 0;
}

/* The C library's parameters are hints about structures of its own, and a program can rely on none of them to do
 * anything. They are accepted, so that programs that look at the result go on, and have no effect. */
EXPORT int mallopt(int parameter, int value) {
    (void)value;
    switch (parameter) {
    case M_MXFAST:
    case M_TRIM_THRESHOLD:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_CHECK_ACTION:
    case M_PERTURB:
    case M_ARENA_TEST:
    case M_ARENA_MAX: return 1;
    default: return 0;
    }
}
