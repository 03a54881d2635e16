/* SPDX-License-Identifier: MIT */
/* watch.c: see watch.h. */
#include "checked/watch.h"
#include "checked/detect.h"
#include "heap/jit_chunk.h"
#include "memory/units.h"

#define HEADER_BYTES 16u
_Static_assert(sizeof(struct object) <= HEADER_BYTES, "what the core works with");

static void forbid(const void *start, size_t size) {
    if (checked_settings.tool->forbid && size)
        checked_settings.tool->forbid(start, size);
}

static void allow(const void *start, size_t size) {
    if (checked_settings.tool->allow && size)
        checked_settings.tool->allow(start, size);
}

static void begin(const void *piece, size_t size, bool zeroed) {
    if (checked_settings.tool->begin)
        checked_settings.tool->begin(piece, size, zeroed);
}

void watch_ends(const void *piece, size_t size) {
    if (checked_settings.tool->end)
        checked_settings.tool->end(piece, size);
}

/* ---- Slabs ------------------------------------------------------------------------------------------------------ */

static size_t bytes_of(const struct record_table *table) { return (size_t)table->count * table->object_size; }

/* No object of a new slab is an allocation yet. */
static void slab_begins(struct record_table *table) {
    forbid((const void *)table->start, bytes_of(table));
    for (uint32_t i = 0; i < table->count; i++)
        allow((const void *)(table->start + (size_t)i * table->object_size), HEADER_BYTES);
}

static void slab_ends(struct record_table *table) { allow((const void *)table->start, bytes_of(table)); }

/* A record of a JIT heap, which is no allocation of the program's. A table that is made later would forbid it. */
static void heaps_own(void *raw) {
    struct record_table *table = record_table_of(raw);
    if (!table)
        table = record_table_make(raw, 0);
    record_forget_object(raw);
    if (table)
        allow(raw, table->object_size);
}

void watch_start(void) {
    const struct os_tool *tool = checked_settings.tool;
    if (!tool)
        return;
    record_front_least = 2 * HEADER_BYTES;
    record_slab_noticed = slab_begins;
    records_start(slab_ends);
    jit_record_noticed = heaps_own;
    units_watch_regions(tool->roots, tool->no_roots);
    if (tool->start)
        tool->start(detect_describe);
}

/* ---- Allocations ------------------------------------------------------------------------------------------------ */

void *watch_object(struct thread_heap *heap, struct record_table *table, char *raw, size_t size, bool zeroed,
                   uint32_t word) {
    struct object_view object = object_view(table, raw);
    forbid(raw + HEADER_BYTES, table->object_size - HEADER_BYTES);
    store_relaxed(&object.record->size, (uint32_t)size);
    begin(object.piece, size, zeroed);
    if (zeroed)
        memset(object.piece, 0, size);
    record_begin(object.record, heap, load_relaxed(&object.record->word), word);
    return object.piece;
}

void watch_object_ends(struct thread_heap *heap, const struct object_view *object) {
    struct quarantine *quarantine = heap ? heap->quarantine : NULL;
    store_relaxed(&object->record->freed_thread, object_thread_id(heap));
    if (checked_settings.frames)
        store_relaxed(&object->record->freed_stack, object_stack(heap));
    watch_ends(object->piece, object->size);
    if (quarantine)
        quarantine_put(quarantine, quarantined_of(object->raw, (size_t)(object->end - object->raw)));
    else
        object_release(object->raw);
}

void watch_run_begins(const struct place *place, bool zeroed) {
    forbid(place->raw, place->raw_size);
    begin(place->piece, place->size, zeroed);
}
