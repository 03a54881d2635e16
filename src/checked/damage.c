/* SPDX-License-Identifier: MIT */
/* damage.c: see damage.h.
 *
 * Other threads go on meanwhile. So a slab is copied by the system, which cannot fault. What seems damaged in the copy
 * is looked at once more: it counts if the object's record says the same before that look as after it. The slab may end
 * meanwhile, and its table be that of another slab.
 */
#include "checked/damage.h"
#include "checked/code.h"
#include "checked/settings.h"
#include "checked/detect.h"
#include "checked/guard.h"
#include "checked/objects.h"
#include "inspect/scan.h"

#define FUNCTION "brainmm_check"

/* What is looked at, and a place for copies. */
struct check {
    char *copy;
    size_t copy_bytes;
    unsigned damaged;
};

/* ---- Objects ---------------------------------------------------------------------------------------------------- */

/* Whether an object that lies at OBJECT's places is as it should be when its bytes are those at COPY. */
static bool holds(const struct object_view *object, uint32_t word, char *copy) {
    struct object_view moved = *object;
    moved.raw = copy;
    moved.piece = copy + (object->piece - object->raw);
    moved.end = copy + (object->end - object->raw);
    if (record_state(word) == RECORD_LIVE)
        return object_zones_hold(&moved);
    return !(word & RECORD_FILLED) || object_fill_holds(moved.piece, moved.size);
}

/* An object as its table describes it now. */
static struct object_view view_of(struct record_table *table, uint32_t index) {
    char *raw = (char *)word_load_relaxed(&table->start) + (size_t)index * table->object_size;
    struct record *record = &table->records[index];
    return (struct object_view){record, raw, raw + table->front, raw + table->object_size, load_relaxed(&record->size)};
}

static bool can_be(const struct object_view *object) {
    return object->piece <= object->end && object->size <= (size_t)(object->end - object->piece);
}

static void look_closely(struct check *check, struct record_table *table, const struct object_view *object,
                         char *copy) {
    uint32_t word = load_acquire(&object->record->word); /* with record_begin() */
    struct object_view now = view_of(table, (uint32_t)(object->record - table->records));
    if (now.raw != object->raw || now.end != object->end || !can_be(&now))
        return;
    if (!os_peek(copy, now.raw, (size_t)(now.end - now.raw)) || holds(&now, word, copy))
        return;
    order_all();
    check->damaged += record_state(word) == RECORD_LIVE ? object_report_live(&now, word, FUNCTION)
                                                        : object_report_fill(&now, word, copy, FUNCTION);
}

static void look_at_slab(struct check *check, struct record_table *table) {
    const char *start = (const char *)word_load_relaxed(&table->start);
    size_t object_size = table->object_size, bytes = (size_t)table->count * object_size;
    if (bytes > check->copy_bytes || !os_peek(check->copy, start, bytes))
        return;
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t word = load_acquire(&table->records[i].word); /* with record_begin() */
        struct object_view object = view_of(table, i);
        char *copy = check->copy + (size_t)i * object_size;
        if (object.raw != start + (size_t)i * object_size || object.end != object.raw + object_size)
            return;
        if (record_state(word) != RECORD_NONE && can_be(&object) && !holds(&object, word, copy))
            look_closely(check, table, &object, copy);
    }
}

/* ---- Runs ------------------------------------------------------------------------------------------------------- */

static void look_at_run(struct check *check, struct record_table *table) {
    struct place place;
    if (record_find_start((void *)table->start, &place) && place.table == table)
        check->damaged += guard_look(&place, FUNCTION);
}

/* ---- All -------------------------------------------------------------------------------------------------------- */

static void look(void *context, struct record_table *table) {
    if (table->object_size)
        look_at_slab(context, table);
    else
        look_at_run(context, table);
}

int BRAINMM_CALL checked_check(void) {
    bool code_is_damaged = code_check(FUNCTION);
    if (checked_settings.tool) /* it looks itself, at each access to other memory */
        return BRAINMM_E_UNSUPPORTED;
    struct check check = {.copy_bytes = (size_t)SLAB_UNITS_LARGE * UNIT_SIZE};
    check.copy = scan_memory_take(check.copy_bytes);
    if (!check.copy)
        return BRAINMM_E_MEMORY;
    records_visit(look, &check);
    scan_memory_give(check.copy, check.copy_bytes);
    return check.damaged || code_is_damaged ? BRAINMM_E_DAMAGED : BRAINMM_OK;
}
