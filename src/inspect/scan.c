/* SPDX-License-Identifier: MIT */
/* scan.c: looks at every unit in use, for what is live in it; see scan.h.
 *
 * What a unit of blocks is, and what a run above 4 MiB is, changes under the locks of units and blocks. They are held
 * for 64 units at a time. A shorter run comes and goes without a lock: what was read of it is read twice. A slab
 * belongs to a thread that takes no lock. So the scan asks for nothing that only the owner may read, neither lists nor
 * counters. The objects themselves tell: what carries no mark is out (slab/slab.h). Four things make that safe:
 *   - The descriptor's fields that are read are atomic: kind, bin, carved, owner.
 *   - `carved` is stored after the marks of what was carved.
 *   - The slab may end while it is looked at, its memory be given back, used otherwise, and even be a slab again.
 *     slab_generation() tells: the look is then repeated.
 *   - The objects are the program's memory. It may write to them at the same time, or have taken away the right to read
 *     them. The system copies them (os_peek), which is no access of this thread and cannot fault.
 * An object that is live all the time never carries the mark, in whatever order the copy is made.
 */
#include "inspect/scan.h"
#include "base/align.h"
#include "base/bits.h"
#include "heap/blocks.h"
#include "heap/jit.h"
#include "heap/run.h"
#include "heap/zero.h"
#include "memory/unit_cache.h"
#include "slab/lifetime.h"
#include "slab/thread_heap.h"

#define SPOTS 64u            /* units that are looked at with the locks held */
#define LOOKS_MOST 16u       /* at a slab that seems to end each time */
#define PEEK_WHOLE_MAX 4096u /* objects up to this size are copied with the whole slab, of larger ones only the mark */
#define PLACES_MAX 4096u     /* a slab of 64 KiB in pieces of 16 bytes */

/* The memory that a scan works with. */
struct scan {
    struct {
        struct unit *slab; /* NULL: `row` is complete */
        struct live_row row;
        uint64_t live;
    } spots[SPOTS];
    uint64_t live[PLACES_MAX / 64];
    struct live_detail details[PLACES_MAX];
    char copy[UNIT_SIZE];
};

scan_translation *scan_translate;

void *scan_memory_take(size_t size) {
    size = align_up(size, os_facts.granule);
    void *memory = os_reserve(size, os_facts.granule);
    if (memory && !os_commit(memory, size)) {
        scan_memory_give(memory, size);
        memory = NULL;
    }
    return memory;
}

/* What the system does not take back stays in use for ever, and is counted. */
void scan_memory_give(void *memory, size_t size) {
    size = align_up(size, os_facts.granule);
    if (memory && !os_release(memory, size))
        units_note_outside((ptrdiff_t)size);
}

/* ---- Runs and blocks, under the locks --------------------------------------------------------------------------- */

static struct live_row run_row(struct unit *unit, unsigned kind, uint64_t *live) {
    struct live_row row = {.start = word_load_relaxed(&unit->start),
                           .size = run_size(unit),
                           .places = 1,
                           .live = live,
                           .bin = LIVE_NO_BIN};
    *live = 1;
    row.mode = (uint8_t)run_mode(unit);
    if (kind == UNIT_RUN) {
        row.kind = row.size <= BIG_MAX ? BRAINMM_BIG : BRAINMM_LARGE;
        row.alignment = run_alignment(unit);
        return row;
    }
    row.kind = kind == UNIT_PAGES ? BRAINMM_PAGES : BRAINMM_BLOCK;
    row.alignment = kind == UNIT_PAGES ? BRAINMM_PAGE_SIZE : row.size;
    if (row.mode == BRAINMM_JIT)
        row.kind = BRAINMM_JIT_MEMORY;
    if (kind == UNIT_BLOCKS) {
        *live = load_relaxed(&unit->blocks.slots);
        row.stride = BRAINMM_PAGE_SIZE;
        row.places = UNIT_SIZE / BRAINMM_PAGE_SIZE;
    }
    return row;
}

static bool kind_is_described(unsigned kind) {
    return kind == UNIT_RUN || kind == UNIT_PAGES || kind == UNIT_BLOCK || kind == UNIT_BLOCKS;
}

/* Describes what a unit that is no slab holds. False if nothing. A run may end at the same time, and another begin. If
 * it is still of the same kind and size, all that was read is of one of them, or the two are alike. */
static bool unit_describe(struct unit *unit, struct live_row *row, uint64_t *live) {
    for (unsigned looks = 1;; looks++) {
        unsigned kind = unit_kind(unit);
        if (!kind_is_described(kind))
            return false;
        *row = run_row(unit, kind, live);
        order_all(); /* between the look and the second one */
        if (looks == LOOKS_MOST || (unit_kind(unit) == kind && run_size(unit) == row->size &&
                                    word_load_relaxed(&unit->start) == row->start && row->size != 0))
            return true;
    }
}

/* Notes what the next units in use hold. *AT is where to begin and to go on. Returns how many; 0 at the end. */
static unsigned note_spots(struct scan *scan, size_t *at) {
    unsigned count = 0;
    blocks_lock();
    units_lock();
    for (struct unit *unit; count < SPOTS && (unit = units_next_used(*at)) != NULL;) {
        struct live_row *row = &scan->spots[count].row;
        *at = unit_number(unit);
        scan->spots[count].slab = unit_kind(unit) == UNIT_SLAB ? unit : NULL;
        if (scan->spots[count].slab) {
            count++;
        } else if (unit_describe(unit, row, &scan->spots[count].live)) {
            count++;
            if (row->places == 1)
                *at += (row->size - 1) >> UNIT_SHIFT;
        }
    }
    units_unlock();
    blocks_unlock();
    return count;
}

/* ---- Slabs ------------------------------------------------------------------------------------------------------ */

static void note_live(uint64_t *live, unsigned place, const struct unit *slab, const struct object *object) {
    if (!object_is_free(object, slab))
        bits_set(live, place, 1);
}

/* Which objects of the slab are out. False: not all of them could be read, and those are taken for live. */
static bool read_marks(struct scan *scan, const struct unit *slab, const struct live_row *row) {
    bits_clear(scan->live, 0, bits_words(row->places) * 64);
    if (row->size <= PEEK_WHOLE_MAX && os_peek(scan->copy, (const void *)row->start, row->places * row->size)) {
        for (unsigned i = 0; i < row->places; i++)
            note_live(scan->live, i, slab, (const struct object *)(const void *)(scan->copy + i * row->size));
        return true;
    }
    bool all = true;
    for (unsigned i = 0; i < row->places; i++) {
        struct object object;
        if (!os_peek(&object, (const void *)(row->start + i * row->size), sizeof object)) {
            object_clear_mark(&object);
            all = false;
        }
        note_live(scan->live, i, slab, &object);
    }
    return all;
}

/* Looks at a unit that was a slab a moment ago. False if it is none any more. */
static bool look_at_slab(struct scan *scan, struct unit *slab, struct live_row *row) {
    for (unsigned looks = 1;; looks++) {
        uint32_t generation = slab_generation(slab);
        if (unit_kind(slab) != UNIT_SLAB)
            return false;
        size_t bin = slab_bin(slab);
        unsigned places = load_acquire(&slab->slab.carved); /* with slab_set_carved() */
        const struct geometry *geometry = &bin_geometry[bin];
        *row = (struct live_row){
            .start = (uintptr_t)unit_address(slab),
            .stride = geometry->object_size,
            .size = geometry->object_size,
            .alignment = bin_alignment(bin),
            .thread_id = slab_thread_id(slab),
            .places = places < geometry->capacity ? places : geometry->capacity, /* the two may be of different slabs */
            .live = scan->live,
            .bin = (uint16_t)bin,
            .kind = geometry->object_size <= SMALL_KIND_MAX ? BRAINMM_SMALL : BRAINMM_MEDIUM,
        };
        row->presumed = !read_marks(scan, slab, row);
        if (slab_same_generation(slab, generation))
            return true;
        if (looks == LOOKS_MOST) {
            row->presumed = true;
            return true;
        }
    }
}

/* ---- The scan --------------------------------------------------------------------------------------------------- */

/* What is different afterwards if anybody has used the heap. */
struct trace {
    uint64_t units, heaps, jit, zero;
    bool others; /* threads that have a heap and may use it unseen */
};

static struct trace trace_take(void) {
    struct units_figures units;
    struct thread_heaps_figures heaps;
    units_figures(&units);
    thread_heaps_figures(&heaps);
    bool has_own = thread_heap_existing() != NULL;
    return (struct trace){units.changes + unit_cache_changes(), heaps.changes, jit_changes(), zero_changes(),
                          heaps.threads > has_own};
}

static bool trace_shows_nobody(const struct trace *before, const struct trace *after) {
    return !before->others && !after->others && before->units == after->units && before->heaps == after->heaps &&
           before->jit == after->jit && before->zero == after->zero;
}

/* What lies outside the window comes in its place among the rest. */
struct outside {
    uintptr_t code; /* the next chunk of code */
    uintptr_t zero; /* pieces of size 0; UINTPTR_MAX: they were visited */
};

static void visit_code(struct outside *outside, uintptr_t end, live_visit *visit, void *context) {
    for (; outside->code < end; outside->code = jit_next_chunk(outside->code + 1))
        jit_visit_chunk(outside->code, visit, context);
}

/* Visits all of it that lies below END. */
static void visit_outside(struct outside *outside, uintptr_t end, live_visit *visit, void *context) {
    if (outside->zero < end) {
        visit_code(outside, outside->zero, visit, context);
        zero_visit(visit, context);
        outside->zero = UINTPTR_MAX;
    }
    visit_code(outside, end, visit, context);
}

static uintptr_t row_end(const struct live_row *row) {
    return row->start + (row->places == 1 ? row->size : row->places * row->stride);
}

bool scan_heap(live_visit *visit, void *context, bool *alone) {
    struct scan *scan = scan_memory_take(sizeof *scan);
    if (!scan)
        return false;
    struct trace before = trace_take();
    size_t at = 0;
    uintptr_t end = 0; /* of what was visited */
    struct outside outside = {jit_next_chunk(0), zero_start()};
    for (unsigned count; (count = note_spots(scan, &at)) != 0;)
        for (unsigned i = 0; i < count; i++)
            if (!scan->spots[i].slab || look_at_slab(scan, scan->spots[i].slab, &scan->spots[i].row)) {
                struct live_row *row = &scan->spots[i].row;
                /* A slab that was noted may have ended, and a larger one may have begun at its place. What was noted
                 * behind it, where that slab now is, has been freed meanwhile. */
                if (row->start < end)
                    continue;
                end = row_end(row);
                visit_outside(&outside, row->start, visit, context);
                if (scan_translate)
                    scan_translate(row, scan->spots[i].slab ? scan->live : &scan->spots[i].live, scan->details);
                visit(context, row);
            }
    visit_outside(&outside, UINTPTR_MAX, visit, context);
    struct trace after = trace_take();
    *alone = trace_shows_nobody(&before, &after);
    scan_memory_give(scan, sizeof *scan);
    return true;
}
