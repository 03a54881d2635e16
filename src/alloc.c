/* alloc.c: brainmm_alloc, brainmm_free and their kin: the fast path of fast_path.h, and what happens when it does not
 * apply. Everything here may be called before the module has found its heap; each slow path sees to that first.
 */
#include "fast_path.h"
#include "blocks.h"
#include "heap.h"
#include "instrument.h"
#include "jit.h"
#include "manager.h"
#include "run.h"
#include "thread.h"
#include "window.h"
#include <string.h>

/* ---- The module's own heap -------------------------------------------------------------------------------------- */

bool heap_start(void) {
    if (!os_start() || !window_start())
        return false;
    size_class_start();
    return true;
}

void heap_lock_all(void) {
    jit_lock();
    thread_lock();
    blocks_lock();
    window_lock();
}

void heap_unlock_all(void) {
    window_unlock();
    blocks_unlock();
    thread_unlock();
    jit_unlock();
}

void heap_unlock_all_in_child(void) {
    os_forked();
    heap_unlock_all();
    thread_forked();
}

/* ---- Allocation ------------------------------------------------------------------------------------------------- */

/* All that is free anywhere becomes free units, or goes back to the system. True if there was anything. */
static bool collect_everything(void) {
    struct heap *heap = os_thread_pointer_sure();
    bool any = false;
    if (heap && heap->number) {
        any = slab_collect(heap);
        for (struct heap *orphan; (orphan = heap_take_orphan()) != NULL; any = true) {
            slab_disband(orphan);
            heap_put_empty(orphan);
        }
        slab_sweep(heap, 0);
    }
    return window_purge(true) || any;
}

/* A piece of a bin, for a thread whose list is empty or that has no heap yet, or none any more. */
static void *alloc_from_bin(size_t bin) {
    struct heap *heap = heap_of_thread();
    bool borrowed = !heap;
    if (borrowed && (heap = heap_borrow()) == NULL)
        return NULL;
    void *piece;
    struct object *object = heap->free[bin];
    if (object) {
        heap->free[bin] = object->next;
        object_mark(object, NULL);
        piece = object;
    } else {
        piece = slab_alloc(heap, bin);
        if (!piece && !borrowed && collect_everything())
            piece = slab_alloc(heap, bin);
    }
    if (borrowed)
        heap_return(heap);
    return piece;
}

#define SWEEP_LEAST 16 /* slabs, 1 MiB: fewer are not worth a look before more memory is asked for */

static void *alloc_run(size_t size, size_t alignment, bool *fresh) {
    struct heap *heap = os_thread_pointer_sure();
    if (heap && heap->number)
        slab_sweep(heap, SWEEP_LEAST);
    void *piece = run_alloc(size, alignment, fresh);
    if (!piece && size <= PTRDIFF_MAX && collect_everything())
        piece = run_alloc(size, alignment, fresh);
    return piece;
}

void *alloc_slow(size_t size) {
    if (!manager_start())
        return manager_active.alloc(size);
    if (size > MEDIUM_MAX)
        return alloc_run(size, 16, NULL);
    return alloc_from_bin(size <= SMALL_MAX ? size_class_small(size) : size_class_medium(size));
}

void *BRAINMM_CALL heap_alloc(size_t size) {
    void *piece = fast_alloc(os_thread_pointer(), size);
    return instrument_alloc(LIKELY(piece != NULL) ? piece : alloc_slow(size), heap_usable_size);
}

void *BRAINMM_CALL heap_alloc_zeroed(size_t size) {
    if (size > MEDIUM_MAX) {
        if (!manager_start())
            return manager_active.alloc_zeroed(size);
        bool fresh = false;
        void *piece = alloc_run(size, 16, &fresh);
        if (piece && (!fresh || INSTRUMENTED))
            memset(piece, 0, unit_of(piece)->size);
        return piece;
    }
    void *piece = fast_alloc(os_thread_pointer(), size);
    if (UNLIKELY(!piece)) {
        if (!manager_start())
            return manager_active.alloc_zeroed(size);
        piece = alloc_slow(size);
    }
    if (instrument_alloc(piece, heap_usable_size))
        memset(piece, 0,
               bin_geometry[size <= SMALL_MAX ? size_class_small(size) : size_class_medium(size)].object_size);
    return piece;
}

static void *alloc_at(size_t alignment, size_t size) {
    unsigned level = 0;
    while (level < ALIGNMENTS - 1 && ((size_t)16 << level) < alignment)
        level++;
    if (size > MEDIUM_MAX || alignment > (size_t)16 << level)
        return alloc_run(size > MEDIUM_MAX ? size : MEDIUM_MAX + 1, alignment, NULL);
    size_t class = size <= SMALL_MAX ? size_class_small(size) : size_class_medium(size);
    size_t bin = level * CLASS_STRIDE + class;
    struct heap *heap = os_thread_pointer();
    struct object *object = heap ? heap->free[bin] : NULL;
    if (!object)
        return instrument_alloc(alloc_from_bin(bin), heap_usable_size);
    heap->free[bin] = object->next;
    object_mark(object, NULL);
    return instrument_alloc(object, heap_usable_size);
}

void *BRAINMM_CALL heap_alloc_aligned(size_t alignment, size_t size) {
    if (!manager_start())
        return manager_active.alloc_aligned(alignment, size);
    if (alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > BRAINMM_ALIGNMENT_MAX)
        return NULL;
    return alloc_at(alignment, size);
}

void *alloc_aligned_any(size_t alignment, size_t size) {
    return manager_start() ? alloc_at(alignment, size) : manager_active.alloc_aligned(alignment, size);
}

/* ---- Release ---------------------------------------------------------------------------------------------------- */

/* Why a pointer cannot be freed. */
static int refusal(void *piece) {
    struct unit *unit = unit_of(piece);
    unsigned kind = unit ? unit->kind : UNIT_NONE;
    brainmm_options options;
    bool other = kind == UNIT_BLOCKS ||
                 ((kind == UNIT_PAGES || kind_is_block(kind)) && (uintptr_t)piece == unit->start) ||
                 jit_describe(piece, &options);
    return other ? BRAINMM_E_KIND : BRAINMM_E_POINTER;
}

/* Joins an object of another thread's slab to a batch on its way there, the most frequent case after the fast path. */
static inline bool free_to_batch(struct heap *heap, void *piece) {
    struct unit *slab = unit_of(piece);
    struct object *object = piece;
    if (!heap || !slab || slab->kind != UNIT_SLAB || !is_tested_object_of(slab, piece) || object_is_free(object, slab))
        return false;
    struct batch *batch = slab_batch(heap, slab);
    if (batch->slab != slab)
        return false;
    object_mark(object, slab);
    object->next = batch->first;
    batch->first = object;
    batch->count++;
    if (--batch->room == 0)
        slab_flush_batch(heap, batch);
    return true;
}

static __attribute__((noinline)) int free_slowest(struct heap *heap, void *piece) {
    struct unit *slab = slab_of(piece); /* NULL unless the module has a heap of its own */
    if (!slab) {
        if (!manager_start())
            return manager_active.free(piece);
        return run_free(piece, UNIT_RUN, 0) ? BRAINMM_OK : refusal(piece);
    }
    struct object *object = piece;
    if (object_is_free(object, slab))
        return BRAINMM_E_DOUBLE_FREE;
    if (heap && atomic_load_explicit(&slab->owner, memory_order_relaxed) == heap)
        return slab_push_local(heap, slab, object);
    if (!heap || heap == &heap_none) /* a thread that only frees needs a heap to keep batches in */
        heap = heap_of_thread();
    slab_free_remote(heap ? heap : &heap_none, slab, object);
    return BRAINMM_OK;
}

int free_slow(void *piece) {
    if (!piece)
        return BRAINMM_OK;
    struct heap *heap = os_thread_pointer_sure();
    return free_to_batch(heap, piece) ? BRAINMM_OK : free_slowest(heap, piece);
}

int BRAINMM_CALL heap_free(void *piece) {
    if (INSTRUMENTED) /* before the piece can be anybody else's */
        INSTRUMENT_FORBID((struct object *)piece + 1, instrument_size(piece, heap_usable_size));
    return fast_free(os_thread_pointer(), piece, free_slow);
}

/* ---- Sizes ------------------------------------------------------------------------------------------------------ */

size_t BRAINMM_CALL heap_usable_size(const void *piece) {
    struct unit *slab = slab_of(piece); /* NULL unless the module has a heap of its own */
    if (slab) {
        INSTRUMENT_LOOK(piece);
        return object_is_free(piece, slab) ? 0 : slab_object_size(slab);
    }
    if (!manager_start())
        return manager_active.usable_size(piece);
    struct unit *run = run_of(piece, UNIT_RUN);
    return run ? run->size : 0;
}

/* What a resize works on: the usable size and alignment of a live piece. False if it is none. */
struct piece {
    size_t usable;
    size_t alignment;
    struct unit *run; /* NULL for a piece of a slab */
};

static bool piece_describe(const void *address, struct piece *piece) {
    struct unit *unit = slab_of(address);
    if (unit) {
        INSTRUMENT_LOOK(address);
        piece->usable = slab_object_size(unit);
        piece->alignment = (size_t)16 << (unit->bin / CLASS_STRIDE);
        piece->run = NULL;
        return !object_is_free(address, unit);
    }
    unit = run_of(address, UNIT_RUN);
    if (!unit)
        return false;
    piece->usable = unit->size;
    piece->alignment = (size_t)16 << unit->attributes;
    piece->run = unit;
    return true;
}

/* A run stays one above 32 KiB, and resizes itself; what is idle elsewhere is collected before that fails. */
static void *resize_run(struct unit *run, size_t size, bool keep) {
    void *resized = run_resize(run, size, keep);
    return resized || !collect_everything() ? resized : run_resize(run, size, keep);
}

/* What grows will grow again: a piece that has to move gets an eighth more than it asks for, so that strings and arrays
 * that are appended to do not move with every step of the size classes. */
static size_t size_to_grow_to(size_t size) {
    size_t generous = size + size / 8;
    return size >= MEDIUM_MAX ? size : generous < MEDIUM_MAX ? generous : MEDIUM_MAX;
}

static void *resize(void *old, size_t size, bool keep) {
    struct piece piece;
    if (!piece_describe(old, &piece) || size > PTRDIFF_MAX || (piece.run && !run_restore_rights(piece.run)))
        return NULL;
    if (piece.run && size > MEDIUM_MAX)
        return resize_run(piece.run, size, keep);
    if (!piece.run && size <= piece.usable && (size >= piece.usable / 2 || piece.usable <= 128))
        return old; /* it fits and wastes at most half */
    void *moved = alloc_at(piece.alignment, size > piece.usable ? size_to_grow_to(size) : size);
    if (!moved && size > piece.usable)
        moved = alloc_at(piece.alignment, size);
    if (!moved)
        return size <= piece.usable ? old : NULL; /* a piece that is too large serves as well */
    if (keep)
        memcpy(moved, old, size < piece.usable ? size : piece.usable);
    heap_free(old);
    return moved;
}

static void *resize_or(void *old, size_t size, bool keep) {
    if (!old)
        return heap_alloc(size);
    if (size == 0) {
        heap_free(old);
        return NULL;
    }
    return resize(old, size, keep);
}

void *BRAINMM_CALL heap_realloc(void *piece, size_t size) {
    return manager_start() ? resize_or(piece, size, true) : manager_active.realloc(piece, size);
}

void *BRAINMM_CALL heap_reget(void *piece, size_t size) {
    return manager_start() ? resize_or(piece, size, false) : manager_active.reget(piece, size);
}

/* ---- Questions and upkeep --------------------------------------------------------------------------------------- */

int BRAINMM_CALL heap_get_options(const void *address, brainmm_options *options) {
    if (!manager_start())
        return manager_active.get_options(address, options);
    struct unit *unit = slab_of(address);
    brainmm_options found = {0};
    found.rights = BRAINMM_READ | BRAINMM_WRITE;
    if (unit) {
        INSTRUMENT_LOOK(address);
        if (object_is_free(address, unit))
            return 0;
        found.size = slab_object_size(unit);
        found.kind = found.size <= SMALL_KIND_MAX ? BRAINMM_SMALL : BRAINMM_MEDIUM;
        found.align = (uint8_t)(unit->bin / CLASS_STRIDE);
        found.thread_id = slab_thread_id(unit);
    } else if ((unit = run_of(address, UNIT_RUN)) != NULL) {
        found.size = unit->size;
        found.kind = found.size <= BIG_MAX ? BRAINMM_BIG : BRAINMM_LARGE;
        found.align = unit->attributes;
        found.rights = (uint8_t)run_rights(unit, address, BRAINMM_USER);
    } else if (!blocks_describe(address, &found) && !jit_describe(address, &found)) {
        return 0;
    }
    if (options)
        *options = found;
    return 1;
}

int BRAINMM_CALL heap_thread_heap_minimize(void) {
    if (!manager_start())
        return manager_active.thread_heap_minimize();
    return collect_everything();
}
