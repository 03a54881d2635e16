/* SPDX-License-Identifier: MIT */
/* guard.c: see guard.h. */
#include "checked/guard.h"
#include "base/align.h"
#include "brainmm.h"
#include "checked/settings.h"
#include "checked/detect.h"
#include "checked/zone.h"
#include "heap/run.h"

/* A system may have a limit of mappings, and each run with guard pages is five. Others need some, too. */
#define MAPPINGS_A_RUN 4u
static atomic_u32 guarded_runs;
static size_t guarded_most;

void guards_start(void) { guarded_most = os_mappings_most() / 2 / MAPPINGS_A_RUN; }

bool run_layout(size_t size, size_t alignment, bool at_end, struct run_layout *layout) {
    size_t page = os_facts.page;
    if (size > PTRDIFF_MAX - 4 * page || alignment > PTRDIFF_MAX - 4 * page - size)
        return false;
    layout->alignment = alignment > page ? alignment : page;
    layout->front = layout->alignment;
    layout->body = align_up(size ? size : 1, page);
    layout->total = layout->front + layout->body + page;
    layout->offset = layout->front;
    if (at_end)
        layout->offset +=
            align_down(layout->body - size, alignment > BRAINMM_ALIGNMENT ? alignment : BRAINMM_ALIGNMENT);
    return layout->total <= PTRDIFF_MAX;
}

static size_t front_bytes(const struct place *place) {
    return place->alignment > os_facts.page ? place->alignment : os_facts.page;
}

static char *body_of(const struct place *place) { return place->raw + front_bytes(place); }

static char *front_page(const struct place *place) { return body_of(place) - os_facts.page; }

static char *rear_page(const struct place *place) { return body_of(place) + place->table->body; }

static bool may_be_guarded(void) { return !checked_settings.guard_none && load_relaxed(&guarded_runs) < guarded_most; }

bool guard_run(struct place *place) {
    size_t page = os_facts.page;
    place->table->guarded = false;
    if (may_be_guarded() && os_protect(front_page(place), page, 0)) {
        place->table->guarded = os_protect(rear_page(place), page, 0);
        if (!place->table->guarded && !os_protect(front_page(place), page, BRAINMM_READ | BRAINMM_WRITE))
            return false;
    }
    if (place->table->guarded) {
        add_relaxed(&guarded_runs, 1);
        return true;
    }
    zone_fill(front_page(place), page, FILL_CANARY);
    zone_fill(rear_page(place), page, FILL_CANARY);
    return true;
}

/* Where the zones begin and end that can be written: with the guard pages, if those are not guarded. */
static char *zones_start_of(const struct place *place) {
    return place->table->guarded ? body_of(place) : front_page(place);
}

static char *zones_end_of(const struct place *place) {
    return place->table->guarded ? rear_page(place) : rear_page(place) + os_facts.page;
}

void guard_fill_zones(const struct place *place) {
    char *start = body_of(place), *end = place->piece + place->size;
    zone_fill(start, (size_t)(place->piece - start), FILL_CANARY);
    zone_fill(end, (size_t)(rear_page(place) - end), FILL_CANARY);
}

/* Where the zone before the allocation begins, and how many bytes that and the one behind it have. */
static char *zones(const struct place *place, size_t *gap, size_t *rear) {
    *gap = (size_t)(place->piece - zones_start_of(place));
    *rear = (size_t)(zones_end_of(place) - (place->piece + place->size));
    return zones_start_of(place);
}

static bool rights_are_changed(const struct place *place) {
    return load_relaxed(&unit_at(place->raw)->run.rights_changed) != 0;
}

bool guard_restore_rights(const struct place *place, unsigned rights) {
    return !rights_are_changed(place) || os_protect(body_of(place), place->table->body, rights);
}

/* The first of SIZE bytes at START that can be read and does not have the canary. The program may have taken the right
 * to read them. */
static const char *damage_found(const char *start, size_t size) {
    char copy[1024];
    const char *damage = NULL;
    for (size_t at = 0, part; !damage && at < size; at += part) {
        part = size - at < sizeof copy ? size - at : sizeof copy;
        if (os_peek(copy, start + at, part) && (damage = zone_damage(copy, part, FILL_CANARY)) != NULL)
            damage = start + at + (damage - copy);
    }
    return damage;
}

/* The damage in the zones. */
struct damage {
    const char *before, *behind;
};

/* What the program may have forbidden to write is not mended. False if there is none. */
static bool find_damage(const struct place *place, bool mend, struct damage *damage) {
    size_t gap, rear;
    char *start = zones(place, &gap, &rear), *end = place->piece + place->size;
    bool changed = rights_are_changed(place);
    damage->before = changed ? damage_found(start, gap) : zone_damage(start, gap, FILL_CANARY);
    damage->behind = changed ? damage_found(end, rear) : zone_damage(end, rear, FILL_CANARY);
    bool any = damage->before || damage->behind;
    if (mend && any && !changed) {
        zone_fill(start, gap, FILL_CANARY);
        zone_fill(end, rear, FILL_CANARY);
    }
    return any;
}

static void report(const struct place *place, const struct damage *damage, const char *function) {
    if (damage->before)
        detect(BRAINMM_ERROR_UNDERFLOW, function, damage->before, place);
    if (damage->behind)
        detect(BRAINMM_ERROR_OVERFLOW, function, damage->behind, place);
}

void guard_report(const struct place *place, const char *function) {
    struct damage damage;
    if (find_damage(place, false, &damage))
        report(place, &damage, function);
}

/* The run may go meanwhile. */
static bool seems_damaged(const struct place *place) {
    size_t gap, rear;
    const char *start = zones(place, &gap, &rear);
    return damage_found(start, gap) || damage_found(place->piece + place->size, rear);
}

/* Nobody can free it while its record is held. It may be freed before all is told, so the record is copied. */
bool guard_look(const struct place *place, const char *function) {
    struct damage damage;
    uint32_t word = load_acquire(&place->record->word); /* with record_begin() */
    if (record_state(word) != RECORD_LIVE || !seems_damaged(place))
        return false;
    order_all();
    if (!record_hold(place->record, word))
        return false;
    struct record record = *place->record;
    struct place seen = *place;
    store_relaxed(&record.word, word);
    seen.record = &record;
    bool any = find_damage(&seen, true, &damage);
    record_release(place->record, word);
    if (any)
        report(&seen, &damage, function);
    return any;
}

static size_t whole_pages(const struct place *place) { return align_up(place->raw_size, os_facts.page); }

bool guard_close_run(const struct place *place) { return os_decommit(place->raw, whole_pages(place)); }

bool guard_open_run(const struct place *place) {
    if (!os_commit(place->raw, whole_pages(place)))
        return false;
    if (place->table->guarded)
        subtract_relaxed(&guarded_runs, 1);
    return true;
}

bool guard_remove(const struct place *place) {
    if (!os_protect(place->raw, whole_pages(place), BRAINMM_READ | BRAINMM_WRITE))
        return false;
    if (place->table->guarded)
        subtract_relaxed(&guarded_runs, 1);
    return true;
}
