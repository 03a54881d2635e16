/* SPDX-License-Identifier: MIT */
/* array.c: arrays of COUNT elements of SIZE bytes; see brainmm.h.
 *
 * The product is checked here, once for all callers: one that wraps round would give a piece that is too small. The
 * functions call the module's own ones, so they serve whatever heap the module is on and need no entry in its table.
 */
#include "brainmm.h"
#include <stdbool.h>

/* False if the elements need more bytes than a pointer difference can count, which no piece can have. */
static bool array_bytes(size_t count, size_t size, size_t *bytes) {
    return !__builtin_mul_overflow(count, size, bytes) && *bytes <= PTRDIFF_MAX;
}

void *BRAINMM_CALL brainmm_alloc_array(size_t count, size_t size) {
    size_t bytes;
    return array_bytes(count, size, &bytes) ? brainmm_alloc(bytes) : NULL;
}

void *BRAINMM_CALL brainmm_alloc_zeroed_array(size_t count, size_t size) {
    size_t bytes;
    return array_bytes(count, size, &bytes) ? brainmm_alloc_zeroed(bytes) : NULL;
}

void *BRAINMM_CALL brainmm_realloc_array(void *piece, size_t count, size_t size) {
    size_t bytes;
    return array_bytes(count, size, &bytes) ? brainmm_realloc(piece, bytes) : NULL;
}
