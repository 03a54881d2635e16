/* SPDX-License-Identifier: MIT */
/* malloc_object.c: the COM face of a heap: IMalloc as its documentation has it, sizes of SIZE_T included.
 *
 * The object is free-threaded: its methods are the heap's functions, and its references are counted atomically. It says
 * so by being IAgileObject. It lies in the heap that it serves.
 */
#define CONST_VTABLE
#include "malloc_object.h"
#include "live_piece.h"
#include <string.h>
#include <windows.h>
/* windows.h first: objidl.h needs its types */
#include <objidl.h>

struct malloc_object {
    IMalloc com;
    malloc_counter references;
    const struct brainmm_manager *heap;
    malloc_counter *alive;
};

/* Written down here, so that no library of GUIDs is needed. */
static const IID iid_unknown = {0x00000000, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const IID iid_malloc = {0x00000002, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const IID iid_agile = {0x94EA2B94, 0xE9CC, 0x49E0, {0xC0, 0xFF, 0xEE, 0x64, 0xCA, 0x8F, 0x5B, 0x90}};

static bool is_iid(const IID *one, const IID *other) { return memcmp(one, other, sizeof *one) == 0; }

static struct malloc_object *object_of(IMalloc *com) { return (struct malloc_object *)(void *)com; }

static ULONG STDMETHODCALLTYPE add_ref(IMalloc *com) { return (ULONG)add_relaxed(&object_of(com)->references, 1) + 1; }

/* Whoever drops the last reference sees all that others did with theirs, hence acquire and release. */
static ULONG STDMETHODCALLTYPE release(IMalloc *com) {
    struct malloc_object *object = object_of(com);
    long left = subtract_acq_rel(&object->references, 1) - 1;
    if (left == 0) {
        subtract_release(object->alive, 1);
        object->heap->free(object);
    }
    return (ULONG)left;
}

static HRESULT STDMETHODCALLTYPE query_interface(IMalloc *com, REFIID iid, void **result) {
    if (!result)
        return E_POINTER;
    *result = NULL;
    if (!iid || (!is_iid(iid, &iid_unknown) && !is_iid(iid, &iid_malloc) && !is_iid(iid, &iid_agile)))
        return E_NOINTERFACE;
    add_ref(com);
    *result = com;
    return S_OK;
}

static void *STDMETHODCALLTYPE object_alloc(IMalloc *com, SIZE_T size) { return object_of(com)->heap->alloc(size); }

static void *STDMETHODCALLTYPE object_realloc(IMalloc *com, void *piece, SIZE_T size) {
    return object_of(com)->heap->realloc(piece, size);
}

static void STDMETHODCALLTYPE object_free(IMalloc *com, void *piece) { object_of(com)->heap->free(piece); }

/* (SIZE_T)-1 for NULL, says the documentation; no size there is could tell what is not a live piece. */
static SIZE_T STDMETHODCALLTYPE object_get_size(IMalloc *com, void *piece) {
    size_t usable;
    return is_live_piece(object_of(com)->heap, piece, &usable) ? usable : (SIZE_T)-1;
}

static int STDMETHODCALLTYPE object_did_alloc(IMalloc *com, void *piece) {
    size_t usable;
    return !piece ? -1 : is_live_piece(object_of(com)->heap, piece, &usable);
}

static void STDMETHODCALLTYPE object_heap_minimize(IMalloc *com) {
    const struct brainmm_manager *heap = object_of(com)->heap;
    if (BRAINMM_HAS(heap, thread_heap_minimize))
        heap->thread_heap_minimize();
}

static const IMallocVtbl functions = {query_interface, add_ref,          release,
                                      object_alloc,    object_realloc,   object_free,
                                      object_get_size, object_did_alloc, object_heap_minimize};

struct IMalloc *malloc_object_create(const struct brainmm_manager *heap, malloc_counter *alive) {
    struct malloc_object *object = heap->alloc(sizeof *object);
    if (!object)
        return NULL;
    object->com.lpVtbl = (IMallocVtbl *)(uintptr_t)&functions;
    store_relaxed(&object->references, 1);
    object->heap = heap;
    object->alive = alive;
    add_relaxed(alive, 1);
    return &object->com;
}
