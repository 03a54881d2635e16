/* SPDX-License-Identifier: MIT */
/* detect.c: see detect.h. */
#include "checked/detect.h"
#include "base/text.h"
#include "checked/settings.h"
#include "checked/stacks.h"
#include "sync/error.h"

#define TEXT_MOST 6144u /* a sentence, and two stacks */

static const char *const family_names[] = {
    [FAMILY_PIECE] = "piece",
    [FAMILY_NEW] = "piece made by operator new",
    [FAMILY_NEW_ARRAY] = "piece made by operator new[]",
    [FAMILY_PAGES] = "run of pages",
    [FAMILY_BLOCK] = "block",
};

/* Where ADDRESS lies, seen from the allocation. */
static void add_distance(struct text *text, const void *address, const struct place *place) {
    const char *at = address, *end = place->piece + place->size;
    if (at == place->piece)
        return;
    text_add_decimal(text, (uint64_t)(at < place->piece ? place->piece - at : at < end ? at - place->piece : at - end));
    text_add(text, at < place->piece ? " bytes before " : at < end ? " bytes inside " : " bytes behind the end of ");
}

static void add_allocation(struct text *text, const void *address, const struct place *place) {
    uint32_t word = load_relaxed(&place->record->word);
    text_add(text, "\n  ");
    add_distance(text, address, place);
    text_add(text, record_state(word) == RECORD_FREED ? "a freed " : "a ");
    text_add(text, family_names[record_family(word)]);
    text_add(text, " of ");
    text_add_decimal(text, place->size);
    text_add(text, " bytes at 0x");
    text_add_hex(text, (uintptr_t)place->piece);
}

static void add_event(struct text *text, const char *what, uintptr_t thread, uint32_t stack) {
    text_add(text, "\n  ");
    text_add(text, what);
    text_add(text, " by thread ");
    text_add_decimal(text, thread);
    if (stack) {
        text_add(text, "\n");
        stack_text(text, stack);
        text->length -= text->start[text->length - 1] == '\n';
        text->start[text->length] = 0;
    }
}

static bool is_freed(const struct record *record) { return record_state(load_relaxed(&record->word)) == RECORD_FREED; }

/* Where ADDRESS lies, and who has allocated and freed that. */
static void add_history(struct text *text, const void *address, const struct place *place) {
    const struct record *record = place->record;
    add_allocation(text, address, place);
    add_event(text, "allocated", load_relaxed(&record->thread), load_relaxed(&record->stack));
    if (is_freed(record))
        add_event(text, "freed", load_relaxed(&record->freed_thread), load_relaxed(&record->freed_stack));
}

/* What a tool tells itself, or is made to tell: the program has freed what is no live allocation of ours. */
static void report(brainmm_error *error, bool ours) {
    const struct os_tool *tool = checked_settings.tool;
    bool of_tool = tool && tool->refuse && ours && !error_is_returned() &&
                   (error->kind == BRAINMM_ERROR_DOUBLE_FREE || error->kind == BRAINMM_ERROR_POINTER);
    if (of_tool && tool->knows_allocations)
        error_report_told(error);
    else
        error_report(error);
    if (of_tool)
        tool->refuse(error->address);
}

void detect_describe(const void *address) {
    char buffer[TEXT_MOST];
    struct text text = TEXT_IN(buffer);
    struct place place;
    if (!record_find(address, &place) || record_state(load_acquire(&place.record->word)) == RECORD_NONE)
        return;
    text_add(&text, "BrainMM: 0x");
    text_add_hex(&text, (uintptr_t)address);
    text_add(&text, " is");
    add_history(&text, address, &place);
    text_add(&text, "\n");
    os_print(buffer);
}

void detect(enum brainmm_error_kind kind, const char *function, const void *address, const struct place *place) {
    char buffer[TEXT_MOST];
    struct text text = TEXT_IN(buffer);
    brainmm_error error = {.kind = kind, .function = function, .address = address, .text = buffer};
    error_text_begin(&text, &error);
    error_text_end(&text);
    if (place) {
        const struct record *record = place->record;
        error.piece = place->piece;
        error.size = place->size;
        error.alloc_thread_id = load_relaxed(&record->thread);
        error.alloc_stack = load_relaxed(&record->stack);
        if (is_freed(record)) {
            error.free_thread_id = load_relaxed(&record->freed_thread);
            error.free_stack = load_relaxed(&record->freed_stack);
        }
        add_history(&text, address, place);
    }
    report(&error, place != NULL);
}
