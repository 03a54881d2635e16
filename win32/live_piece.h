/* SPDX-License-Identifier: MIT */
/* live_piece.h (Windows): whether a heap has a piece at an address, also one of size 0. */
#ifndef BRAINMM_LIVE_PIECE_H
#define BRAINMM_LIVE_PIECE_H

#define BRAINMM_ATTACH_NO_CLIENT
#include "brainmm_attach.h"
#include <stdbool.h>

/* *SIZE becomes the usable size. Blocks, pages and code are no pieces; their size is not 0. */
static inline bool is_live_piece(const struct brainmm_manager *heap, const void *address, size_t *size) {
    brainmm_options options;
    *size = heap->usable_size(address);
    return *size != 0 ||
           (BRAINMM_HAS(heap, get_options) && heap->get_options(address, &options) != 0 && options.size == 0);
}

#endif
