/* SPDX-License-Identifier: MIT */
/* fast_path.h: allocation and release of a piece of up to 32 KiB, when nothing special happens. This is where a
 * program's time goes, so it is all on this page. docs/hot-path.md has the compiled instructions, and what was tried
 * instead.
 *
 * Allocate: pop the list of the size's class, and clear the object's mark. (13 instructions on x86-64, 14 as a function
 * of the table.)
 *
 * Release (22): four questions, each one comparison.
 *   1. Whose slab is it?  The descriptor of the pointer's unit names the heap that owns the slab. For memory that is
 *      not ours, free, or not a slab, the owner is NULL. So is the heap of a new thread on Windows; but then the limit
 *      of the next question is 0.
 *   2. Is it really in that unit, at the start of an object, and was that object ever handed out?  With r = 2^w / size
 *      rounded up to the next whole number, e = r * size - 2^w, and x = pointer - start of the slab:
 *         x = i * size      gives  x * r = i * e   (mod 2^w), small
 *         x = i * size + k  gives  x * r >= r      (mod 2^w), large
 *      So `x * r < carved * e` answers all three at once. x is taken modulo 2^w: a pointer from outside the window that
 *      shares the descriptor gives an x that is far too large.
 *   3. Has it been freed already?  Then it carries the slab's mark.
 *   4. Has the countdown ended?  Then slab_event() looks after the slab.
 */
#ifndef BRAINMM_FAST_PATH_H
#define BRAINMM_FAST_PATH_H

#include "brainmm.h"
#include "slab/queues.h"
#include "slab/slab.h"

/* NULL: the slow path has to look. That includes thread_heap_none. */
static inline void *fast_alloc(struct thread_heap *heap, size_t size) {
    size_t bin;
    if (LIKELY(size <= SMALL_MAX))
        bin = size_class_small(size);
    else if (LIKELY(size <= MEDIUM_MAX))
        bin = size_class_medium(size);
    else
        return NULL;
    if (OS_THREAD_POINTER_MAY_BE_NULL && UNLIKELY(!heap))
        return NULL;
    struct object *object = heap->cached[bin];
    if (UNLIKELY(!object))
        return NULL;
    heap->cached[bin] = object->next;
    object_clear_mark(object);
    return object;
}

/* Gives an object of SLAB, which HEAP owns, back. Returns BRAINMM_OK. So does slab_event(), which is jumped to. */
static inline int slab_push_local(struct thread_heap *heap, struct unit *slab, struct object *object) {
    object_mark(object, slab);
    object->next = slab->slab.local;
    slab->slab.local = object;
    return UNLIKELY(--slab->slab.countdown == 0) ? slab_event(heap, slab) : BRAINMM_OK;
}

/* SLOW looks when this cannot. It is jumped to as well, so that nothing here needs a stack frame. */
static inline __attribute__((always_inline)) int fast_free(struct thread_heap *heap, void *piece,
                                                           int (*slow)(void *piece)) {
    struct unit *slab = unit_at(piece);
    if (UNLIKELY(load_folded(struct thread_heap *, &slab->owner) != heap))
        return slow(piece);
    if (UNLIKELY(!slab_tests_object(slab, piece)))
        return slow(piece);
    struct object *object = piece;
    if (UNLIKELY(object->mark[0] == slab))
        return slow(piece);
    return slab_push_local(heap, slab, object);
}

#endif
