/* SPDX-License-Identifier: MIT */
/* crt_malloc.c (Windows): see crt_malloc.h. The functions for aligned memory are in crt_aligned.c. */
#include "malloc/crt_malloc.h"
#define BRAINMM_ATTACH_NO_CLIENT
#include "brainmm_attach.h"
#include <string.h>

/* The codes of errno, the same in every C run-time. */
enum { CRT_ENOMEM = 12, CRT_EINVAL = 22 };

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

void *crt_no_memory(const struct crt_original *original) {
    *original->errno_place() = CRT_ENOMEM;
    return NULL;
}

void crt_invalid(const struct crt_original *original) {
    *original->errno_place() = CRT_EINVAL;
    if (original->invalid_parameter)
        original->invalid_parameter();
}

/* For a size that no heap can have, the handler is called once, and nothing is tried again. */
bool crt_new_handler_helps(const struct crt_original *original, size_t size) {
    if (!original->query_new_mode || !original->call_new_handler || original->query_new_mode() == 0)
        return false;
    return original->call_new_handler(size) != 0 && size <= PTRDIFF_MAX;
}

/* ---- Whose piece is it? ------------------------------------------------------------------------------------------ */

/* Pieces of size 0 have a usable size of 0, and so has everything that is no piece. An owner of an earlier version does
 * not tell what lies in its memory: then a wrong pointer counts as the original's. */
static enum crt_owner owner_of_size_0(const struct brainmm_manager *heap, const void *piece) {
    brainmm_options options;
    if (BRAINMM_HAS(heap, get_options) && heap->get_options(piece, &options) != 0)
        return options.kind <= BRAINMM_LARGE ? CRT_OURS : CRT_WRONG;
    return BRAINMM_HAS(heap, contains) && heap->contains(piece) != 0 ? CRT_WRONG : CRT_OTHERS;
}

enum crt_owner crt_owner_of(const struct brainmm_manager *heap, const void *piece, size_t *size) {
    *size = heap->usable_size(piece);
    return *size != 0 ? CRT_OURS : owner_of_size_0(heap, piece);
}

bool crt_heap_tells_pieces(const struct brainmm_manager *heap) {
    void *piece = heap->alloc(1);
    bool tells = !piece || heap->usable_size(piece) != 0;
    heap->free(piece);
    return tells;
}

/* ---- The family -------------------------------------------------------------------------------------------------- */

void *crt_malloc(const struct crt_original *original, size_t size) {
    void *piece;
    do {
        piece = original->heap->alloc(size);
        if (piece)
            return piece;
    } while (crt_new_handler_helps(original, size));
    return crt_no_memory(original);
}

void *crt_calloc(const struct crt_original *original, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return crt_no_memory(original);
    void *piece;
    do {
        piece = original->heap->alloc_zeroed(bytes);
        if (piece)
            return piece;
    } while (crt_new_handler_helps(original, bytes));
    return crt_no_memory(original);
}

void crt_free(const struct crt_original *original, void *piece) {
    size_t usable;
    if (!piece)
        return;
    if (crt_owner_of(original->heap, piece, &usable) == CRT_OTHERS) {
        original->free(piece);
        return;
    }
    int result = original->heap->free(piece);
    if (result != BRAINMM_OK)
        original->refuse("free", piece, result);
}

/* SIZE is not 0. */
static void *resize_ours(const struct crt_original *original, void *piece, size_t size) {
    void *resized;
    do {
        resized = original->heap->realloc(piece, size);
        if (resized)
            return resized;
    } while (crt_new_handler_helps(original, size));
    return crt_no_memory(original);
}

void *crt_realloc(const struct crt_original *original, void *piece, size_t size) {
    size_t usable;
    if (!piece)
        return crt_malloc(original, size);
    switch (crt_owner_of(original->heap, piece, &usable)) {
    case CRT_OTHERS: return original->realloc(piece, size);
    case CRT_WRONG: original->refuse("realloc", piece, BRAINMM_OK); return NULL;
    case CRT_OURS: break;
    }
    if (size != 0)
        return resize_ours(original, piece, size);
    crt_free(original, piece);
    return NULL;
}

size_t crt__msize(const struct crt_original *original, void *piece) {
    size_t usable;
    if (!piece) {
        crt_invalid(original);
        return SIZE_MAX;
    }
    switch (crt_owner_of(original->heap, piece, &usable)) {
    case CRT_OTHERS: return original->_msize(piece);
    case CRT_WRONG: original->refuse("_msize", piece, BRAINMM_OK); return SIZE_MAX;
    case CRT_OURS: break;
    }
    return usable;
}

/* A piece never moves, so it can have its usable size at most. It does not become smaller, as in the low-fragmentation
 * heap of Windows. */
void *crt__expand(const struct crt_original *original, void *piece, size_t size) {
    size_t usable;
    if (!piece) {
        crt_invalid(original);
        return NULL;
    }
    switch (crt_owner_of(original->heap, piece, &usable)) {
    case CRT_OTHERS: return original->_expand(piece, size);
    case CRT_WRONG: original->refuse("_expand", piece, BRAINMM_OK); return NULL;
    case CRT_OURS: break;
    }
    return size <= usable ? piece : crt_no_memory(original);
}

/* The original may have no _recalloc. */
static void *recalloc_others(const struct crt_original *original, void *piece, size_t count, size_t size) {
    if (original->_recalloc)
        return original->_recalloc(piece, count, size);
    size_t bytes = count * size, old = original->_msize(piece);
    char *resized = original->realloc(piece, bytes);
    if (resized && bytes > old)
        memset(resized + old, 0, bytes - old);
    return resized;
}

/* What becomes usable is set to zero as a whole, and so is what a smaller size leaves: the next call may make it a part
 * of the array. */
void *crt__recalloc(const struct crt_original *original, void *piece, size_t count, size_t size) {
    size_t bytes, old;
    if (!piece)
        return crt_calloc(original, count, size);
    if (__builtin_mul_overflow(count, size, &bytes))
        return crt_no_memory(original);
    switch (crt_owner_of(original->heap, piece, &old)) {
    case CRT_OTHERS: return recalloc_others(original, piece, count, size);
    case CRT_WRONG: original->refuse("_recalloc", piece, BRAINMM_OK); return NULL;
    case CRT_OURS: break;
    }
    char *resized = crt_realloc(original, piece, bytes);
    if (!resized)
        return NULL;
    size_t kept = bytes < old ? bytes : old, usable = original->heap->usable_size(resized);
    memset(resized + kept, 0, usable - kept);
    return resized;
}
