/* SPDX-License-Identifier: MIT */
/* piece.h: the demo's bookkeeping around the three heap functions of the module that includes it.
 *
 * A plug-in of your own would call the heap directly. Here a label in front of each piece tells who made it and how
 * large it is. So the module that resizes or frees the piece can enter in its ledger whose memory that was. If a label
 * was overwritten, the program ends.
 */
#ifndef DEMO_PIECE_H
#define DEMO_PIECE_H

#include "demo.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every module defines these three in its own way, which is the subject of the demo. */
static void *heap_alloc(size_t size);
static void *heap_realloc(void *piece, size_t size);
static bool heap_free(void *piece);

static struct ledger *ledger; /* this module's */

struct label {
    _Alignas(16) size_t size; /* of the piece with its label */
    uint32_t maker;           /* an enum module */
    uint32_t check;           /* a checksum of the two above */
};

static inline uint32_t label_check(const struct label *label) {
    return 0x51EDu ^ (uint32_t)label->size * 31u ^ label->maker;
}

_Noreturn static inline void piece_fatal(const char *what) {
    fprintf(stderr, "%s: %s\n", ledger->name, what);
    exit(3);
}

static inline struct label *label_of(void *piece) {
    struct label *label = (struct label *)piece - 1;
    if (label->maker >= MODULES || label->check != label_check(label))
        piece_fatal("a piece of memory was overwritten or has already been freed");
    return label;
}

static inline void ledger_enter(struct entry *entry, size_t bytes) {
    atomic_fetch_add_explicit(&entry->pieces, 1, memory_order_relaxed); /* read after the join */
    atomic_fetch_add_explicit(&entry->bytes, bytes, memory_order_relaxed);
}

/* Allocates SIZE bytes. Never returns NULL. */
static inline void *piece_make(size_t size) {
    struct label *label = heap_alloc(sizeof *label + size);
    if (!label)
        piece_fatal("out of memory");
    label->size = sizeof *label + size;
    label->maker = ledger->module;
    label->check = label_check(label);
    ledger_enter(&ledger->made, label->size);
    return label + 1;
}

/* Resizes a piece. It may move, and its contents and its maker stay. */
static inline void *piece_resize(void *piece, size_t size) {
    struct label *label = label_of(piece);
    size_t old_size = label->size;
    label = heap_realloc(label, sizeof *label + size);
    if (!label)
        piece_fatal("a piece could not be resized: out of memory, or it is not of this heap");
    label->size = sizeof *label + size;
    label->check = label_check(label);
    ledger_enter(&ledger->resized[label->maker], label->size - old_size);
    return label + 1;
}

static inline void piece_free(void *piece) {
    struct label *label = label_of(piece);
    uint32_t maker = label->maker;
    size_t size = label->size;
    label->check = 0;
    if (heap_free(label))
        ledger_enter(&ledger->freed[maker], size);
    else
        atomic_fetch_add_explicit(&ledger->refused, 1, memory_order_relaxed);
}

/* Adds ITEM. Makes the batch if there is none yet, and grows it, whichever module made it. */
static inline void batch_add(struct batch **batch, void *item) {
    struct batch *b = *batch;
    if (!b) {
        b = piece_make(sizeof *b + 16 * sizeof *b->items);
        b->count = 0;
        b->capacity = 16;
    } else if (b->count == b->capacity) {
        b = piece_resize(b, sizeof *b + 2 * b->capacity * sizeof *b->items);
        b->capacity *= 2;
    }
    b->items[b->count++] = item;
    *batch = b;
}

#endif
