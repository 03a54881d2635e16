/* SPDX-License-Identifier: MIT */
/* record.c: see record.h. */
#include "checked/record.h"
#include "base/align.h"
#include "heap/run.h"
#include "memory/units.h"
#include "slab/lifetime.h"
#include "slab/slab.h"
#include "sync/lock.h"
#include <string.h>

map_part record_map[MAP_PARTS];
size_t record_front_least = 16;
void (*record_slab_noticed)(struct record_table *table);

/* ---- Memory for tables ------------------------------------------------------------------------------------------ */

/* Tables are cut from chunks of the system's memory. They are used again for slabs of the same number of objects and
 * never go back: a pointer to one stays readable, whatever happens to the unit. LOCK_RECORDS guards all of this. A
 * thread that dies in the midst of it loses a table at most. */
#define CHUNK_BYTES ((size_t)1 << 20)
#define COUNT_MAX 4096u /* of objects in a slab */
static struct record_table *unused[COUNT_MAX + 1];
static char *chunk_at, *chunk_end;

static void *take_from_system(size_t size) {
    void *memory = os_reserve(size, os_facts.granule);
    if (memory && !os_commit(memory, size)) {
        os_release(memory, size);
        memory = NULL;
    }
    if (memory)
        units_note_outside((ptrdiff_t)size);
    return memory;
}

static struct record_table *table_take(uint32_t count) {
    struct record_table *table = unused[count];
    if (table) {
        unused[count] = table->next;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t word = load_relaxed(&table->records[i].word); /* serials go on */
            memset(&table->records[i], 0, sizeof *table->records);
            store_relaxed(&table->records[i].word, word);
        }
        return table;
    }
    size_t size = align_up(sizeof *table + count * sizeof *table->records, 64);
    if ((size_t)(chunk_end - chunk_at) < size) {
        chunk_at = take_from_system(CHUNK_BYTES);
        chunk_end = chunk_at ? chunk_at + CHUNK_BYTES : NULL;
        if (!chunk_at)
            return NULL;
    }
    table = (struct record_table *)(void *)chunk_at;
    chunk_at += size;
    table->count = count;
    return table;
}

/* The entry of the map for a unit, from 0. NULL if there is no memory for its part. */
static map_entry *entry_of(size_t unit) {
    map_part *part = &record_map[unit >> PART_SHIFT];
    map_entry *entries = load_relaxed(part);
    if (!entries) {
        entries = take_from_system(align_up(PART_UNITS * sizeof *entries, os_facts.granule));
        store_release(part, entries); /* with record_table_of() */
    }
    return entries ? &entries[unit % PART_UNITS] : NULL;
}

static bool table_publish(struct record_table *table, struct record_table *published) {
    for (uint32_t i = 0; i < table->units; i++) {
        map_entry *entry = entry_of(table->unit - 1 + i);
        if (!entry)
            return false;
        store_release(entry, published); /* with record_table_of() */
    }
    return true;
}

/* Somebody may still look at it. He must not take for damage what is stored in the memory from here on. So no record
 * has the word that he has seen, and none gets it again in the table's next life. */
static void table_drop(struct record_table *table) {
    table_publish(table, NULL);
    for (uint32_t i = 0; i < table->count; i++)
        store_relaxed(&table->records[i].word, record_word_none(load_relaxed(&table->records[i].word)));
    store_order();
    table->next = unused[table->count];
    unused[table->count] = table;
}

static void describe_slab(struct record_table *table, const struct unit *slab) {
    const struct geometry *geometry = slab_geometry(slab);
    table->object_size = geometry->object_size;
    table->reciprocal = (uint32_t)((((uint64_t)1 << 32) - 1) / (geometry->object_size / 16) + 1);
    table->alignment = geometry->alignment;
    table->front = (uint32_t)front_of(geometry->alignment);
    table->units = geometry->units;
}

static struct record_table *table_create(const struct unit *unit, uint32_t units) {
    bool is_run = unit_kind(unit) == UNIT_RUN;
    struct record_table *table = table_take(is_run ? 1 : slab_geometry(unit)->capacity);
    if (!table)
        return NULL;
    table->start = unit->start;
    table->unit = unit_number(unit);
    table->units = units;
    table->object_size = table->front = 0;
    if (!is_run)
        describe_slab(table, unit);
    if (table_publish(table, table))
        return table;
    table_drop(table);
    return NULL;
}

COLD struct record_table *record_table_make(void *raw, size_t front) {
    struct unit *unit = unit_at(raw);
    if (unit_kind(unit) == UNIT_SUB)
        unit = unit_from_number(link_get(&unit->next));
    lock_acquire(LOCK_RECORDS);
    struct record_table *table = table_create(unit, (uint32_t)(front >> UNIT_SHIFT) + 1);
    lock_release(LOCK_RECORDS);
    if (table && table->object_size && record_slab_noticed)
        record_slab_noticed(table);
    return table;
}

static void table_end(const struct unit *unit) {
    struct record_table *table = record_table_of(unit_address(unit));
    if (!table)
        return;
    lock_acquire(LOCK_RECORDS);
    table_drop(table);
    lock_release(LOCK_RECORDS);
}

void record_forget_run(void *raw) { table_end(unit_at(raw)); }

static void (*table_end_noticed)(struct record_table *table);

static void slab_ends(const struct unit *slab) {
    struct record_table *table = record_table_of(unit_address(slab));
    if (table)
        table_end_noticed(table);
    table_end(slab);
}

void records_start(void (*slab_ends_with)(struct record_table *table)) {
    table_end_noticed = slab_ends_with;
    slab_end_noticed = slab_ends;
}

/* ---- Places ----------------------------------------------------------------------------------------------------- */

bool record_find_start(const void *piece, struct place *place) {
    struct record_table *table = record_table_of(piece);
    if (UNLIKELY(!table))
        return false;
    place->table = table;
    place->alignment = table->alignment;
    place->is_run = table->object_size == 0;
    if (UNLIKELY(place->is_run)) {
        place->record = table->records;
        place->raw = (char *)table->start;
        place->raw_size = run_size(unit_from_number(table->unit));
        place->piece = place->raw + table->offset;
        place->size = table->size;
        return true;
    }
    uint32_t index = record_index(table, piece);
    if (UNLIKELY(index >= table->count))
        return false;
    place->record = &table->records[index];
    place->raw = (char *)table->start + (size_t)index * table->object_size;
    place->raw_size = table->object_size;
    place->piece = place->raw + table->front;
    place->size = load_relaxed(&place->record->size);
    return true;
}

bool record_find(const void *address, struct place *place) {
    if (record_find_start(address, place))
        return true;
    units_lock();
    struct unit *unit = units_find(address);
    units_unlock();
    return unit && unit_kind(unit) == UNIT_RUN && record_find_start(unit_address(unit), place);
}

void record_forget_object(void *raw) {
    struct record_table *table = record_table_of(raw);
    struct record *record = table && table->object_size ? &table->records[record_index(table, raw)] : NULL;
    if (record)
        store_release(&record->word, record_word_none(load_relaxed(&record->word))); /* with who looks */
}

void records_visit(void (*visit)(void *context, struct record_table *table), void *context) {
    for (uint32_t part = 0; part < MAP_PARTS; part++) {
        map_entry *entries = load_acquire(&record_map[part]); /* with entry_of() */
        for (uint32_t i = 0; entries && i < PART_UNITS; i++) {
            struct record_table *table = load_acquire(&entries[i]); /* with table_publish() */
            if (table && table->unit - 1 == part * PART_UNITS + i)
                visit(context, table);
        }
    }
}
