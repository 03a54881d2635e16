/* SPDX-License-Identifier: MIT */
/* objects.c: see objects.h. */
#include "checked/objects.h"
#include "brainmm.h"
#include "checked/detect.h"
#include "checked/guard.h"
#include "heap/piece.h"

static struct place place_of(const struct object_view *object) {
    return (struct place){
        .record = object->record,
        .raw = object->raw,
        .raw_size = (size_t)(object->end - object->raw),
        .piece = object->piece,
        .size = object->size,
    };
}

static void report_zones(const struct object_view *object, const char *before, const char *behind,
                         const char *function) {
    struct place place = place_of(object);
    if (before)
        detect(BRAINMM_ERROR_UNDERFLOW, function, before, &place);
    if (behind)
        detect(BRAINMM_ERROR_OVERFLOW, function, behind, &place);
}

static const char *damage_before(const struct object_view *object) {
    return zone_damage(object->raw, (size_t)(object->piece - object->raw), FILL_CANARY);
}

static const char *damage_behind(const struct object_view *object) {
    const char *rear = object->piece + object->size;
    return zone_damage(rear, (size_t)(object->end - rear), FILL_CANARY);
}

COLD void object_report_zones(const struct object_view *object, const char *function) {
    report_zones(object, damage_before(object), damage_behind(object), function);
}

/* Nobody can free it while its record is held. It may be freed before all is told, so the record is copied. */
COLD bool object_report_live(const struct object_view *object, uint32_t word, const char *function) {
    if (!record_hold(object->record, word))
        return false;
    struct record record = *object->record;
    struct object_view seen = *object;
    store_relaxed(&record.word, word);
    seen.record = &record;
    seen.size = load_relaxed(&record.size);
    const char *before = damage_before(&seen), *behind = damage_behind(&seen);
    if (before || behind)
        object_fill_zones(&seen);
    record_release(object->record, word);
    report_zones(&seen, before, behind, function);
    return before || behind;
}

COLD bool object_report_fill(const struct object_view *object, uint32_t word, const char *bytes, const char *function) {
    struct record record = *object->record;
    struct object_view seen = *object;
    const char *damage = zone_damage(bytes + (object->piece - object->raw), object->size, FILL_FREED);
    if (!damage || !record_hold(object->record, word))
        return false;
    store_relaxed(&record.word, word);
    seen.record = &record;
    struct place place = place_of(&seen);
    if (quarantine_has(quarantine_own(), object->raw)) { /* nobody else can end that */
        object_fill_freed(object);
        store_release(&object->record->word, word); /* with who looks */
    }
    detect(BRAINMM_ERROR_USE_AFTER_FREE, function, object->raw + (damage - bytes), &place);
    return true;
}

COLD void object_release(void *raw) { piece_free_hidden(raw); }

void objects_slab_ends(struct record_table *table) {
    struct quarantine *quarantine = quarantine_own();
    for (uint32_t i = 0; quarantine && i < table->count; i++) {
        struct object_view object = object_view(table, (char *)table->start + (size_t)i * table->object_size);
        if (!(load_relaxed(&object.record->word) & RECORD_FILLED) || object_fill_holds(object.piece, object.size))
            continue;
        quarantine->pending.place = place_of(&object);
        quarantine->pending.record = *object.record;
        quarantine->pending.address = zone_damage(object.piece, object.size, FILL_FREED);
    }
}

COLD void object_report_pending(struct quarantine *quarantine, const char *function) {
    const char *address = quarantine->pending.address;
    quarantine->pending.place.record = &quarantine->pending.record;
    quarantine->pending.address = NULL;
    detect(BRAINMM_ERROR_USE_AFTER_FREE, function, address, &quarantine->pending.place);
}

/* ---- Looking ---------------------------------------------------------------------------------------------------- */

static bool is_object(const struct record_table *table) { return table && table->object_size != 0; }

/* The thread owns the slab, so the memory stays. */
static void look_at_live(struct record_table *table, const void *address, const char *function) {
    struct object_view object = object_view(table, address);
    uint32_t word = load_acquire(&object.record->word);
    if (record_state(word) == RECORD_LIVE && !object_zones_hold(&object))
        object_report_live(&object, word, function);
}

/* What waits in this thread's quarantine ends when this thread says so. */
static void look_at_waiting(void *raw, const char *function) {
    struct record_table *table = record_table_of(raw);
    if (!is_object(table))
        return;
    struct object_view object = object_view(table, raw);
    uint32_t word = load_acquire(&object.record->word);
    if (word & RECORD_FILLED && !object_fill_holds(object.piece, object.size))
        object_report_fill(&object, word, object.raw, function);
}

COLD void object_report_young(const struct quarantine *quarantine, const char *function) {
    struct record_table *table = record_table_of(quarantine->young.piece);
    look_at_live(table, quarantine->young.piece, function);
}

COLD void object_report_last(const struct quarantine *quarantine, const char *function) {
    look_at_waiting(quarantine->last.raw, function);
}

/* Any thread may free it meanwhile. */
static void look_at_run(const void *raw, const char *function) {
    struct place place;
    if (!record_find_start(raw, &place) || !place.is_run || place.raw != raw)
        return;
    guard_look(&place, function);
}

static void look_at_young(const struct thread_heap *heap, void *raw, const char *function) {
    struct record_table *table = record_table_of(raw);
    if (table && !is_object(table))
        look_at_run(raw, function);
    if (!is_object(table) || load_relaxed(&unit_from_number(table->unit)->owner) != heap)
        return;
    look_at_live(table, raw, function);
}

void objects_scan_all(struct quarantine *quarantine, const char *function) {
    const struct thread_heap *heap = os_thread_pointer_sure();
    for (uint32_t i = 0; i < quarantine_youngest; i++)
        look_at_young(heap, quarantine->youngest[i], function);
    for (uint32_t i = 0; i < quarantine->count; i++)
        look_at_waiting(quarantined_raw(quarantine->waiting[(quarantine->first + i) % WAITING_MOST]), function);
}
