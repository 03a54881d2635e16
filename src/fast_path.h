/* fast_path.h: allocation and release of a piece of up to 32 KiB, when nothing special happens. This is where a
 * program's time goes, so it is all on this page; docs/design.md has the compiled instructions and why not otherwise.
 *
 * Allocate: pop the list of the size's class, clear the object's mark. (13 instructions on x86-64.)
 *
 * Release (22): four questions, each one comparison.
 *   1. Whose slab is it?  The descriptor of the pointer's unit names the heap that owns the slab. For memory that is
 *      not ours, free, or not a slab the owner is NULL. So is the heap of a new thread on Windows; but then the limit of
 *      the next question is 0.
 *   2. Is it really in that unit, at the start of an object, and was that object ever handed out?  With r = 2^w / size
 *      rounded up to the next whole number, e = r * size - 2^w, and x = pointer - start of the slab:
 *         x = i * size      gives  x * r = i * e   (mod 2^w), small
 *         x = i * size + k  gives  x * r >= r      (mod 2^w), large
 *      so `x * r < carved * e` answers all three at once. x is taken modulo 2^w: a pointer from outside the window that
 *      shares the descriptor yields an x far too large.
 *   3. Has it been freed already?  Then it carries the slab's mark.
 *   4. Has the countdown ended?  Then slab_event() looks after the slab.
 */
#ifndef BRAINMM_FAST_PATH_H
#define BRAINMM_FAST_PATH_H

#include "slab.h"

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* NULL: the slow path has to look; that includes heap_none. */
static inline void *fast_alloc(struct heap *heap, size_t size) {
    size_t bin;
    if (LIKELY(size <= SMALL_MAX))
        bin = size_class_small(size);
    else if (LIKELY(size <= MEDIUM_MAX))
        bin = size_class_medium(size);
    else
        return NULL;
    if (OS_THREAD_POINTER_MAY_BE_NULL && UNLIKELY(!heap))
        return NULL;
    struct object *object = heap->free[bin];
    if (UNLIKELY(!object))
        return NULL;
    heap->free[bin] = object->next;
    object_mark(object, NULL);
    return object;
}

/* Question 2. Exact for pointers into the slab's first unit, false for all others. */
static inline bool is_tested_object_of(const struct unit *slab, const void *piece) {
    return ((uintptr_t)piece - slab->start) * slab->reciprocal < LOAD_WORD(uintptr_t, slab->limit);
}

/* Gives an object of SLAB, which HEAP owns, back. Returns BRAINMM_OK; so does slab_event(), which is jumped to. */
static inline int slab_push_local(struct heap *heap, struct unit *slab, struct object *object) {
    object_mark(object, slab);
    object->next = slab->local;
    slab->local = object;
    return UNLIKELY(--slab->countdown == 0) ? slab_event(heap, slab) : BRAINMM_OK;
}

/* The rest of brainmm_alloc and brainmm_free, for any module and thread: alloc.c. */
void *alloc_slow(size_t size);
int free_slow(void *piece);

/* Like brainmm_alloc_aligned, for any power of two; another module's heap may know no more than 2048. */
void *alloc_aligned_any(size_t alignment, size_t size);

/* SLOW looks when this cannot: it is jumped to as well, so that nothing here needs a stack frame. */
static inline __attribute__((always_inline)) int fast_free(struct heap *heap, void *piece, int (*slow)(void *piece)) {
    struct unit *slab = unit_at(piece);
    if (UNLIKELY(LOAD_WORD(struct heap *, slab->owner) != heap))
        return slow(piece);
    if (UNLIKELY(!is_tested_object_of(slab, piece)))
        return slow(piece);
    struct object *object = piece;
    if (UNLIKELY(object->mark[0] == slab))
        return slow(piece);
    return slab_push_local(heap, slab, object);
}

#endif
