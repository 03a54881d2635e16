/* SPDX-License-Identifier: MIT */
/* piece_list.h: a list of pieces that needs no memory of its own: the first word of each piece points to the next. */
#ifndef TESTS_PIECE_LIST_H
#define TESTS_PIECE_LIST_H

#include "heap_support.h"

#include "brainmm.h"

/* Puts PIECE at the front of *LIST. An empty list is NULL. */
SUPPORT_INLINE void piece_list_add(void **list, void *piece) {
    *(void **)piece = *list;
    *list = piece;
}

SUPPORT_INLINE void piece_list_free(void *list) {
    while (list) {
        void *next = *(void **)list;
        CHECK(brainmm_free(list) == BRAINMM_OK);
        list = next;
    }
}

#endif
