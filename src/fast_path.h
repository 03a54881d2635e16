/* fast_path.h: allocation and release of a piece of up to 32 KiB, when nothing special happens. This is where a
 * program's time goes, so it is all on this page; docs/design.md has the compiled instructions and why not otherwise.
 *
 * Allocate: pop the list of the size's class, clear the object's mark. (13 instructions on x86-64.)
 *
 * Release (22): five questions, each one comparison.
 *   1. Whose slab is it?  The descriptor of the pointer's unit names the heap that owns the slab. For memory that is
 *      not ours, free, or not a slab the owner is NULL, which no thread's heap is.
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

/* A relaxed atomic load of a word. The compilers never fold an _Atomic load into the comparison that uses it, which is
 * an instruction each time, so the plain load it compiles to is written as one, except for ThreadSanitizer. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1 /* as gcc has it */
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define LOAD_WORD(type, field) atomic_load_explicit(&(field), memory_order_relaxed)
#else
#define LOAD_WORD(type, field) (*(type const *)(const void *)&(field))
#endif

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
    object->mark = NULL;
    return object;
}

/* Question 2. Exact for pointers into the slab's first unit, false for all others. */
static inline bool is_tested_object_of(const struct unit *slab, const void *piece) {
    return ((uintptr_t)piece - slab->start) * slab->reciprocal < LOAD_WORD(uintptr_t, slab->limit);
}

/* Gives an object of SLAB, which HEAP owns, back. */
static inline void slab_push_local(struct heap *heap, struct unit *slab, struct object *object) {
    object->mark = slab;
    object->next = slab->local;
    slab->local = object;
    if (UNLIKELY(--slab->countdown == 0))
        slab_event(heap, slab);
}

/* The rest of brainmm_alloc and brainmm_free, for any module and thread: alloc.c. */
void *alloc_slow(size_t size);
int free_slow(void *piece);

/* Like brainmm_alloc_aligned, for any power of two; another module's heap may know no more than 2048. */
void *alloc_aligned_any(size_t alignment, size_t size);

/* True if the piece has been freed; false: the slow path has to look. */
static inline bool fast_free(struct heap *heap, void *piece) {
    if (OS_TABLE_SPARSE && UNLIKELY(!window_contains(piece)))
        return false;
    if (OS_THREAD_POINTER_MAY_BE_NULL && UNLIKELY(!heap))
        return false;
    struct unit *slab = unit_at(piece);
    if (UNLIKELY(LOAD_WORD(struct heap *, slab->owner) != heap))
        return false;
    if (UNLIKELY(!is_tested_object_of(slab, piece)))
        return false;
    struct object *object = piece;
    if (UNLIKELY(object->mark == slab))
        return false;
    slab_push_local(heap, slab, object);
    return true;
}

#endif
