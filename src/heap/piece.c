/* SPDX-License-Identifier: MIT */
/* piece.c: see piece.h. */
#include "heap/piece.h"
#include "base/align.h"
#include "heap/reclaim.h"
#include "heap/run.h"
#include "heap/zero.h"
#include "memory/instrument.h"
#include "slab/broken.h"
#include "slab/remote.h"
#include "slab/supply.h"
#include "slab/thread_heap.h"
#include <string.h>

/* Whether allocations look at what they hand out: the option `check_links`. The fast paths know nothing of it. They are
 * kept from the threads' heaps, so that each call comes to the slow paths. */
static bool links_are_checked;

void piece_check_links(void) {
    links_are_checked = true;
    os_hide_thread_pointers();
}

/* ---- Allocation ------------------------------------------------------------------------------------------------- */

/* A piece of a bin, for a thread whose list is empty, or that has no heap yet, or none any more. */
static void *alloc_from_bin(size_t bin, const char *function) {
    struct thread_heap *heap = thread_heap_get();
    bool borrowed = !heap;
    if (borrowed && (heap = thread_heap_borrow()) == NULL)
        return NULL;
    reclaim_tick_if_due(heap);
    struct object *object = slab_pop_checked(heap, bin);
    if (!object) {
        object = slab_alloc(heap, bin);
        if (!object && !borrowed && reclaim_all())
            object = slab_alloc(heap, bin);
    }
    if (borrowed)
        thread_heap_return(heap);
    if (UNLIKELY(broken_is_noted()))
        broken_report(function);
    return object;
}

void *piece_alloc_bin(size_t bin, const char *function) {
    struct thread_heap *heap = os_thread_pointer_sure();
    struct object *object = heap ? heap->cached[bin] : NULL;
    if (!object) {
        object = alloc_from_bin(bin, function);
        return object ? instrument_alloc(object, piece_usable_size) : reclaim_failed();
    }
    heap->cached[bin] = object->next;
    object_clear_mark(object);
    return instrument_alloc(object, piece_usable_size);
}

static void *alloc_run(size_t size, size_t alignment, bool *fresh) {
    reclaim_slabs();
    thread_heap_get(); /* for its stock */
    void *piece = run_alloc(size, alignment, fresh);
    if (!piece && size <= PTRDIFF_MAX && reclaim_for(size))
        piece = run_alloc(size, alignment, fresh);
    return piece;
}

/* A piece above 32 KiB. The most frequent case comes first: a thread gets back what it has freed. */
static void *alloc_large(size_t size) {
    struct thread_heap *heap = os_thread_pointer_sure();
    if (heap && heap->number) {
        reclaim_tick_if_due(heap);
        void *piece = run_alloc_from_stock(heap, size);
        if (LIKELY(piece != NULL))
            return piece;
    }
    return alloc_run(size, BRAINMM_ALIGNMENT, NULL);
}

/* What a request of SIZE bytes has come to. */
static void *result_of(void *piece, size_t size) { return piece || size > PTRDIFF_MAX ? piece : reclaim_failed(); }

/* The fast path of a program that wants its links looked at. NULL: as in fast_alloc(). */
static void *alloc_checked(size_t bin) {
    struct thread_heap *heap = os_thread_pointer_sure();
    return heap && heap->number ? slab_pop_checked(heap, bin) : NULL;
}

/* The bins of size 0 have no objects, so that it comes here at no cost to other sizes. If no place is left for a piece
 * of that size, it is one of size 1. */
void *piece_alloc_slow(size_t size, const char *function) {
    void *piece = size == 0 ? zero_alloc(BRAINMM_ALIGNMENT) : NULL;
    if (UNLIKELY(links_are_checked) && size - 1 < MEDIUM_MAX)
        piece = alloc_checked(size_class_of(size));
    if (!piece)
        piece = size > MEDIUM_MAX ? alloc_large(size) : alloc_from_bin(size_class_of(size ? size : 1), function);
    return LIKELY(piece != NULL) ? piece : result_of(NULL, size);
}

void *piece_alloc_zeroed(size_t size, const char *function) {
    bool fresh = false;
    if (size == 0) {
        void *nothing = zero_alloc(BRAINMM_ALIGNMENT);
        return nothing ? nothing : piece_alloc_zeroed(1, function);
    }
    if (size <= MEDIUM_MAX) {
        void *object = piece_alloc_as(size, function);
        return object ? memset(object, 0, bin_geometry[size_class_of(size)].object_size) : NULL;
    }
    void *run = alloc_run(size, BRAINMM_ALIGNMENT, &fresh);
    if (!run)
        return result_of(NULL, size);
    return fresh && !INSTRUMENTED ? run : memset(run, 0, run_size(unit_of(run)));
}

static void *alloc_aligned(size_t alignment, size_t size, const char *function) {
    if (alignment < BRAINMM_ALIGNMENT)
        alignment = BRAINMM_ALIGNMENT;
    if (size == 0) {
        void *nothing = zero_alloc(alignment);
        return nothing ? nothing : alloc_aligned(alignment, 1, function);
    }
    if (size > MEDIUM_MAX || alignment > MEDIUM_MAX)
        return alloc_run(size > MEDIUM_MAX ? size : MEDIUM_MAX + 1, alignment, NULL);
    size_t bin = bin_of(alignment, size);
    struct thread_heap *heap = os_thread_pointer();
    struct object *object = heap ? heap->cached[bin] : NULL;
    if (!object)
        return instrument_alloc(alloc_from_bin(bin, function), piece_usable_size);
    heap->cached[bin] = object->next;
    object_clear_mark(object);
    return instrument_alloc(object, piece_usable_size);
}

void *piece_alloc_aligned(size_t alignment, size_t size, const char *function) {
    return result_of(alloc_aligned(alignment, size, function), size);
}

/* ---- Release ---------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int free_slowest(struct thread_heap *heap, void *piece) {
    struct unit *slab = slab_of(piece);
    reclaim_tick_if_due(heap && heap->number ? heap : NULL);
    if (!slab)
        return run_give(piece, UNIT_RUN, BRAINMM_USER) ? BRAINMM_OK : zero_free(piece);
    struct object *object = piece;
    if (object_is_free(object, slab))
        return BRAINMM_E_DOUBLE_FREE;
    if (heap && load_relaxed(&slab->owner) == heap)
        return slab_push_local(heap, slab, object);
    if (!heap || heap == &thread_heap_none) /* a thread that only frees needs a heap to keep batches in */
        heap = thread_heap_get();
    remote_free(heap ? heap : &thread_heap_none, slab, object);
    return BRAINMM_OK;
}

/* The most frequent case after the fast path comes first: an object of another thread's slab joins a batch. */
static int free_slow(void *piece) {
    if (!piece)
        return BRAINMM_OK;
    struct thread_heap *heap = os_thread_pointer_sure();
    struct unit *slab = unit_of(piece);
    unsigned kind = slab ? unit_kind(slab) : UNIT_NONE;
    if (heap && kind == UNIT_SLAB && slab_tests_object(slab, piece) && !object_is_free(piece, slab) &&
        remote_join(heap, slab, piece))
        return BRAINMM_OK;
    if (heap && kind == UNIT_RUN && heap->number) {
        reclaim_tick_if_due(heap);
        return run_free(heap, slab, piece) ? BRAINMM_OK : BRAINMM_E_POINTER;
    }
    return free_slowest(heap, piece);
}

int piece_free_slow(void *piece) {
    return UNLIKELY(links_are_checked) ? fast_free(os_thread_pointer_sure(), piece, free_slow) : free_slow(piece);
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

bool piece_describe(const void *address, struct piece *piece) {
    piece->slab = slab_of(address);
    if (piece->slab) {
        INSTRUMENT_LOOK(address);
        piece->usable = slab_object_size(piece->slab);
        piece->alignment = bin_alignment(slab_bin(piece->slab));
        piece->run = NULL;
        return !object_is_free(address, piece->slab);
    }
    piece->run = run_of(address, UNIT_RUN);
    if (!piece->run) {
        piece->usable = 0;
        piece->alignment = zero_alignment(address);
        return piece->alignment != 0;
    }
    piece->usable = run_size(piece->run);
    piece->alignment = run_alignment(piece->run);
    return true;
}

size_t BRAINMM_CALL piece_usable_size(const void *address) {
    struct piece piece;
    return piece_describe(address, &piece) ? piece.usable : 0;
}

/* ---- Resizing --------------------------------------------------------------------------------------------------- */

/* What grows will grow again. A piece that has to move gets an eighth more than it asks for, so that strings and arrays
 * that are appended to do not move with every step of the size classes. */
static size_t size_to_grow_to(size_t size) {
    size_t generous = size + size / 8;
    return size >= MEDIUM_MAX ? size : generous < MEDIUM_MAX ? generous : MEDIUM_MAX;
}

/* The piece moves to another place, or stays if it is large enough and there is none. */
static void *resize_elsewhere(void *old, size_t usable, size_t alignment, size_t size, enum contents contents,
                              const char *function) {
    void *moved = alloc_aligned(alignment, size > usable ? size_to_grow_to(size) : size, function);
    if (!moved && size > usable)
        moved = alloc_aligned(alignment, size, function);
    if (!moved)
        return size <= usable ? old : reclaim_failed();
    if (contents == CONTENTS_KEPT)
        memcpy(moved, old, size < usable ? size : usable);
    piece_free(old);
    return moved;
}

static void *resize_object(struct unit *slab, void *old, size_t size, enum contents contents, const char *function) {
    INSTRUMENT_LOOK(old);
    size_t usable = slab_object_size(slab), alignment = bin_alignment(slab_bin(slab));
    if (object_is_free(old, slab) || size > PTRDIFF_MAX)
        return NULL;
    if (size <= usable && (size >= usable / 2 || usable <= 128 || usable == alignment))
        return old; /* it fits, and wastes at most half, or none is smaller */
    return resize_elsewhere(old, usable, alignment, size, contents, function);
}

/* A run stays one above 32 KiB, and resizes itself. */
static void *resize_run(struct unit *run, void *old, size_t size, enum contents contents, const char *function) {
    if (size > PTRDIFF_MAX || !run_restore_rights(run))
        return NULL;
    if (size <= MEDIUM_MAX)
        return resize_elsewhere(old, run_size(run), run_alignment(run), size, contents, function);
    void *resized = run_resize(run, size, contents);
    if (!resized && reclaim_for(size))
        resized = run_resize(run, size, contents);
    return result_of(resized, size);
}

/* A piece of size 0 becomes another one. */
static void *resize_zero(void *old, size_t size, const char *function) {
    size_t alignment = zero_alignment(old);
    void *other = alignment && size <= PTRDIFF_MAX ? piece_alloc_aligned(alignment, size, function) : NULL;
    if (other)
        zero_free(old);
    return other;
}

void *piece_resize(void *old, size_t size, enum contents contents, const char *function) {
    struct unit *slab = slab_of(old);
    if (LIKELY(slab != NULL))
        return resize_object(slab, old, size, contents, function);
    struct unit *run = run_of(old, UNIT_RUN);
    return run ? resize_run(run, old, size, contents, function) : resize_zero(old, size, function);
}
