/* SPDX-License-Identifier: MIT */
/* pieces.c: see pieces.h. Objects of slabs come first, in the way that costs least; then runs, and what is wrong. */
#include "checked/pieces.h"
#include "base/align.h"
#include "checked/detect.h"
#include "checked/guard.h"
#include "checked/objects.h"
#include "checked/watch.h"
#include "heap/heap.h"
#include "heap/piece.h"
#include "heap/reclaim.h"
#include "heap/run.h"
#include "heap/zero.h"

#define HELD_WAITS 64u  /* of os_sleep() */
#define CLOSED_PART 64u /* a closed run takes addresses only: it counts as a part of its size in quarantine */

static bool is_piece(enum family family) { return family <= FAMILY_NEW_ARRAY; }

bool pieces_live(const void *address, struct place *place, uint32_t *word) {
    if (!record_find_start(address, place) || place->piece != address)
        return false;
    *word = load_acquire(&place->record->word); /* with record_begin() */
    return record_state(*word) == RECORD_LIVE;
}

/* ---- Runs ------------------------------------------------------------------------------------------------------- */

static void *take_run(const struct run_layout *layout, bool *fresh) {
    void *raw = run_alloc(layout->total, layout->alignment, fresh);
    if (!raw && reclaim_for(layout->total))
        raw = run_alloc(layout->total, layout->alignment, fresh);
    return raw ? raw : reclaim_failed();
}

static bool make_executable(const struct place *place, const struct request *request) {
    char *body = place->piece - place->table->offset % os_facts.page;
    return request->mode != BRAINMM_JIT || os_protect(body, place->table->body, run_mode_rights(BRAINMM_JIT));
}

static void give_run(const struct place *place) {
    char *raw = place->raw;
    record_forget_run(raw);
    run_give(raw, UNIT_RUN, BRAINMM_USER);
}

/* A run whose rights the system does not give back is lost: it never goes back to the heap.
 *
 * The contents of a run are left as the system gives them: to fill them would take memory that is never used. */
static void *run_begin(const struct request *request) {
    struct run_layout layout;
    struct place place;
    bool fresh = false, at_end = checked_settings.guard_end && is_piece(request->family);
    if (!run_layout(request->size, request->alignment, at_end, &layout))
        return NULL;
    char *raw = take_run(&layout, &fresh);
    if (!raw)
        return NULL;
    struct record_table *table = record_table_make(raw, layout.offset);
    if (!table) {
        run_give(raw, UNIT_RUN, BRAINMM_USER);
        return NULL;
    }
    table->offset = layout.offset;
    table->body = layout.body;
    table->size = request->size;
    table->alignment = request->alignment;
    record_find_start(raw, &place);
    if (!make_executable(&place, request)) {
        give_run(&place);
        return NULL;
    }
    if (watch_is_on()) {
        watch_run_begins(&place, request->zeroed);
    } else if (guard_run(&place)) {
        guard_fill_zones(&place);
    } else {
        return NULL;
    }
    if (request->zeroed && !fresh)
        memset(place.piece, 0, place.size);
    struct thread_heap *heap = os_thread_pointer_sure();
    record_begin(place.record, heap, load_relaxed(&place.record->word), record_word_of(request->family, request->mode));
    if (heap && heap->quarantine)
        quarantine_note_young(heap->quarantine, raw);
    return place.piece;
}

static void run_finish(struct thread_heap *heap, const struct place *place, const char *function) {
    struct quarantine *quarantine = heap ? heap->quarantine : NULL;
    store_relaxed(&place->record->freed_thread, object_thread_id(heap));
    if (checked_settings.frames)
        store_relaxed(&place->record->freed_stack, object_stack(heap));
    size_t counts = place->raw_size;
    if (watch_is_on()) {
        watch_ends(place->piece, place->size);
    } else {
        guard_report(place, function);
        if (!guard_close_run(place)) {
            if (guard_remove(place)) /* else it is lost */
                give_run(place);
            return;
        }
        counts /= CLOSED_PART;
    }
    if (quarantine)
        quarantine_put(quarantine, quarantined_of(place->raw, counts));
    else
        pieces_release(place->raw);
}

void pieces_release(void *raw) {
    struct record_table *table = record_table_of(raw);
    struct place place;
    if (LIKELY(!table || table->object_size != 0))
        piece_free_hidden(raw);
    else if (record_find_start(raw, &place) && (!watch_is_on() || guard_close_run(&place)) && guard_open_run(&place))
        give_run(&place);
}

/* ---- Allocation ------------------------------------------------------------------------------------------------- */

static bool wants_run(size_t front, const struct request *request) {
    return !is_piece(request->family) || checked_settings.guard_all || request->alignment > MEDIUM_MAX ||
           front + REAR_LEAST > MEDIUM_MAX || request->size > MEDIUM_MAX - front - REAR_LEAST;
}

static void *alloc_once(const struct request *request) {
    size_t front = front_of(request->alignment);
    if (wants_run(front, request))
        return run_begin(request);
    char *raw = piece_alloc_bin(bin_of(front, front + request->size + REAR_LEAST), request->function);
    struct record_table *table = raw ? record_table_of(raw) : NULL;
    if (raw && !table && (table = record_table_make(raw, 0)) == NULL)
        piece_free_hidden(raw);
    if (table && watch_is_on())
        return watch_object(os_thread_pointer_sure(), table, raw, request->size, request->zeroed,
                            record_word_of(request->family, 0));
    return table ? object_begin(os_thread_pointer_sure(), table, raw, front, request->size,
                                request->zeroed ? FILL_ZERO : FILL_NEW, record_word_of(request->family, 0),
                                request->function)
                 : NULL;
}

void *pieces_alloc(const struct request *request) {
    if (request->size > PTRDIFF_MAX)
        return NULL;
    void *nothing = request->size == 0 && is_piece(request->family) ? zero_alloc(request->alignment) : NULL;
    if (nothing)
        return nothing;
    struct quarantine *quarantine = quarantine_own();
    if (quarantine)
        objects_look(quarantine, os_thread_pointer_sure(), request->function);
    void *piece = alloc_once(request);
    if (!piece && quarantine_empty(quarantine))
        piece = alloc_once(request);
    return piece;
}

void *checked_alloc_as(size_t size, enum family family, const char *function) {
    struct thread_heap *heap = os_thread_pointer_sure();
    if (LIKELY(size - 1 < SMALL_MAX - BRAINMM_ALIGNMENT - REAR_LEAST && heap && heap->quarantine &&
               checked_settings.fast)) {
        objects_look(heap->quarantine, heap, function);
        size_t bin = size_class_small(size + BRAINMM_ALIGNMENT + REAR_LEAST);
        struct object *object = heap->cached[bin];
        struct record_table *table = object ? record_table_of(object) : NULL;
        if (LIKELY(table != NULL)) {
            heap->cached[bin] = object->next;
            __builtin_prefetch(object->next); /* it has waited long: the next allocation would wait for its memory */
            if (object->next)
                object_fetch(table, (char *)object->next);
            return object_begin(heap, table, (char *)object, BRAINMM_ALIGNMENT, size, FILL_NEW,
                                record_word_of(family, 0), function);
        }
    }
    return checked_alloc_with(size, BRAINMM_ALIGNMENT, false, family, function);
}

COLD void *checked_alloc_with(size_t size, size_t alignment, bool zeroed, enum family family, const char *function) {
    struct request request = {.size = size,
                              .alignment = alignment < BRAINMM_ALIGNMENT ? BRAINMM_ALIGNMENT : alignment,
                              .zeroed = zeroed,
                              .family = family,
                              .function = function};
    return is_power_of_two(alignment) ? pieces_alloc(&request) : NULL;
}

/* ---- Release ---------------------------------------------------------------------------------------------------- */

/* PIECE is not the start of a live allocation of ours. It may be a piece of size 0, which has no record, or code. */
static COLD int refuse(void *piece, const struct request *request) {
    struct place place;
    brainmm_options options;
    bool found = record_find(piece, &place) && record_state(load_acquire(&place.record->word)) != RECORD_NONE;
    if (!found && heap_get_options(piece, &options)) {
        if (options.size == 0 && is_piece(request->family))
            return heap_free(piece);
        detect(BRAINMM_ERROR_KIND, request->function, piece, NULL);
        return BRAINMM_E_KIND;
    }
    bool twice = found && place.piece == piece && record_state(load_acquire(&place.record->word)) == RECORD_FREED;
    detect(twice ? BRAINMM_ERROR_DOUBLE_FREE : BRAINMM_ERROR_POINTER, request->function, piece, found ? &place : NULL);
    return twice ? BRAINMM_E_DOUBLE_FREE : BRAINMM_E_POINTER;
}

/* Whoever looks takes a moment. A thread that was killed meanwhile, or whose signal handler this is, never ends it. */
static void wait_while_held(struct record *record, uint32_t *word) {
    for (unsigned i = 0; UNLIKELY(*word & RECORD_HELD) && i < HELD_WAITS; i++) {
        os_sleep();
        *word = load_acquire(&record->word); /* with record_release() */
    }
}

static bool may_free(uint32_t word, const struct request *request) {
    enum family family = record_family(word);
    return is_piece(family) ? is_piece(request->family)
                            : family == request->family && record_mode(word) == request->mode;
}

int pieces_free(void *piece, const struct request *request) {
    struct thread_heap *heap = thread_heap_get(); /* a thread that only frees needs a quarantine, too */
    struct place place;
    uint32_t word;
    if (!piece)
        return BRAINMM_OK;
    if (heap && !heap->quarantine)
        quarantine_create(heap);
    do {
        if (!pieces_live(piece, &place, &word))
            return refuse(piece, request);
        wait_while_held(place.record, &word);
        if (!may_free(word, request)) {
            detect(BRAINMM_ERROR_KIND, request->function, piece, &place);
            return BRAINMM_E_KIND;
        }
    } while (!exchange_if_acquire(&place.record->word, &word, record_word_freed(word))); /* record_begin() */
    if (record_family(word) != request->family)
        detect(BRAINMM_ERROR_KIND, request->function, piece, &place);
    if (place.is_run) {
        run_finish(heap, &place, request->function);
    } else {
        struct object_view object = object_view(place.table, piece);
        if (watch_is_on())
            watch_object_ends(heap, &object);
        else
            object_end(heap, &object, request->function);
    }
    return BRAINMM_OK;
}

int checked_free_as(void *piece, enum family family, const char *function) {
    struct thread_heap *heap = os_thread_pointer_sure();
    struct record_table *table = record_table_of(piece);
    if (LIKELY(table && table->front == BRAINMM_ALIGNMENT && heap && heap->quarantine)) {
        char *raw = (char *)piece - BRAINMM_ALIGNMENT;
        uint32_t index = record_index(table, raw); /* of a pointer before or behind all objects, any number */
        struct record *record = &table->records[index < table->count ? index : 0];
        object_fetch(table, raw);
        struct object_view object = {record, raw, piece, raw + table->object_size, load_relaxed(&record->size)};
        uint32_t word = load_relaxed(&record->word);
        if (LIKELY(index < table->count && raw == (char *)table->start + (size_t)index * table->object_size &&
                   (word & (RECORD_SERIAL - 1)) == record_word_of(family, 0) &&
                   exchange_if_acquire(&object.record->word, &word, record_word_freed(word)))) {
            if (UNLIKELY(quarantine_youngest > 1))
                objects_look(heap->quarantine, heap, function);
            object_end(heap, &object, function);
            return BRAINMM_OK;
        }
    }
    struct request request = {.family = family, .function = function};
    return pieces_free(piece, &request);
}

int checked_free_sized(void *piece, size_t size, enum family family, const char *function) {
    struct place place;
    uint32_t word;
    if (pieces_live(piece, &place, &word) && is_piece(record_family(word)) && place.size != size)
        detect(BRAINMM_ERROR_SIZE, function, piece, &place);
    return checked_free_as(piece, family, function);
}

/* ---- Resizing --------------------------------------------------------------------------------------------------- */

/* A piece of size 0 has no record. */
static void *resize_nothing(void *piece, const struct request *request, size_t alignment) {
    struct request wanted = *request;
    wanted.alignment = alignment;
    void *moved = pieces_alloc(&wanted);
    if (moved && refuse(piece, request) != BRAINMM_OK) {
        pieces_free(moved, request);
        moved = NULL;
    }
    return moved;
}

void *pieces_resize(void *piece, const struct request *request, bool keeps_contents) {
    struct place place;
    uint32_t word;
    struct request wanted = *request;
    struct piece described;
    if (!pieces_live(piece, &place, &word)) {
        if (is_piece(request->family) && !record_find(piece, &place) && piece_describe(piece, &described) &&
            described.usable == 0)
            return resize_nothing(piece, request, described.alignment);
        refuse(piece, request);
        return NULL;
    }
    if (!may_free(word, request)) {
        detect(BRAINMM_ERROR_KIND, request->function, piece, &place);
        return NULL;
    }
    if (place.is_run && !guard_restore_rights(&place, run_mode_rights(record_mode(word))))
        return NULL;
    wanted.alignment = place.alignment;
    wanted.family = record_family(word);
    void *moved = pieces_alloc(&wanted);
    if (!moved)
        return NULL;
    if (keeps_contents)
        memcpy(moved, piece, place.size < request->size ? place.size : request->size);
    pieces_free(piece, request);
    return moved;
}
