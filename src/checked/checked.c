/* SPDX-License-Identifier: MIT */
/* checked.c: see checked.h. */
#include "checked/checked.h"
#include "base/align.h"
#include "checked/code.h"
#include "checked/damage.h"
#include "checked/detect.h"
#include "checked/guard.h"
#include "checked/live.h"
#include "checked/pieces.h"
#include "checked/objects.h"
#include "checked/stacks.h"
#include "checked/watch.h"
#include "checked/zone.h"
#include "heap/blocks.h"
#include "heap/heap.h"
#include "heap/jit_chunk.h"
#include "heap/run.h"
#include "inspect/inspect.h"
#include "memory/instrument.h"
#include "memory/units.h"
#include "slab/size_class.h"
#include "sync/error.h"

/* A heap's start that failed is tried again. */
void checked_start(const struct checked_settings *settings) {
    if (checked_is_on)
        return;
    checked_settings = *settings;
    checked_settings.fast = !settings->guard_all && !settings->tool && !INSTRUMENTED;
    checked_is_on = true;
    error_propose_default(ERROR_ACTION_LOG);
    os_hide_thread_pointers();
    os_forbid_reserved();
    units_keep_nothing();
    zones_start(os_random(), settings->zero);
    guards_start();
    quarantine_start(settings->quarantine, settings->scan, pieces_release);
    records_start(objects_slab_ends);
    jit_record_noticed = record_forget_object;
    live_start();
    code_start();
    watch_start();
    if (settings->frames && !stacks_start(settings->unwind))
        checked_settings.frames = 0;
}

/* A thread that has no quarantine, because it has ended, has no place to note it. */
COLD void checked_note_stack(struct stack_origin origin) {
    struct quarantine *quarantine = quarantine_own();
    if (quarantine)
        quarantine->stack = stack_capture(origin, checked_settings.frames);
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

void *BRAINMM_CALL checked_alloc(size_t size) {
    CHECKED_ENTRY();
    return checked_alloc_as(size, FAMILY_PIECE, "brainmm_alloc");
}

void *BRAINMM_CALL checked_alloc_zeroed(size_t size) {
    CHECKED_ENTRY();
    return checked_alloc_with(size, BRAINMM_ALIGNMENT, true, FAMILY_PIECE, "brainmm_alloc_zeroed");
}

void *BRAINMM_CALL checked_alloc_aligned(size_t alignment, size_t size) {
    CHECKED_ENTRY();
    return checked_alloc_with(size, alignment, false, FAMILY_PIECE, "brainmm_alloc_aligned");
}

int BRAINMM_CALL checked_free(void *piece) {
    CHECKED_ENTRY();
    return checked_free_as(piece, FAMILY_PIECE, "brainmm_free");
}

void *checked_resize_as(void *piece, size_t size, bool keeps_contents, const char *function) {
    struct request request = {
        .size = size, .alignment = BRAINMM_ALIGNMENT, .family = FAMILY_PIECE, .function = function};
    if (!piece)
        return pieces_alloc(&request);
    if (size != 0)
        return pieces_resize(piece, &request, keeps_contents);
    pieces_free(piece, &request);
    return NULL;
}

void *BRAINMM_CALL checked_realloc(void *piece, size_t size) {
    CHECKED_ENTRY();
    return checked_resize_as(piece, size, true, "brainmm_realloc");
}

void *BRAINMM_CALL checked_reget(void *piece, size_t size) {
    CHECKED_ENTRY();
    return checked_resize_as(piece, size, false, "brainmm_reget");
}

size_t BRAINMM_CALL checked_usable_size(const void *piece) {
    struct place place;
    uint32_t word;
    return pieces_live(piece, &place, &word) && record_family(word) <= FAMILY_NEW_ARRAY ? place.size : 0;
}

/* ---- Blocks and pages ------------------------------------------------------------------------------------------- */

void *BRAINMM_CALL checked_block_get(size_t size, unsigned mode) {
    CHECKED_ENTRY();
    struct request request = {
        .size = size, .alignment = size, .family = FAMILY_BLOCK, .mode = mode, .function = "brainmm_block_get"};
    return block_is_possible(size, mode) ? pieces_alloc(&request) : NULL;
}

int BRAINMM_CALL checked_block_free(void *block, unsigned mode) {
    CHECKED_ENTRY();
    struct request request = {.family = FAMILY_BLOCK, .mode = mode, .function = "brainmm_block_free"};
    return mode < MODES || !block ? pieces_free(block, &request) : BRAINMM_E_ARGUMENT;
}

static bool pages_are_possible(size_t count, unsigned mode) {
    return count != 0 && count <= PTRDIFF_MAX / BRAINMM_PAGE_SIZE && mode < MODES;
}

static void *pages_resize(void *pages, size_t count, unsigned mode, bool keeps_contents, const char *function) {
    struct request request = {.size = count * BRAINMM_PAGE_SIZE,
                              .alignment = BRAINMM_PAGE_SIZE,
                              .family = FAMILY_PAGES,
                              .mode = mode,
                              .function = function};
    if (pages && count == 0 && mode < MODES)
        pieces_free(pages, &request);
    if (!pages_are_possible(count, mode))
        return NULL;
    if (!pages)
        return pieces_alloc(&request);
    return pieces_resize(pages, &request, keeps_contents);
}

void *BRAINMM_CALL checked_pages_get(size_t count, unsigned mode) {
    CHECKED_ENTRY();
    return pages_resize(NULL, count, mode, false, "brainmm_pages_get");
}

void *BRAINMM_CALL checked_pages_reget(void *pages, size_t count, unsigned mode) {
    CHECKED_ENTRY();
    return pages_resize(pages, count, mode, false, "brainmm_pages_reget");
}

void *BRAINMM_CALL checked_pages_realloc(void *pages, size_t count, unsigned mode) {
    CHECKED_ENTRY();
    return pages_resize(pages, count, mode, true, "brainmm_pages_realloc");
}

int BRAINMM_CALL checked_pages_free(void *pages, unsigned mode) {
    CHECKED_ENTRY();
    struct request request = {.family = FAMILY_PAGES, .mode = mode, .function = "brainmm_pages_free"};
    return mode < MODES || !pages ? pieces_free(pages, &request) : BRAINMM_E_ARGUMENT;
}

/* ---- Rights ----------------------------------------------------------------------------------------------------- */

/* A range that touches an allocation must lie in one, so that guard pages keep their rights. */
int BRAINMM_CALL checked_pages_set_rights(void *pages, size_t count, unsigned rights) {
    struct place place;
    char *first = pages;
    bool found = record_find(pages, &place) && record_state(load_acquire(&place.record->word)) != RECORD_NONE;
    if (!found || !place.is_run || count > PTRDIFF_MAX / BRAINMM_PAGE_SIZE)
        return heap_pages_set_rights(pages, count, rights);
    size_t usable = align_up(place.size, BRAINMM_PAGE_SIZE), offset = (size_t)(first - place.piece);
    if (record_state(load_acquire(&place.record->word)) != RECORD_LIVE || offset >= usable)
        return BRAINMM_E_POINTER;
    return count * BRAINMM_PAGE_SIZE > usable - offset ? BRAINMM_E_ARGUMENT
                                                       : heap_pages_set_rights(pages, count, rights);
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

int BRAINMM_CALL checked_get_options(const void *address, brainmm_options *options) {
    struct place place;
    uint32_t word;
    brainmm_options found = {0};
    if (!record_find_start(address, &place))
        return heap_get_options(address, options);
    if (!pieces_live(address, &place, &word))
        return 0;
    if (options) {
        unsigned align = log2_of(place.alignment) - 4;
        found.kind = (uint8_t)live_kind(record_family(word), record_mode(word), place.size);
        found.align = (uint8_t)(align < ALIGNMENTS ? align : ALIGNMENTS - 1);
        found.block_size = record_family(word) == FAMILY_BLOCK ? (uint8_t)block_index(place.size) : 0;
        found.rights = (uint8_t)(place.is_run ? run_rights(unit_at(place.raw), address) : BRAINMM_READ | BRAINMM_WRITE);
        if (place.is_run && record_mode(word) == BRAINMM_JIT && !load_relaxed(&unit_at(place.raw)->run.rights_changed))
            found.rights |= BRAINMM_EXECUTE;
        found.thread_id = record_family(word) <= FAMILY_NEW_ARRAY ? load_relaxed(&place.record->thread) : 0;
        found.size = place.size;
        *options = found;
    }
    return 1;
}
