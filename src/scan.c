/* scan.c: looks at every unit in use, for what is live in it; see scan.h.
 *
 * What a run or a unit of blocks is, changes under the locks of window.c and blocks.c, which are held for 64 units at a
 * time; of a block of 64 KiB, which needs no lock, the kind says all. A slab belongs to a thread that takes no lock, so nothing that only its owner may read is asked for, neither lists
 * nor counters. The objects themselves tell: what carries no mark is out (slab.h). Four things make that safe:
 *   - The descriptor's fields that are read are atomic: kind, bin, carved, owner.
 *   - `carved` is stored after the marks of what was carved.
 *   - The slab may end while it is looked at, its memory be given back, used otherwise, and even be a slab again.
 *     slab_life() tells: the look is then repeated.
 *   - The objects are the program's memory: it may write to them at the same time, or have taken away the right to read
 *     them. The system copies them (os_peek), which is no access of this thread and does not fault.
 * An object that is live all the time never carries the mark, in whatever order the copy is made.
 */
#include "scan.h"
#include "blocks.h"
#include "jit.h"
#include "os.h"
#include "run.h"
#include "shared_slab.h"
#include "thread.h"
#include "window.h"

#define SPOTS 64u            /* units that are looked at with the locks held */
#define LOOKS_MOST 16u       /* at a slab whose life seems to end each time */
#define PEEK_WHOLE_MAX 4096u /* objects up to this size are copied with the whole slab, of larger ones only the mark */

/* The memory a scan works with. */
struct scan {
    struct {
        struct unit *slab; /* NULL: `found` is complete */
        struct found found;
        uint64_t live;
    } spots[SPOTS];
    uint64_t live[SCAN_PLACES_MAX / 64];
    char copy[UNIT_SIZE];
};

#define SCAN_BYTES ((sizeof(struct scan) + OS_GRANULE - 1) & ~(size_t)(OS_GRANULE - 1))

/* ---- Runs and blocks, under the locks --------------------------------------------------------------------------- */

/* Describes what a unit that is no slab holds. False if nothing. */
static bool unit_describe(struct unit *unit, struct found *found, uint64_t *live) {
    unsigned kind = unit->kind;
    if (kind == UNIT_BLOCK_USER || kind == UNIT_BLOCK_SYSTEM) {
        *found = (struct found){
            .start = (uintptr_t)unit_address(unit_index(unit)), .size = UNIT_SIZE, .alignment = UNIT_SIZE};
        found->places = 1;
        found->live = live;
        found->bin = SCAN_NO_BIN;
        found->kind = BRAINMM_BLOCK;
        found->mode = kind == UNIT_BLOCK_USER ? BRAINMM_USER : BRAINMM_SYSTEM;
        *live = 1;
        return true;
    }
    if (kind != UNIT_RUN && kind != UNIT_PAGES && kind != UNIT_BLOCK && kind != UNIT_BLOCKS)
        return false; /* the other fields are not ours to read */
    *found = (struct found){.start = unit->start, .size = unit->size, .places = 1, .live = live, .bin = SCAN_NO_BIN};
    *live = 1;
    if (kind == UNIT_RUN) {
        found->kind = found->size <= BIG_MAX ? BRAINMM_BIG : BRAINMM_LARGE;
        found->alignment = (size_t)16 << unit->attributes;
        return true;
    }
    found->kind = kind == UNIT_PAGES ? BRAINMM_PAGES : BRAINMM_BLOCK;
    found->alignment = kind == UNIT_PAGES ? BRAINMM_PAGE_SIZE : unit->size;
    found->mode = unit->attributes;
    if (unit->attributes == BRAINMM_JIT)
        found->kind = BRAINMM_JIT_MEMORY;
    if (kind == UNIT_BLOCKS) {
        *live = atomic_load_explicit(&unit->goal, memory_order_relaxed);
        found->stride = BRAINMM_PAGE_SIZE;
        found->places = UNIT_SIZE / BRAINMM_PAGE_SIZE;
    }
    return true;
}

/* Notes what the next units in use hold; *AT is where to begin and to go on. Returns how many; 0 at the end. */
static unsigned note_spots(struct scan *scan, size_t *at) {
    unsigned count = 0;
    blocks_lock();
    window_lock();
    for (struct unit *unit; count < SPOTS && (unit = window_next_used(*at)) != NULL;) {
        struct found *found = &scan->spots[count].found;
        *at = unit_index(unit);
        scan->spots[count].slab = unit->kind == UNIT_SLAB ? unit : NULL;
        if (scan->spots[count].slab) {
            count++;
        } else if (unit_describe(unit, found, &scan->spots[count].live)) {
            count++;
            if (found->places == 1)
                *at += (found->size - 1) >> UNIT_SHIFT;
        }
    }
    window_unlock();
    blocks_unlock();
    return count;
}

/* ---- Slabs ------------------------------------------------------------------------------------------------------ */

static void live_note(uint64_t *live, unsigned place, const struct unit *slab, const struct object *object) {
    if (!object_is_free(object, slab))
        live[place / 64] |= (uint64_t)1 << (place % 64);
}

/* Which objects of the slab are out. False: not all of them could be read, and those are taken for live. */
static bool marks_read(struct scan *scan, const struct unit *slab, const struct found *found) {
    for (unsigned word = 0; word < (found->places + 63) / 64; word++)
        scan->live[word] = 0;
    if (found->size <= PEEK_WHOLE_MAX && os_peek(scan->copy, (const void *)found->start, found->places * found->size)) {
        for (unsigned i = 0; i < found->places; i++)
            live_note(scan->live, i, slab, (const struct object *)(const void *)(scan->copy + i * found->size));
        return true;
    }
    bool all = true;
    for (unsigned i = 0; i < found->places; i++) {
        struct object object;
        if (!os_peek(&object, (const void *)(found->start + i * found->size), sizeof object)) {
            object_mark(&object, NULL);
            all = false;
        }
        live_note(scan->live, i, slab, &object);
    }
    return all;
}

/* Looks at a unit that was a slab a moment ago. False if it is none any more. */
static bool slab_look(struct scan *scan, struct unit *slab, struct found *found) {
    for (unsigned looks = 1;; looks++) {
        uint32_t life = slab_life(slab);
        if (atomic_load_explicit(&slab->kind, memory_order_acquire) != UNIT_SLAB)
            return false;
        unsigned bin = atomic_load_explicit(&slab->bin, memory_order_relaxed);
        unsigned places = atomic_load_explicit(&slab->carved, memory_order_acquire);
        const struct geometry *geometry = &bin_geometry[bin];
        *found = (struct found){
            .start = (uintptr_t)unit_address(unit_index(slab)),
            .stride = geometry->object_size,
            .size = geometry->object_size,
            .alignment = (size_t)16 << bin / CLASS_STRIDE,
            .thread_id = slab_thread_id(slab),
            /* the two may be of different lives of the unit */
            .places = places < geometry->capacity ? places : geometry->capacity,
            .live = scan->live,
            .bin = (uint16_t)bin,
            .kind = geometry->object_size <= SMALL_KIND_MAX ? BRAINMM_SMALL : BRAINMM_MEDIUM,
        };
        found->presumed = !marks_read(scan, slab, found);
        if (slab_life_goes_on(slab, life))
            return true;
        if (looks == LOOKS_MOST) {
            found->presumed = true;
            return true;
        }
    }
}

/* ---- The scan --------------------------------------------------------------------------------------------------- */

/* What is different afterwards if anybody has used the heap. */
struct trace {
    uint64_t window, heaps, jit;
    bool others; /* threads that have a heap and may use it unseen */
};

static struct trace trace_take(void) {
    struct window_figures units;
    struct heaps_figures heaps;
    window_figures(&units);
    heaps_figures(&heaps);
    struct heap *own = os_thread_pointer_sure();
    bool has_own = own && own->number;
    return (struct trace){units.changes, heaps.changes, jit_changes(), heaps.threads > has_own};
}

/* Chunks of code from CODE on and below END, which are in their place among the rest. Returns the first of those behind. */
static uintptr_t scan_code(uintptr_t code, uintptr_t end, void (*found)(void *context, const struct found *found),
                           void *context) {
    for (; code < end; code = jit_next(code + 1))
        jit_scan(code, found, context);
    return code;
}

bool scan_heap(void (*found)(void *context, const struct found *found), void *context, bool *alone) {
    struct scan *scan = os_reserve(SCAN_BYTES, OS_GRANULE);
    if (!scan)
        return false;
    if (!os_commit(scan, SCAN_BYTES)) {
        os_release(scan, SCAN_BYTES);
        return false;
    }
    struct trace before = trace_take();
    size_t at = 0;
    uintptr_t code = jit_next(0);
    for (unsigned count; (count = note_spots(scan, &at)) != 0;)
        for (unsigned i = 0; i < count; i++)
            if (!scan->spots[i].slab || slab_look(scan, scan->spots[i].slab, &scan->spots[i].found)) {
                code = scan_code(code, scan->spots[i].found.start, found, context);
                found(context, &scan->spots[i].found);
            }
    scan_code(code, UINTPTR_MAX, found, context);
    struct trace after = trace_take();
    *alone = !before.others && !after.others && before.window == after.window && before.heaps == after.heaps &&
             before.jit == after.jit;
    os_release(scan, SCAN_BYTES);
    return true;
}
