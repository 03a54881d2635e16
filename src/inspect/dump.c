/* SPDX-License-Identifier: MIT */
/* dump.c: brainmm_dump: statistics and allocations as JSON. It is made of brainmm_get_stats and brainmm_walk. */
#include "base/text.h"
#include "inspect/inspect.h"
#include "inspect/scan.h"
#include <string.h>

struct writer {
    brainmm_write write;
    void *context;
    bool stopped;
    bool first; /* no comma before the next element */
    size_t used;
    char text[512];
};

/* ---- Text ------------------------------------------------------------------------------------------------------- */

static void flush(struct writer *writer) {
    if (writer->used && !writer->stopped && writer->write(writer->context, writer->text, writer->used) != 0)
        writer->stopped = true;
    writer->used = 0;
}

static void put(struct writer *writer, const char *text) {
    for (; *text; text++) {
        if (writer->used == sizeof writer->text)
            flush(writer);
        writer->text[writer->used++] = *text;
    }
}

static void put_number(struct writer *writer, uint64_t number) {
    char digits[24];
    struct text text = TEXT_IN(digits);
    text_add_decimal(&text, number);
    put(writer, digits);
}

static void put_address(struct writer *writer, const void *address) {
    char digits[24];
    struct text text = TEXT_IN(digits);
    text_add(&text, "\"0x");
    text_add_hex(&text, (uintptr_t)address);
    text_add(&text, "\"");
    put(writer, digits);
}

/* Begins a member or element: the comma, and the name if there is one. */
static void begin(struct writer *writer, const char *name) {
    if (!writer->first)
        put(writer, ",");
    writer->first = false;
    if (name) {
        put(writer, "\"");
        put(writer, name);
        put(writer, "\":");
    }
}

static void open_with(struct writer *writer, const char *name, const char *bracket) {
    begin(writer, name);
    put(writer, bracket);
    writer->first = true;
}

static void close_with(struct writer *writer, const char *bracket) {
    put(writer, bracket);
    writer->first = false;
}

static void member(struct writer *writer, const char *name, uint64_t number) {
    begin(writer, name);
    put_number(writer, number);
}

static void member_text(struct writer *writer, const char *name, const char *text) {
    begin(writer, name);
    put(writer, "\"");
    put(writer, text);
    put(writer, "\"");
}

/* ---- Contents --------------------------------------------------------------------------------------------------- */

static const char *const kind_names[8] = {"small", "medium", "big", "large", "pages", "block", "jit", "other"};
static const char *const mode_names[4] = {"user", "system", "jit", "other"};
static const char *const certainty_names[4] = {"exact", "seen", "presumed", "other"};

/* The owner may be of a later version and have more. */
static const char *name_of(const char *const *names, unsigned count, unsigned value) {
    return names[value < count ? value : count - 1];
}

static void write_stats(struct writer *writer, const brainmm_stats *stats) {
    static const struct {
        const char *name;
        size_t offset;
    } members[] = {
#define MEMBER(name) {#name, offsetof(brainmm_stats, name)}
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
    open_with(writer, "stats", "{");
    begin(writer, "exact");
    put(writer, stats->approximate ? "false" : "true");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        uint64_t value;
        if (members[i].offset + sizeof value > stats->struct_size) /* an older owner has no such figure */
            continue;
        memcpy(&value, (const char *)stats + members[i].offset, sizeof value);
        member(writer, members[i].name, value);
    }
    open_with(writer, "kinds", "{");
    for (unsigned kind = 0; kind < BRAINMM_JIT_MEMORY + 1u; kind++) {
        open_with(writer, kind_names[kind], "{");
        member(writer, "count", stats->kinds[kind].count);
        member(writer, "bytes", stats->kinds[kind].bytes);
        close_with(writer, "}");
    }
    close_with(writer, "}");
    close_with(writer, "}");
}

static void write_classes(struct writer *writer, const brainmm_class_stats *classes, uint64_t count) {
    open_with(writer, "classes", "[");
    for (uint64_t i = 0; i < count; i++) {
        open_with(writer, NULL, "{");
        member(writer, "size", classes[i].size);
        member(writer, "alignment", classes[i].alignment);
        member(writer, "slabs", classes[i].slabs);
        member(writer, "live", classes[i].live);
        member(writer, "free", classes[i].free);
        member(writer, "untouched", classes[i].untouched);
        close_with(writer, "}");
    }
    close_with(writer, "]");
}

static int BRAINMM_CALL write_allocation(void *context, const brainmm_allocation *allocation) {
    struct writer *writer = context;
    open_with(writer, NULL, "\n{");
    begin(writer, "address");
    put_address(writer, allocation->address);
    member(writer, "size", allocation->size);
    member_text(writer, "kind", name_of(kind_names, 8, allocation->kind));
    member(writer, "alignment", allocation->alignment);
    member(writer, "thread", allocation->thread_id);
    member_text(writer, "mode", name_of(mode_names, 4, allocation->mode));
    member_text(writer, "certainty", name_of(certainty_names, 4, allocation->certainty));
    close_with(writer, "}");
    return writer->stopped;
}

/* ---- The dump --------------------------------------------------------------------------------------------------- */

/* For the rows of the classes: more than there are alignments and sizes. */
#define ROWS_BYTES ((size_t)65536)

int dump_heap(brainmm_write write, void *context, unsigned parts,
              int(BRAINMM_CALL *get_stats)(brainmm_stats *stats, brainmm_class_stats *classes, size_t capacity),
              int(BRAINMM_CALL *walk)(brainmm_visit visit, void *context)) {
    if (!write || parts == 0 || (parts & ~(unsigned)(BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS)) != 0)
        return BRAINMM_E_ARGUMENT;
    struct writer writer = {.write = write, .context = context, .first = true};
    brainmm_stats stats = {.struct_size = sizeof stats};
    brainmm_class_stats *classes = scan_memory_take(ROWS_BYTES);
    int result = classes ? BRAINMM_OK : BRAINMM_E_MEMORY;
    open_with(&writer, NULL, "{");
    member(&writer, "brainmm", BRAINMM_ABI_VERSION);
    if (result == BRAINMM_OK && (parts & BRAINMM_DUMP_STATS)) {
        size_t capacity = ROWS_BYTES / sizeof *classes;
        result = get_stats(&stats, classes, capacity);
        if (result == BRAINMM_OK) {
            write_stats(&writer, &stats);
            write_classes(&writer, classes, stats.class_count < capacity ? stats.class_count : capacity);
        }
    }
    if (result == BRAINMM_OK && (parts & BRAINMM_DUMP_ALLOCATIONS)) {
        open_with(&writer, "allocations", "[");
        result = walk(write_allocation, &writer);
        close_with(&writer, "]");
    }
    if (result == BRAINMM_OK || result == BRAINMM_E_STOPPED) {
        put(&writer, "}\n");
        flush(&writer);
    }
    scan_memory_give(classes, ROWS_BYTES);
    return writer.stopped ? BRAINMM_E_STOPPED : result;
}
