/* SPDX-License-Identifier: MIT */
/* dump.c: brainmm_dump: what the heap knows of itself as JSON. It is made of brainmm_get_stats and brainmm_walk, of the
 * map of units (dump_map.c), and of what a snapshot counts (dump_holders.c). */
#include "inspect/dump_parts.h"
#include "inspect/inspect.h"
#include "inspect/scan.h"
#include "os.h"
#include <string.h>

/* ---- Contents --------------------------------------------------------------------------------------------------- */

static const char *const mode_names[4] = {"user", "system", "jit", "other"};
static const char *const certainty_names[4] = {"exact", "seen", "presumed", "other"};

/* The owner may be of a later version and have more. */
static const char *name_of(const char *const *names, unsigned count, unsigned value) {
    return names[value < count ? value : count - 1];
}

static const struct {
    const char *name;
    size_t offset;
} members[] = {
#define MEMBER(name)                                                                                                   \
    { #name, offsetof(brainmm_stats, name) }
    MEMBER(live_count),
    MEMBER(live_bytes),
    MEMBER(free_bytes),
    MEMBER(cached_bytes),
    MEMBER(overhead_bytes),
    MEMBER(committed_bytes),
    MEMBER(committed_most),
    MEMBER(reserved_bytes),
    MEMBER(heaps),
    MEMBER(threads),
    MEMBER(slabs),
    MEMBER(remote_frees),
    MEMBER(purges),
    MEMBER(purged_bytes),
    MEMBER(grown_right_bytes),
    MEMBER(grown_left_bytes),
    MEMBER(grown_headroom_bytes),
    MEMBER(slid_bytes),
    MEMBER(moved_bytes),
    MEMBER(copied_bytes),
    MEMBER(shrunk_bytes),
};

/* An older owner has no such figure. */
static bool stats_member(const brainmm_stats *stats, size_t i, uint64_t *value) {
    if (members[i].offset + sizeof *value > stats->struct_size)
        return false;
    memcpy(value, (const char *)stats + members[i].offset, sizeof *value);
    return true;
}

static void write_stats(struct json *json, const brainmm_stats *stats) {
    json_open(json, "stats", "{");
    json_begin(json, "exact");
    writer_put(&json->writer, stats->approximate ? "false" : "true");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        uint64_t value;
        if (stats_member(stats, i, &value))
            json_number(json, members[i].name, value);
    }
    json_open(json, "kinds", "{");
    for (unsigned kind = 0; kind < BRAINMM_JIT_MEMORY + 1u; kind++) {
        json_open(json, kind_name(kind), "{");
        json_number(json, "count", stats->kinds[kind].count);
        json_number(json, "bytes", stats->kinds[kind].bytes);
        json_close(json, "}");
    }
    json_close(json, "}");
    json_close(json, "}");
}

static void write_classes(struct json *json, const brainmm_class_stats *classes, uint64_t count) {
    json_open(json, "classes", "[");
    for (uint64_t i = 0; i < count; i++) {
        json_open(json, NULL, "{");
        json_number(json, "size", classes[i].size);
        json_number(json, "alignment", classes[i].alignment);
        json_number(json, "slabs", classes[i].slabs);
        json_number(json, "live", classes[i].live);
        json_number(json, "free", classes[i].free);
        json_number(json, "untouched", classes[i].untouched);
        json_close(json, "}");
    }
    json_close(json, "]");
}

static int BRAINMM_CALL write_allocation(void *context, const brainmm_allocation *allocation) {
    struct json *json = context;
    json_open(json, NULL, "\n{");
    json_address(json, "address", (uintptr_t)allocation->address);
    json_number(json, "size", allocation->size);
    json_text(json, "kind", kind_name(allocation->kind));
    json_number(json, "alignment", allocation->alignment);
    json_number(json, "thread", allocation->thread_id);
    json_text(json, "mode", name_of(mode_names, 4, allocation->mode));
    json_text(json, "certainty", name_of(certainty_names, 4, allocation->certainty));
    if (allocation->stack)
        json_number(json, "stack", allocation->stack);
    if (allocation->serial)
        json_number(json, "serial", allocation->serial);
    json_close(json, "}");
    return json->writer.stopped;
}

/* ---- The dump --------------------------------------------------------------------------------------------------- */

/* For the rows of the classes: more than there are alignments and sizes. */
#define ROWS_BYTES ((size_t)65536)

#define PARTS_ALL (BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS | BRAINMM_DUMP_MAP | BRAINMM_DUMP_HOLDERS)

static int write_figures(struct json *json) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    brainmm_class_stats *classes = scan_memory_take(ROWS_BYTES);
    size_t capacity = ROWS_BYTES / sizeof *classes;
    int result = classes ? heap_get_stats(&stats, classes, capacity) : BRAINMM_E_MEMORY;
    if (result == BRAINMM_OK) {
        write_stats(json, &stats);
        write_classes(json, classes, stats.class_count < capacity ? stats.class_count : capacity);
    }
    scan_memory_give(classes, ROWS_BYTES);
    return result;
}

static int write_allocations(struct json *json) {
    json_open(json, "allocations", "[");
    int result = heap_walk(write_allocation, json);
    json_close(json, "]");
    return result;
}

int BRAINMM_CALL heap_dump(brainmm_write write, void *context, unsigned parts) {
    if (!write || parts == 0 || (parts & ~(unsigned)PARTS_ALL) != 0)
        return BRAINMM_E_ARGUMENT;
    static int (*const writers[])(struct json *) = {write_figures, write_allocations, dump_map, dump_holders};
    struct json json = {.writer = {.write = write, .context = context}, .first = true};
    int result = BRAINMM_OK;
    json_open(&json, NULL, "{");
    json_number(&json, "brainmm", BRAINMM_ABI_VERSION);
    json_number(&json, "process", os_process_id());
    json_number(&json, "clock_ms", os_clock_ms());
    for (unsigned i = 0; i < sizeof writers / sizeof *writers && result == BRAINMM_OK; i++)
        if (parts >> i & 1)
            result = writers[i](&json);
    if (result == BRAINMM_OK || result == BRAINMM_E_STOPPED) {
        writer_put(&json.writer, "}\n");
        writer_flush(&json.writer);
    }
    return json.writer.stopped ? BRAINMM_E_STOPPED : result;
}

/* ---- The statistics as text ------------------------------------------------------------------------------------- */

static void put_line(struct writer *writer, const char *name, uint64_t value) {
    writer_put(writer, "    ");
    writer_put(writer, name);
    writer_put(writer, " ");
    writer_put_decimal(writer, value);
    writer_put(writer, "\n");
}

int stats_as_text(brainmm_write write, void *context) {
    struct writer writer = {.write = write, .context = context};
    brainmm_stats stats = {.struct_size = sizeof stats};
    int result = heap_get_stats(&stats, NULL, 0);
    if (result != BRAINMM_OK)
        return result;
    writer_put(&writer,
               stats.approximate ? "BrainMM: statistics, while other threads work\n" : "BrainMM: statistics\n");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        uint64_t value;
        if (stats_member(&stats, i, &value))
            put_line(&writer, members[i].name, value);
    }
    writer_flush(&writer);
    return writer.stopped ? BRAINMM_E_STOPPED : BRAINMM_OK;
}
