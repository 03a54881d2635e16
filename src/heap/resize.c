/* SPDX-License-Identifier: MIT */
/* resize.c: how a run grows, in the order of what it costs:
 *
 *   to the right    into its own headroom, into free units behind it, into addresses behind the last region
 *   to both sides   ---0000XX000---: 9 wanted take the 3 on the right and the 4 on the left. The contents slide.
 *                   Only where these are few: a large run goes elsewhere once, and then grows into headroom
 *   with its pages  another place with headroom. On systems that can, its pages are moved there, not their contents
 *   by copying      to that place, where pages cannot be moved or are few
 *
 * If the contents become undefined (reget), nothing slides, moves or is copied. Until the last step has succeeded the
 * run is as it was, so a failure leaves it valid. A run that shrinks stays where it is and gives up its headroom.
 */
#include "heap/resize.h"
#include "base/align.h"
#include "memory/instrument.h"
#include <string.h>

#define MOVE_PAGES_MIN ((size_t)128 << 10) /* below, copying is quicker than a call of the system */
/* Bytes of contents that slide, unless there is no other way. To slide is to copy, and touches all pages. */
#define SLIDE_MAX (os_facts.moves_pages ? MOVE_PAGES_MIN : BIG_MAX)

/* One resize: RUN has NOW units and shall have WANTED, for SIZE bytes. */
struct resize {
    struct unit *run;
    size_t now, wanted, size;
    enum contents contents;
};

static struct { atomic_u64 grown_right, grown_left, grown_headroom, slid, moved, copied, shrunk; } counters;

static void count_bytes(atomic_u64 *counter, size_t bytes) { add_relaxed(counter, bytes); }

void resize_counters_get(struct resize_counters *result) {
    *result = (struct resize_counters){
        .grown_right = load_relaxed(&counters.grown_right),
        .grown_left = load_relaxed(&counters.grown_left),
        .grown_headroom = load_relaxed(&counters.grown_headroom),
        .slid = load_relaxed(&counters.slid),
        .moved = load_relaxed(&counters.moved),
        .copied = load_relaxed(&counters.copied),
        .shrunk = load_relaxed(&counters.shrunk),
    };
}

static struct unit *unit_behind(const struct unit *run, size_t units) {
    return unit_from_number(unit_number(run) + (uint32_t)units);
}

static size_t rounded(const struct unit *run, size_t size) {
    size_t colour = run_colour(run);
    return unit_kind(run) == UNIT_RUN ? align_up(colour + size, os_facts.page) - colour : size;
}

static void set_size(struct unit *run, size_t size) { run_set_size(run, rounded(run, size)); }

static enum run_rest rest_of(const struct unit *run) {
    return run_is_executable(run) ? RUN_OTHER_RIGHTS : RUN_ORDINARY;
}

static void *shrink(const struct resize *r) {
    set_size(r->run, r->size); /* before what lies behind can be another's */
    if (r->wanted < r->now) {
        units_drop_headroom(r->run);
        run_give_units(unit_behind(r->run, r->wanted), r->now - r->wanted, 1, rest_of(r->run));
        count_bytes(&counters.shrunk, units_bytes(r->now - r->wanted));
    }
    return (void *)r->run->start;
}

static void *grow_right(const struct resize *r) {
    size_t from_headroom, more = r->wanted - r->now;
    if (!units_extend(r->run, r->now, more, &from_headroom))
        return NULL;
    if (!run_make_executable(r->run, unit_address(unit_behind(r->run, r->now)), units_bytes(more))) {
        units_drop_headroom(r->run);
        units_give(unit_behind(r->run, r->now), more, UNITS_SPARSE, UNITS_WITH_MEMORY, UNITS_WAIT);
        return NULL;
    }
    count_bytes(&counters.grown_headroom, units_bytes(from_headroom));
    count_bytes(&counters.grown_right, units_bytes(more - from_headroom));
    size_t from = run_size(r->run);
    set_size(r->run, r->size);
    run_expect_use(r->run, from);
    return (void *)r->run->start;
}

/* The run begins with FIRST from now on. */
static void move_start(struct unit *first, struct unit *run, size_t size) {
    units_lock();
    enum unit_kind kind = unit_kind(run);
    first->start = (uintptr_t)unit_address(first) + run_colour(run);
    run_set_size(first, rounded(run, size));
    store_relaxed(&first->run.mode, (uint8_t)run_mode(run));
    store_relaxed(&first->run.alignment, load_relaxed(&run->run.alignment));
    store_relaxed(&first->run.rights_changed, false);
    first->run.is_new = false;
    link_set(&first->run.headroom, 0);
    unit_set_kind(run, UNIT_NONE);
    unit_set_kind(first, kind);
    units_unlock();
}

static void *grow_both(const struct resize *r) {
    struct unit *run = r->run;
    size_t alignment = run_units(run_alignment(run));
    size_t left = units_extend_both(run, r->now, r->wanted - r->now, alignment), right = r->wanted - r->now - left;
    if (!left)
        return NULL;
    struct unit *first = unit_from_number(unit_number(run) - (uint32_t)left);
    char *start = (char *)unit_address(first) + run_colour(run);
    if (!run_make_executable(run, unit_address(first), units_bytes(r->wanted))) {
        run_give_units(first, left, 1, rest_of(run));
        if (right)
            run_give_units(unit_behind(run, r->now), right, 1, rest_of(run));
        return NULL;
    }
    if (r->contents == CONTENTS_KEPT) {
        memmove(start, (void *)run->start, run_size(run));
        count_bytes(&counters.slid, run_size(run));
    }
    count_bytes(&counters.grown_left, units_bytes(left));
    count_bytes(&counters.grown_right, units_bytes(right));
    move_start(first, run, r->size);
    return start;
}

/* The contents of FROM go to TO, which begins at the same offset in its first page. False if that cannot be: they are
 * then where they were, and TO cannot be used. */
static bool transfer(struct unit *to, struct unit *from, size_t size, size_t *moved) {
    char *target = unit_address(to), *source = unit_address(from);
    size_t colour = run_colour(from), whole = colour + size;
    bool lost = false;
    *moved = whole >= MOVE_PAGES_MIN ? os_move_pages(target, source, align_down(whole, os_facts.page), &lost) : 0;
    if (lost) {
        memcpy(source, target, *moved);
        return false;
    }
    size_t at = *moved ? *moved : colour;
    memcpy(target + at, source + at, whole - at);
    count_bytes(&counters.moved, *moved);
    count_bytes(&counters.copied, whole - at);
    return true;
}

static void *grow_elsewhere(const struct resize *r) {
    struct unit *run = r->run, *to = run_take_like(run, rounded(run, r->size));
    size_t moved = 0;
    bool keep = r->contents == CONTENTS_KEPT;
    if (!to)
        return NULL;
    if (keep && !transfer(to, run, run_size(run), &moved)) {
        units_drop_headroom(to);
        units_forget(to, r->wanted);
        return NULL;
    }
    run_expect_use(to, keep ? run_size(run) : 0);
    if (unit_kind(run) == UNIT_RUN)
        INSTRUMENT_FORBID((void *)run->start, run_size(run));
    enum run_rest rest;
    if (run_end(run, unit_kind(to), &rest)) /* if it has its own rights, they may have stayed there */
        run_give_units(run, r->now, 1, moved == units_bytes(r->now) && rest == RUN_ORDINARY ? RUN_MOVED_AWAY : rest);
    return (void *)to->start;
}

void *run_resize(struct unit *run, size_t size, enum contents contents) {
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return NULL;
    struct resize resize = {run, run_units(run_size(run)), run_units(run_colour(run) + size), size, contents};
    if (resize.wanted <= resize.now)
        return shrink(&resize);
    bool slides_little = contents == CONTENTS_UNDEFINED || run_size(run) <= SLIDE_MAX;
    void *grown = grow_right(&resize);
    if (!grown && slides_little)
        grown = grow_both(&resize);
    if (!grown)
        grown = grow_elsewhere(&resize);
    if (!grown && !slides_little)
        grown = grow_both(&resize);
    return grown;
}
