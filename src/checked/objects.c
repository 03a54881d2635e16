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

COLD void object_report_zones(const struct object_view *object, const char *function) {
    struct place place = place_of(object);
    const char *rear = object->piece + object->size;
    const char *before = zone_damage(object->raw, (size_t)(object->piece - object->raw), FILL_CANARY);
    const char *behind = zone_damage(rear, (size_t)(object->end - rear), FILL_CANARY);
    if (before)
        detect(BRAINMM_ERROR_UNDERFLOW, function, before, &place);
    if (behind)
        detect(BRAINMM_ERROR_OVERFLOW, function, behind, &place);
    object_fill_zones(object);
}

COLD void object_report_fill(const struct object_view *object, const char *function) {
    struct place place = place_of(object);
    const char *damage = zone_damage(object->piece, object->size, FILL_FREED);
    if (damage)
        detect(BRAINMM_ERROR_USE_AFTER_FREE, function, damage, &place);
    object_fill_freed(object);
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

COLD void object_report_young(const struct quarantine *quarantine, const char *function) {
    struct record_table *table = record_table_of(quarantine->young.piece);
    struct object_view object = object_view(table, quarantine->young.piece);
    if (record_state(load_acquire(&object.record->word)) == RECORD_LIVE)
        object_report_zones(&object, function);
}

COLD void object_report_last(const struct quarantine *quarantine, const char *function) {
    struct object_view object = object_view(record_table_of(quarantine->last.piece), quarantine->last.piece);
    object_report_fill(&object, function);
}

static bool is_object(const struct record_table *table) { return table && table->object_size != 0; }

/* Any thread may free it meanwhile. */
static void look_at_run(const void *raw, const char *function) {
    struct place place;
    if (!record_find_start(raw, &place) || !place.is_run || place.raw != raw)
        return;
    uint32_t word = load_acquire(&place.record->word); /* with record_begin() */
    if (record_state(word) != RECORD_LIVE || guard_holds(&place))
        return;
    order_all();
    if (load_acquire(&place.record->word) == word)
        guard_report(&place, function);
}

static void look_at_young(const struct thread_heap *heap, void *raw, const char *function) {
    struct record_table *table = record_table_of(raw);
    if (table && !is_object(table))
        look_at_run(raw, function);
    if (!is_object(table) || load_relaxed(&unit_from_number(table->unit)->owner) != heap)
        return;
    struct object_view object = object_view(table, raw);
    uint32_t word = load_acquire(&object.record->word);
    if (record_state(word) == RECORD_LIVE && !object_zones_hold(&object) && load_acquire(&object.record->word) == word)
        object_report_zones(&object, function);
}

/* Of what waits in this thread's quarantine, nobody else changes anything. */
static void look_at_waiting(void *raw, const char *function) {
    struct record_table *table = record_table_of(raw);
    if (!is_object(table))
        return;
    struct object_view object = object_view(table, raw);
    if (!object_fill_holds(object.piece, object.size))
        object_report_fill(&object, function);
}

void objects_scan_all(struct quarantine *quarantine, const char *function) {
    const struct thread_heap *heap = os_thread_pointer_sure();
    for (uint32_t i = 0; i < quarantine_youngest; i++)
        look_at_young(heap, quarantine->youngest[i], function);
    for (uint32_t i = 0; i < quarantine->count; i++)
        look_at_waiting(quarantined_raw(quarantine->waiting[(quarantine->first + i) % WAITING_MOST]), function);
}
