/* SPDX-License-Identifier: MIT */
/* report.c: see report.h. */
#include "heap/report.h"
#include "base/compiler.h"
#include "base/text.h"
#include "heap/blocks.h"
#include "heap/jit.h"
#include "heap/zero.h"
#include "slab/slab.h"
#include "sync/error.h"

#define TEXT_MOST 320u

/* ---- What lies at an address ------------------------------------------------------------------------------------ */

struct place {
    const char *what;
    const void *start; /* NULL: it is no allocation */
    size_t size;
};

/* The slab may end meanwhile. Then this is what it was. */
static struct place place_in_slab(const struct unit *slab, const void *address) {
    size_t size = slab_object_size(slab), index = ((uintptr_t)address - (uintptr_t)unit_address(slab)) / size;
    const char *start = (const char *)unit_address(slab) + index * size;
    struct object object;
    if (index >= slab_carved(slab) || !os_peek(&object, start, sizeof object))
        return (struct place){"memory of the heap that was never handed out", NULL, 0};
    return (struct place){object_is_free(&object, slab) ? "a free piece" : "a live piece", start, size};
}

/* UNIT is the first one of what ADDRESS belongs to. Under the locks. */
static struct place place_in_unit(const struct unit *unit, const void *address) {
    struct place place = {NULL, (const void *)unit->start, run_size(unit)};
    switch (unit_kind(unit)) {
    case UNIT_SLAB: return place_in_slab(unit, address);
    case UNIT_RUN: place.what = "a live piece"; break;
    case UNIT_PAGES: place.what = "a run of pages"; break;
    case UNIT_BLOCK: place.what = "a block"; break;
    case UNIT_JIT: place.what = "memory for code"; break;
    case UNIT_BLOCKS:
        place.what = "a block";
        place.start = block_start_in(unit, address);
        break;
    default: break;
    }
    bool inside = place.start && (uintptr_t)address - (uintptr_t)place.start < place.size;
    return place.what && inside ? place : (struct place){"free memory of the heap", NULL, 0};
}

static struct place place_of(const void *address) {
    struct place place = {"not of this heap", NULL, 0};
    brainmm_options options;
    if (zero_touches(address, 1)) {
        bool live = zero_alignment(address) != 0;
        place.what = live ? "a live piece" : "where pieces of size 0 are";
        place.start = live ? address : NULL;
        return place;
    }
    if (jit_describe(address, &options))
        return (struct place){"a piece of code", address, options.size};
    blocks_lock();
    units_lock();
    const struct unit *unit = units_find(address);
    if (unit)
        place = place_in_unit(unit, address);
    else if (units_touch(address, 1))
        place.what = "free memory of the heap";
    units_unlock();
    blocks_unlock();
    return place;
}

/* ---- Reports ---------------------------------------------------------------------------------------------------- */

static void add_place(struct text *text, const struct place *place, const void *address) {
    bool inside = place->start && place->start != address;
    text_add(text, inside ? ", inside " : ", ");
    text_add(text, place->what);
    if (place->start) {
        text_add(text, " of ");
        text_add_decimal(text, place->size);
        text_add(text, " bytes");
    }
    if (inside) {
        text_add(text, " at 0x");
        text_add_hex(text, (uintptr_t)place->start);
    }
}

static void report(brainmm_error *error, const char *more, void (*to)(brainmm_error *error)) {
    char buffer[TEXT_MOST];
    struct text text = TEXT_IN(buffer);
    struct place place = place_of(error->address);
    error->piece = place.start;
    error->size = place.size;
    error_text_begin(&text, error);
    add_place(&text, &place, error->address);
    text_add(&text, more);
    error_text_end(&text);
    error->text = buffer;
    to(error);
}

static uint32_t kind_of(int result) {
    switch (result) {
    case BRAINMM_E_DOUBLE_FREE: return BRAINMM_ERROR_DOUBLE_FREE;
    case BRAINMM_E_POINTER: return BRAINMM_ERROR_POINTER;
    case BRAINMM_E_KIND: return BRAINMM_ERROR_KIND;
    default: return 0;
    }
}

COLD int report_refusal(const char *function, const void *address, int result) {
    brainmm_error error = {.kind = kind_of(result), .function = function, .address = address};
    if (error.kind && error_told_is_heard()) /* most programs that try a pointer do not want to hear more */
        report(&error, "", error_report_told);
    return result;
}

COLD void report_refusal_untold(const char *function, const void *address, int result) {
    brainmm_error error = {.kind = kind_of(result), .function = function, .address = address};
    if (error.kind)
        report(&error, "", error_report);
}

COLD void report_size(const char *function, const void *piece, size_t size) {
    brainmm_error error = {.kind = BRAINMM_ERROR_SIZE, .function = function, .address = piece};
    char buffer[64];
    struct text more = TEXT_IN(buffer);
    text_add(&more, ", freed as one of ");
    text_add_decimal(&more, size);
    report(&error, buffer, error_report);
}
