/* SPDX-License-Identifier: MIT */
/* zero.c: see zero.h.
 *
 * Places are handed out in turn. So an address that was freed comes back late, and a second free of it is noticed.
 */
#include "heap/zero.h"
#include "base/align.h"
#include "base/atomic.h"
#include "os.h"
#include "sync/lock.h"

#define STEP 16u
#define PLACES (UINTPTR_MAX > 0xFFFFFFFFu ? 16384u : 4096u) /* 32 bit has few addresses */
#define RANGE ((size_t)PLACES * STEP)

/* What is at a place. A piece is there as log2 of its alignment, which is 4 or more. */
enum { NEVER = 0, FREED = 1 };
static atomic_u8 places[PLACES];

static atomic_word range_start; /* 0: not reserved yet */
static atomic_u32 turn;         /* of places */
static atomic_u32 live;
static atomic_u64 changes;

static bool is_live(unsigned state) { return state > FREED; }

/* Two threads may reserve it at the same time. */
static uintptr_t range_get(void) {
    uintptr_t start = load_relaxed(&range_start), nothing = 0;
    if (start != 0)
        return start;
    void *made = os_reserve_untouchable(RANGE, RANGE);
    if (!made)
        return 0;
    if (exchange_if_acquire(&range_start, &nothing, (uintptr_t)made)) /* no order is needed: it has no contents */
        return (uintptr_t)made;
    os_release(made, RANGE);
    return nothing;
}

void *zero_alloc(size_t alignment) {
    size_t step = alignment / STEP, count = PLACES / step;
    uintptr_t start = count != 0 && load_relaxed(&live) < PLACES ? range_get() : 0;
    if (start == 0)
        return NULL;
    size_t first = add_relaxed(&turn, 1);
    for (size_t i = 0; i < count; i++) {
        size_t place = (first + i) % count * step;
        uint8_t state = load_relaxed(&places[place]);
        if (is_live(state) || !exchange_if_acquire(&places[place], &state, (uint8_t)log2_of(alignment)))
            continue;
        add_relaxed(&live, 1);
        add_relaxed(&changes, 1);
        return (void *)(start + place * STEP);
    }
    return NULL;
}

/* The state of the place that ADDRESS is; NULL if it is none. */
static atomic_u8 *place_of(const void *address) {
    uintptr_t start = load_relaxed(&range_start), offset = (uintptr_t)address - start;
    return start != 0 && offset < RANGE && offset % STEP == 0 ? &places[offset / STEP] : NULL;
}

int zero_free(const void *piece) {
    atomic_u8 *place = place_of(piece);
    uint8_t state = place ? load_relaxed(place) : NEVER;
    if (!is_live(state))
        return state == FREED ? BRAINMM_E_DOUBLE_FREE : BRAINMM_E_POINTER;
    if (!exchange_if_acquire(place, &state, FREED))
        return BRAINMM_E_DOUBLE_FREE;
    subtract_relaxed(&live, 1);
    add_relaxed(&changes, 1);
    return BRAINMM_OK;
}

size_t zero_alignment(const void *address) {
    atomic_u8 *place = place_of(address);
    unsigned state = place ? load_relaxed(place) : NEVER;
    return is_live(state) ? (size_t)1 << state : 0;
}

bool zero_touches(const void *address, size_t size) {
    uintptr_t start = load_relaxed(&range_start), from = (uintptr_t)address;
    return start != 0 && from < start + RANGE && (from >= start || size > start - from);
}

uintptr_t zero_start(void) {
    uintptr_t start = load_relaxed(&range_start);
    return start ? start : UINTPTR_MAX;
}

size_t zero_reserved(void) { return load_relaxed(&range_start) ? RANGE : 0; }

uint64_t zero_changes(void) { return load_relaxed(&changes); }

/* A row for those of one alignment among the places from FIRST on. Returns where the next row begins. */
static size_t visit_row(size_t first, live_visit *visit, void *context) {
    uint64_t bits = 0;
    unsigned alignment = 0;
    size_t place = first;
    for (; place < PLACES && place < first + 64; place++) {
        unsigned state = load_relaxed(&places[place]);
        if (!is_live(state))
            continue;
        if (alignment != 0 && state != alignment)
            break;
        alignment = state;
        bits |= (uint64_t)1 << (place - first);
    }
    struct live_row row = {.start = load_relaxed(&range_start) + first * STEP,
                           .stride = STEP,
                           .alignment = (size_t)1 << alignment,
                           .places = (unsigned)(place - first),
                           .live = &bits,
                           .bin = LIVE_NO_BIN,
                           .kind = BRAINMM_SMALL};
    if (bits != 0)
        visit(context, &row);
    return place;
}

void zero_visit(live_visit *visit, void *context) {
    for (size_t place = 0; load_relaxed(&live) != 0 && place < PLACES;)
        place = visit_row(place, visit, context);
}

bool zero_is_consistent(void) {
    uint32_t found = 0;
    for (size_t place = 0; place < PLACES; place++)
        found += is_live(load_relaxed(&places[place]));
    return found == load_relaxed(&live) || locks_were_cut();
}
