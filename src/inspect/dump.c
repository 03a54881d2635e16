/* SPDX-License-Identifier: MIT */
/* dump.c: brainmm_dump: statistics and allocations as JSON. It is made of brainmm_get_stats and brainmm_walk. */
#include "inspect/inspect.h"
#include "inspect/scan.h"
#include "inspect/writer.h"
#include <string.h>

/* JSON on its way. */
struct json {
    struct writer writer;
    bool first; /* no comma before the next element */
};

/* ---- Text ------------------------------------------------------------------------------------------------------- */

static void put(struct json *json, const char *text) { writer_put(&json->writer, text); }

/* Begins a member or element: the comma, and the name if there is one. */
static void begin(struct json *json, const char *name) {
    if (!json->first)
        put(json, ",");
    json->first = false;
    if (name) {
        put(json, "\"");
        put(json, name);
        put(json, "\":");
    }
}

static void open_with(struct json *json, const char *name, const char *bracket) {
    begin(json, name);
    put(json, bracket);
    json->first = true;
}

static void close_with(struct json *json, const char *bracket) {
    put(json, bracket);
    json->first = false;
}

static void member(struct json *json, const char *name, uint64_t number) {
    begin(json, name);
    writer_put_decimal(&json->writer, number);
}

static void member_text(struct json *json, const char *name, const char *text) {
    begin(json, name);
    put(json, "\"");
    put(json, text);
    put(json, "\"");
}

/* ---- Contents --------------------------------------------------------------------------------------------------- */

static const char *const kind_names[8] = {"small", "medium", "big", "large", "pages", "block", "jit", "other"};
static const char *const mode_names[4] = {"user", "system", "jit", "other"};
static const char *const certainty_names[4] = {"exact", "seen", "presumed", "other"};

/* The owner may be of a later version and have more. */
static const char *name_of(const char *const *names, unsigned count, unsigned value) {
    return names[value < count ? value : count - 1];
}

const char *kind_name(unsigned kind) { return name_of(kind_names, 8, kind); }

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
    open_with(json, "stats", "{");
    begin(json, "exact");
    put(json, stats->approximate ? "false" : "true");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        uint64_t value;
        if (stats_member(stats, i, &value))
            member(json, members[i].name, value);
    }
    open_with(json, "kinds", "{");
    for (unsigned kind = 0; kind < BRAINMM_JIT_MEMORY + 1u; kind++) {
        open_with(json, kind_names[kind], "{");
        member(json, "count", stats->kinds[kind].count);
        member(json, "bytes", stats->kinds[kind].bytes);
        close_with(json, "}");
    }
    close_with(json, "}");
    close_with(json, "}");
}

static void write_classes(struct json *json, const brainmm_class_stats *classes, uint64_t count) {
    open_with(json, "classes", "[");
    for (uint64_t i = 0; i < count; i++) {
        open_with(json, NULL, "{");
        member(json, "size", classes[i].size);
        member(json, "alignment", classes[i].alignment);
        member(json, "slabs", classes[i].slabs);
        member(json, "live", classes[i].live);
        member(json, "free", classes[i].free);
        member(json, "untouched", classes[i].untouched);
        close_with(json, "}");
    }
    close_with(json, "]");
}

static int BRAINMM_CALL write_allocation(void *context, const brainmm_allocation *allocation) {
    struct json *json = context;
    open_with(json, NULL, "\n{");
    begin(json, "address");
    put(json, "\"");
    writer_put_hex(&json->writer, (uintptr_t)allocation->address);
    put(json, "\"");
    member(json, "size", allocation->size);
    member_text(json, "kind", name_of(kind_names, 8, allocation->kind));
    member(json, "alignment", allocation->alignment);
    member(json, "thread", allocation->thread_id);
    member_text(json, "mode", name_of(mode_names, 4, allocation->mode));
    member_text(json, "certainty", name_of(certainty_names, 4, allocation->certainty));
    close_with(json, "}");
    return json->writer.stopped;
}

/* ---- The dump --------------------------------------------------------------------------------------------------- */

/* For the rows of the classes: more than there are alignments and sizes. */
#define ROWS_BYTES ((size_t)65536)

int BRAINMM_CALL heap_dump(brainmm_write write, void *context, unsigned parts) {
    if (!write || parts == 0 || (parts & ~(unsigned)(BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS)) != 0)
        return BRAINMM_E_ARGUMENT;
    struct json json = {.writer = {.write = write, .context = context}, .first = true};
    brainmm_stats stats = {.struct_size = sizeof stats};
    brainmm_class_stats *classes = scan_memory_take(ROWS_BYTES);
    int result = classes ? BRAINMM_OK : BRAINMM_E_MEMORY;
    open_with(&json, NULL, "{");
    member(&json, "brainmm", BRAINMM_ABI_VERSION);
    if (result == BRAINMM_OK && (parts & BRAINMM_DUMP_STATS)) {
        size_t capacity = ROWS_BYTES / sizeof *classes;
        result = heap_get_stats(&stats, classes, capacity);
        if (result == BRAINMM_OK) {
            write_stats(&json, &stats);
            write_classes(&json, classes, stats.class_count < capacity ? stats.class_count : capacity);
        }
    }
    if (result == BRAINMM_OK && (parts & BRAINMM_DUMP_ALLOCATIONS)) {
        open_with(&json, "allocations", "[");
        result = heap_walk(write_allocation, &json);
        close_with(&json, "]");
    }
    if (result == BRAINMM_OK || result == BRAINMM_E_STOPPED) {
        put(&json, "}\n");
        writer_flush(&json.writer);
    }
    scan_memory_give(classes, ROWS_BYTES);
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
