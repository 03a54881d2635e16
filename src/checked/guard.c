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

static bool protect_guards(const struct place *place) {
    size_t page = os_facts.page;
    if (checked_settings.guard_none || load_relaxed(&guarded_runs) >= guarded_most ||
        !os_protect(front_page(place), page, 0))
        return false;
    if (os_protect(rear_page(place), page, 0))
        return true;
    os_protect(front_page(place), page, BRAINMM_READ | BRAINMM_WRITE);
    return false;
}

void guard_run(struct place *place) {
    place->table->guarded = protect_guards(place);
    if (place->table->guarded) {
        add_relaxed(&guarded_runs, 1);
        return;
    }
    zone_fill(front_page(place), os_facts.page, FILL_CANARY);
    zone_fill(rear_page(place), os_facts.page, FILL_CANARY);
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
static const char *zones(const struct place *place, size_t *gap, size_t *rear) {
    *gap = (size_t)(place->piece - zones_start_of(place));
    *rear = (size_t)(zones_end_of(place) - (place->piece + place->size));
    return zones_start_of(place);
}

void guard_report(const struct place *place, const char *function) {
    size_t gap, rear;
    const char *start = zones(place, &gap, &rear);
    const char *before = zone_damage(start, gap, FILL_CANARY);
    const char *behind = zone_damage(place->piece + place->size, rear, FILL_CANARY);
    if (before)
        detect(BRAINMM_ERROR_UNDERFLOW, function, before, place);
    if (behind)
        detect(BRAINMM_ERROR_OVERFLOW, function, behind, place);
    if (!before && !behind)
        return;
    zone_fill((char *)(uintptr_t)start, gap, FILL_CANARY);
    zone_fill(place->piece + place->size, rear, FILL_CANARY);
}

/* Whether SIZE bytes at START have the canary, or cannot be read. */
static bool holds(const char *start, size_t size) {
    char copy[1024];
    bool holds = true;
    for (size_t at = 0, part; holds && at < size; at += part) {
        part = size - at < sizeof copy ? size - at : sizeof copy;
        holds = !os_peek(copy, start + at, part) || !zone_damage(copy, part, FILL_CANARY);
    }
    return holds;
}

bool guard_holds(const struct place *place) {
    size_t gap, rear;
    const char *start = zones(place, &gap, &rear);
    return holds(start, gap) && holds(place->piece + place->size, rear);
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
