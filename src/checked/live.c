/* SPDX-License-Identifier: MIT */
/* live.c (checked): see checked/live.h. */
#include "checked/live.h"
#include "base/bits.h"
#include "brainmm.h"
#include "heap/run.h"
#include "inspect/scan.h"
#include "slab/size_class.h"

unsigned live_kind(enum family family, unsigned mode, size_t size) {
    if (family == FAMILY_PAGES || family == FAMILY_BLOCK)
        return mode == BRAINMM_JIT ? BRAINMM_JIT_MEMORY : family == FAMILY_PAGES ? BRAINMM_PAGES : BRAINMM_BLOCK;
    return size <= SMALL_KIND_MAX ? BRAINMM_SMALL
           : size <= MEDIUM_MAX   ? BRAINMM_MEDIUM
           : size <= BIG_MAX      ? BRAINMM_BIG
                                  : BRAINMM_LARGE;
}

static bool describe(const struct place *place, struct live_detail *detail, struct live_row *row) {
    uint32_t word = load_acquire(&place->record->word); /* with enter() */
    enum family family = record_family(word);
    if (record_state(word) != RECORD_LIVE)
        return false;
    detail->size = place->size;
    detail->thread_id = family <= FAMILY_NEW_ARRAY ? load_relaxed(&place->record->thread) : 0;
    detail->stack = load_relaxed(&place->record->stack);
    detail->serial = word / RECORD_SERIAL;
    detail->kind = (uint8_t)live_kind(family, record_mode(word), place->size);
    row->kind = detail->kind;
    row->mode = (uint8_t)record_mode(word);
    row->alignment = family == FAMILY_PAGES   ? BRAINMM_PAGE_SIZE
                     : family == FAMILY_BLOCK ? place->size
                                              : place->alignment;
    return true;
}

/* The raw pieces of a row that belong to a live allocation, and what is known of each. Others are freed allocations in
 * quarantine, or the heap's own. */
static void translate(struct live_row *row, uint64_t *live, struct live_detail *details) {
    bool is_piece = row->kind <= BRAINMM_LARGE;
    char *raw = (char *)row->start;
    struct place place = {0};
    size_t offset = 0;
    for (size_t at = 0; is_piece && (at = bits_find_set(live, at, row->places)) < row->places; at++) {
        bool known = record_find_start(raw + at * row->stride, &place) && describe(&place, &details[at], row);
        if (known)
            offset = (size_t)(place.piece - place.raw);
        else
            bits_clear(live, at, 1);
    }
    if (is_piece) {
        row->start += offset;
        row->details = details;
    }
}

void live_start(void) { scan_translate = translate; }
