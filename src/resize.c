/* resize.c: how a run grows, in the order of what it costs:
 *
 *   to the right    into its own room, into free units behind it, into addresses behind the last region
 *   to both sides   ---0000XX000---: 9 wanted take the 3 on the right and the 4 on the left, and the contents slide down.
 *                   Only where little slides: what is large gets room elsewhere, once, and then grows without
 *   with its pages  another place with room to grow; on systems that can, its pages are moved there, not their contents
 *   by copying      to that place, where pages cannot be moved or are few
 *
 * With contents undefined (reget) nothing slides, moves or is copied. Until the last step has succeeded the run is as it
 * was, so a failure leaves it valid. A run that shrinks stays where it is and gives up its room.
 */
#include "instrument.h"
#include "run.h"
#include <string.h>

#define SLIDE_MAX BIG_MAX                  /* contents, unless there is no other way */
#define MOVE_PAGES_MIN ((size_t)256 << 10) /* below, copying is quicker than a call of the system */

static struct resize_counters counters; /* the window's lock guards them */

static void count(uint64_t *counter, size_t bytes) {
    window_lock();
    *counter += bytes;
    window_unlock();
}

void resize_counters_get(struct resize_counters *result) {
    window_lock();
    *result = counters;
    window_unlock();
}

static struct unit *unit_behind(const struct unit *run, size_t units) {
    return unit_from_index(unit_index(run) + (uint32_t)units);
}

static char *address_behind(const struct unit *run, size_t units) { return (char *)run->start + (units << UNIT_SHIFT); }

static bool make_executable(const struct unit *run, void *address, size_t units) {
    return !run_is_executable(run) || os_protect(address, units << UNIT_SHIFT, run_mode_rights(BRAINMM_JIT));
}

static size_t page_round(size_t size) { return (size + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1); }

/* What a run is, changes under the window's lock. */
static void set_size(struct unit *run, size_t size) {
    window_lock();
    run->size = page_round(size);
    window_unlock();
}

static void *shrink(struct unit *run, size_t now, size_t wanted, size_t size) {
    set_size(run, size); /* before what is behind can be another's */
    if (wanted < now) {
        window_drop_room(run);
        run_give_units(unit_behind(run, wanted), now - wanted, run_is_executable(run), false);
        count(&counters.shrunk_bytes, (now - wanted) << UNIT_SHIFT);
    }
    return (void *)run->start;
}

static void *grow_right(struct unit *run, size_t now, size_t wanted, size_t size) {
    size_t from_room, more = wanted - now;
    if (!window_extend(run, now, more, &from_room))
        return NULL;
    if (!make_executable(run, address_behind(run, now), more)) {
        window_drop_room(run);
        window_give(unit_behind(run, now), more);
        return NULL;
    }
    count(&counters.room_bytes, from_room << UNIT_SHIFT);
    count(&counters.right_bytes, (more - from_room) << UNIT_SHIFT);
    size_t from = run->size;
    set_size(run, size);
    run_expect_use(run, from);
    return (void *)run->start;
}

static void *grow_both(struct unit *run, size_t now, size_t wanted, size_t size, bool keep) {
    size_t left = window_extend_both(run, now, wanted - now), right = wanted - now - left;
    if (!left)
        return NULL;
    struct unit *first = unit_from_index(unit_index(run) - (uint32_t)left);
    char *start = (char *)run->start - (left << UNIT_SHIFT);
    if (!make_executable(run, start, wanted)) {
        run_give_units(first, left, run_is_executable(run), false);
        if (right)
            run_give_units(unit_behind(run, now), right, run_is_executable(run), false);
        return NULL;
    }
    if (keep) {
        memmove(start, (void *)run->start, run->size);
        count(&counters.slid_bytes, run->size);
    }
    count(&counters.left_bytes, left << UNIT_SHIFT);
    count(&counters.right_bytes, right << UNIT_SHIFT);
    window_lock();
    unsigned kind = run->kind;
    run->kind = UNIT_NONE;
    first->start = (uintptr_t)start;
    first->size = page_round(size);
    first->attributes = run->attributes;
    first->rights_changed = false;
    atomic_store_explicit(&first->remote, 0, memory_order_relaxed);
    first->kind = (uint8_t)kind;
    window_unlock();
    return start;
}

/* The contents of FROM go to TO. False if that cannot be: they are where they were then, and TO cannot be used. */
static bool transfer(struct unit *to, struct unit *from, size_t size, size_t *moved) {
    char *target = (char *)to->start, *source = (char *)from->start;
    bool lost = false;
    *moved = size >= MOVE_PAGES_MIN ? os_move_pages(target, source, size, &lost) : 0;
    if (lost) {
        memcpy(source, target, *moved);
        return false;
    }
    memcpy(target + *moved, source + *moved, size - *moved);
    count(&counters.moved_bytes, *moved);
    count(&counters.copied_bytes, size - *moved);
    return true;
}

static void *grow_elsewhere(struct unit *run, size_t now, size_t size, bool keep) {
    struct unit *to = run_get_like(run, size);
    size_t moved = 0;
    if (!to)
        return NULL;
    if (keep && !transfer(to, run, run->size, &moved)) {
        window_lock();
        to->kind = UNIT_NONE; /* for ever: its addresses are no longer sure to be ours */
        window_unlock();
        return NULL;
    }
    run_expect_use(to, keep ? run->size : 0);
    if (run->kind == UNIT_RUN)
        INSTRUMENT_FORBID((void *)run->start, run->size);
    bool executable = run_is_executable(run), all_moved = moved == now << UNIT_SHIFT;
    window_lock();
    run->kind = UNIT_NONE;
    window_unlock();
    window_drop_room(run);
    run_give_units(run, now, executable, all_moved);
    return (void *)to->start;
}

void *run_resize(struct unit *run, size_t size, bool keep) {
    if (size > PTRDIFF_MAX - UNIT_SIZE)
        return NULL;
    size_t now = run_units(run->size), wanted = run_units(size);
    if (wanted <= now)
        return shrink(run, now, wanted, size);
    bool slides_little = !keep || run->size <= SLIDE_MAX;
    void *grown = grow_right(run, now, wanted, size);
    if (!grown && slides_little)
        grown = grow_both(run, now, wanted, size, keep);
    if (!grown)
        grown = grow_elsewhere(run, now, size, keep);
    if (!grown && !slides_little)
        grown = grow_both(run, now, wanted, size, keep);
    return grown;
}
