/* SPDX-License-Identifier: MIT */
/* objects.h: allocations of checked mode that are objects of slabs: how they begin and end. This is where the time of
 * checked mode goes.
 *
 * An allocation: the object's bytes still have the fill of freed memory, or somebody has written to them. They get the
 * fill of new memory, the zones get the canary, the record says what the object is now.
 *
 * A free: one compare-exchange of the record's word, from live to freed, decides. Of two threads that free the same
 * object, exactly one wins. The zones still have the canary, or the program has written to them. The object gets the
 * fill of freed memory, and waits in quarantine.
 */
#ifndef BRAINMM_OBJECTS_H
#define BRAINMM_OBJECTS_H

#include "checked/settings.h"
#include "checked/quarantine.h"
#include "checked/zone.h"

#define REAR_LEAST 1u /* bytes of canary behind an object */

/* What an object is. */
struct object_view {
    struct record *record;
    char *raw, *piece, *end;
    size_t size;
};

/* Of the object that ADDRESS lies in. */
static inline struct object_view object_view(struct record_table *table, const void *address) {
    uint32_t index = record_index(table, address);
    struct record *record = &table->records[index];
    char *raw = (char *)table->start + (size_t)index * table->object_size;
    return (struct object_view){record, raw, raw + table->front, raw + table->object_size, load_relaxed(&record->size)};
}

/* Reports what is wrong with the zones of an object that the caller has freed. */
void object_report_zones(const struct object_view *object, const char *function);

/* The zones of a live object seem damaged, whose record had WORD before the caller looked; other threads may free it.
 * Reports what is wrong with them, and mends it. False if nothing is, or the object is no longer that one. */
bool object_report_live(const struct object_view *object, uint32_t word, const char *function);

/* The fill of a freed object seems damaged, whose record had WORD before BYTES were read, the object's or a copy.
 * Reports that, and mends what waits in this thread's quarantine; at the rest, nobody looks again. False if it has been
 * reported, or the object is no longer that one. */
bool object_report_fill(const struct object_view *object, uint32_t word, const char *bytes, const char *function);

/* The processor gets the bytes of an object before they are needed, all at once. */
#define FETCH_LINE 64u
#define FETCH_LEAST 256u  /* of a shorter one, the first look takes what matters */
#define FETCH_BYTES 1024u /* of a longer one, the processor sees itself what comes next */

static inline void object_fetch(const struct record_table *table, const char *raw) {
    size_t size = table->object_size < FETCH_BYTES ? table->object_size : FETCH_BYTES;
    if (size >= FETCH_LEAST)
        for (size_t offset = 0; offset < size; offset += FETCH_LINE)
            __builtin_prefetch(raw + offset, 1);
}

/* ---- Zones and fills -------------------------------------------------------------------------------------------- */

static inline void object_fill_zones(const struct object_view *object) {
    char *rear = object->piece + object->size;
    blocks_fill(object->raw, object->piece, FILL_CANARY);
    if (LIKELY(object->end - rear <= 16))
        rear_fill(object->end, (size_t)(object->end - rear));
    else
        zone_fill(rear, (size_t)(object->end - rear), FILL_CANARY);
}

static inline __attribute__((always_inline)) bool object_zones_hold(const struct object_view *object) {
    char *rear = object->piece + object->size;
    bool holds = blocks_have(object->raw, object->piece, FILL_CANARY);
    return LIKELY(object->end - rear <= 16) ? holds && rear_has(object->end, (size_t)(object->end - rear))
                                            : holds && !zone_damage(rear, (size_t)(object->end - rear), FILL_CANARY);
}

/* All of a new object, before its zones get theirs. */
static inline void object_fill_new(const struct object_view *object, enum fill fill) {
    blocks_fill(object->piece, object->end, fill);
}

static inline __attribute__((always_inline)) void object_fill_freed(const struct object_view *object) {
    char *rear = object->piece + object->size, *whole = object->piece + (object->size & ~(size_t)15);
    blocks_fill(object->piece, whole, FILL_FREED);
    if (rear != whole)
        front_fill(whole, (size_t)(rear - whole), FILL_FREED);
}

static inline __attribute__((always_inline)) bool object_fill_holds(const char *piece, size_t size) {
    const char *whole = piece + (size & ~(size_t)15);
    return blocks_have(piece, whole, FILL_FREED) && (size % 16 == 0 || front_has(whole, size % 16, FILL_FREED));
}

/* ---- Looking ---------------------------------------------------------------------------------------------------- */

/* Looks at all that `scan` asks for. FUNCTION is named in reports, as by the functions below. */
void objects_scan_all(struct quarantine *quarantine, const char *function);

void object_report_young(const struct quarantine *quarantine, const char *function);
void object_report_last(const struct quarantine *quarantine, const char *function);
void object_report_pending(struct quarantine *quarantine, const char *function);

/* So that an error is found although the program frees nothing more: the calling thread's youngest object, and the one
 * that it freed last. As long as the thread owns the slab, it alone can end it. So the memory stays readable although
 * another thread may free the object now. What that changes is no damage. */
static inline void objects_look(struct quarantine *quarantine, const struct thread_heap *heap, const char *function) {
    const struct record *record = quarantine->young.record;
    if (record && record_state(load_acquire(&record->word)) == RECORD_LIVE &&
        load_relaxed(&quarantine->young.slab->owner) == heap) {
        char *piece = quarantine->young.piece;
        struct object_view object = {NULL, piece - 16, piece, quarantine->young.end, load_relaxed(&record->size)};
        if (UNLIKELY(!object_zones_hold(&object)))
            object_report_young(quarantine, function);
    }
    if (quarantine->last.size != 0 && UNLIKELY(!object_fill_holds(quarantine->last.piece, quarantine->last.size)))
        object_report_last(quarantine, function);
    if (UNLIKELY(quarantine->pending.address != NULL))
        object_report_pending(quarantine, function);
    if (UNLIKELY(quarantine_youngest > 1))
        objects_scan_all(quarantine, function);
}

/* For records_start(): the last look at what was freed in a slab. */
void objects_slab_ends(struct record_table *table);

/* Frees the object at RAW for good. */
void object_release(void *raw);

/* ---- Beginning and end ------------------------------------------------------------------------------------------ */

/* The heap knows the id of its thread, also after a fork. */
static inline uint32_t object_thread_id(const struct thread_heap *heap) {
    uint32_t id = heap ? (uint32_t)load_relaxed(&heap->thread_id) : 0;
    return LIKELY(id != 0) ? id : (uint32_t)os_thread_id();
}

/* The stack of the call, as CHECKED_ENTRY() has noted it. */
static inline uint32_t object_stack(const struct thread_heap *heap) {
    return heap && heap->quarantine ? heap->quarantine->stack : 0;
}

/* What a record's word gets for a new allocation. */
static inline uint32_t record_word_of(enum family family, unsigned mode) {
    return RECORD_LIVE | (uint32_t)family << RECORD_FAMILY_SHIFT | mode << RECORD_MODE_SHIFT;
}

/* The allocation begins: from here on others find it. */
static inline void record_begin(struct record *record, const struct thread_heap *heap, uint32_t before, uint32_t word) {
    store_relaxed(&record->thread, object_thread_id(heap));
    if (UNLIKELY(checked_settings.frames))
        store_relaxed(&record->stack, object_stack(heap));
    store_release(&record->word, (before & ~(RECORD_SERIAL - 1)) + RECORD_SERIAL + word); /* with who looks */
}

/* An object of SIZE bytes begins in the raw piece at RAW, of TABLE's slab, behind a zone of FRONT bytes. */
static inline __attribute__((always_inline)) void *object_begin(struct thread_heap *heap, struct record_table *table,
                                                                char *raw, size_t front, size_t size, enum fill fill,
                                                                uint32_t word, const char *function) {
    struct record *record = &table->records[record_index(table, raw)];
    struct object_view object = {record, raw, raw + front, raw + table->object_size, load_relaxed(&record->size)};
    struct quarantine *quarantine = heap ? heap->quarantine : NULL;
    uint32_t before = load_relaxed(&object.record->word);
    if (before & RECORD_FILLED) {
        if (UNLIKELY(!object_fill_holds(object.piece, object.size)))
            object_report_fill(&object, before, object.raw, function);
        store_relaxed(&record->word, before & ~RECORD_FILLED);
        store_order(); /* who looks must not take what is stored from here on for damage */
    }
    object.size = size;
    object_fill_new(&object, fill);
    object_fill_zones(&object);
    store_relaxed(&object.record->size, (uint32_t)size);
    record_begin(object.record, heap, before, word);
    if (LIKELY(quarantine != NULL)) {
        quarantine->young.record = object.piece - object.raw == 16 ? object.record : NULL; /* what the look assumes */
        quarantine->young.piece = object.piece;
        quarantine->young.end = object.end;
        quarantine->young.slab = unit_from_number(table->unit);
        quarantine_note_young(quarantine, object.raw);
    }
    return object.piece;
}

/* The object has ended: its record says so. */
static inline __attribute__((always_inline)) void object_end(struct thread_heap *heap, const struct object_view *object,
                                                             const char *function) {
    struct record *record = object->record;
    store_relaxed(&record->freed_thread, object_thread_id(heap));
    if (UNLIKELY(checked_settings.frames))
        store_relaxed(&record->freed_stack, object_stack(heap));
    if (UNLIKELY(!object_zones_hold(object)))
        object_report_zones(object, function);
    object_fill_freed(object);
    store_release(&record->word, load_relaxed(&record->word) | RECORD_FILLED); /* with who looks */
    struct quarantine *quarantine = heap ? heap->quarantine : NULL;
    if (LIKELY(quarantine != NULL)) {
        quarantine->last.raw = object->raw;
        quarantine->last.piece = object->piece;
        quarantine->last.size = object->size;
        quarantine_put(quarantine, quarantined_of(object->raw, (size_t)(object->end - object->raw)));
    } else {
        object_release(object->raw);
    }
}

#endif
