/* SPDX-License-Identifier: MIT */
/* heap_model.h: a model of what a program knows about its memory. A slot holds nothing, a piece, a block or a run of
 * pages, with its size, alignment and contents. One step does something random to a slot and checks the answer against
 * the model. A refused request must leave the slot as it was. stress.c uses the model with many threads,
 * fault_injection.c with a failing system.
 */
#ifndef TESTS_HEAP_MODEL_H
#define TESTS_HEAP_MODEL_H

#include "heap_support.h"

#include "brainmm.h"

enum slot_kind { SLOT_EMPTY, SLOT_PIECE, SLOT_BLOCK, SLOT_PAGES };

struct slot {
    enum slot_kind kind;
    unsigned mode; /* of blocks and pages */
    unsigned char *memory;
    size_t size; /* what was asked for, or all usable bytes if the model filled them */
    size_t alignment;
    uint64_t seed; /* of the contents */
};

/* What a step did. */
enum step_result { STEP_DONE, STEP_REFUSED };

/* ---- Contents --------------------------------------------------------------------------------------------------- */

#if !defined(DENSE_MOST)
#define DENSE_MOST 65536u
#define SPARSE_STEP 4096u
#endif

/* Fills every byte up to DENSE_MOST. Of larger memory it fills 64 bytes in each SPARSE_STEP, and the last bytes: to
 * fill all would take too long. A test may define both before. */
SUPPORT_INLINE void contents_fill(unsigned char *memory, size_t size, uint64_t seed) {
    if (size <= DENSE_MOST) {
        pattern_fill(memory, size, seed);
        return;
    }
    for (size_t at = 0; at + 64 <= size; at += SPARSE_STEP)
        pattern_fill(memory + at, 64, seed + at);
    pattern_fill(memory + size - 64, 64, seed);
}

/* Checks the part of what contents_fill wrote for S that lies in the first KEPT bytes. */
SUPPORT_INLINE void contents_check(const struct slot *s, const unsigned char *memory, size_t kept) {
    bool held = true;
    if (s->size <= DENSE_MOST) {
        held = pattern_holds(memory, kept < s->size ? kept : s->size, s->seed);
    } else {
        for (size_t at = 0; at + 64 <= s->size && at + 64 <= kept; at += SPARSE_STEP)
            held = held && pattern_holds(memory + at, at + 128 > s->size ? s->size - 64 - at : 64, s->seed + at);
        if (kept >= s->size)
            held = held && pattern_holds(memory + s->size - 64, 64, s->seed);
    }
    CHECK_MSG(held, "the contents of %p, kind %d, %zu bytes, %zu of them kept, have changed", (const void *)memory,
              (int)s->kind, s->size, kept);
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

/* Stores MEMORY, the answer to a request for SIZE bytes, in the slot. With KEEP it must hold the slot's old
 * contents. */
SUPPORT_INLINE enum step_result slot_take(struct slot *s, enum slot_kind kind, unsigned mode, void *memory, size_t size,
                                          size_t alignment, bool keep) {
    if (!memory) {
        if (s->kind != SLOT_EMPTY)
            contents_check(s, s->memory, s->size);
        return STEP_REFUSED;
    }
    CHECK(is_aligned(memory, alignment));
    if (keep)
        contents_check(s, memory, size);
    s->kind = kind;
    s->mode = mode;
    s->memory = memory;
    s->size = size;
    s->alignment = alignment;
    s->seed = mix64(s->seed) >> 32;
    if (kind == SLOT_PIECE) {
        size_t usable = brainmm_usable_size(memory);
        CHECK_MSG(usable >= size, "%zu usable bytes for %zu", usable, size);
        s->size = usable; /* the program may use all of it, and realloc keeps all of it */
    }
    contents_fill(s->memory, s->size, s->seed);
    return STEP_DONE;
}

SUPPORT_INLINE void slot_release(struct slot *s) {
    if (s->kind == SLOT_EMPTY)
        return;
    contents_check(s, s->memory, s->size);
    int result = s->kind == SLOT_PIECE   ? brainmm_free(s->memory)
                 : s->kind == SLOT_BLOCK ? brainmm_block_free(s->memory, s->mode)
                                         : brainmm_pages_free(s->memory, s->mode);
    CHECK_MSG(result == BRAINMM_OK, "release of %p, kind %d, %zu bytes: %d", (void *)s->memory, (int)s->kind, s->size,
              result);
    s->kind = SLOT_EMPTY;
    s->memory = NULL;
    s->size = 0;
}

/* Checks what get_options and usable_size say of the start of a slot, and what they and free say of its middle. */
SUPPORT_INLINE void slot_question(const struct slot *s, random_source *random) {
    brainmm_options options;
    CHECK(brainmm_get_options(s->memory, &options) == 1);
    size_t described = options.size;
    CHECK_MSG(described == s->size, "options say %zu bytes for kind %d of %zu", described, (int)s->kind, s->size);
    CHECK(((size_t)16 << options.align) >= (s->alignment < 2048 ? s->alignment : 2048) || s->kind != SLOT_PIECE);
    if (s->kind == SLOT_PIECE) {
        CHECK(brainmm_usable_size(s->memory) == s->size);
        CHECK(options.kind <= BRAINMM_LARGE);
    } else {
        CHECK(options.kind == (s->mode == BRAINMM_JIT  ? BRAINMM_JIT_MEMORY
                               : s->kind == SLOT_BLOCK ? BRAINMM_BLOCK
                                                       : BRAINMM_PAGES));
    }
    if (s->size > 16) {
        unsigned char *middle = s->memory + 1 + random_below(random, s->size - 1);
        CHECK(brainmm_get_options(middle, &options) == 0);
        CHECK(brainmm_free(middle) != BRAINMM_OK);
    }
}

/* Does one thing to S: fills an empty slot, else resizes it, asks about it or empties it. SIZE is the size of what is
 * allocated. */
SUPPORT_INLINE enum step_result slot_step(struct slot *s, random_source *random, size_t size) {
    size_t pages = size / BRAINMM_PAGE_SIZE + 1;
    unsigned choice = (unsigned)random_below(random, 16);
    unsigned mode = (unsigned)random_below(random, 3);
    if (s->kind == SLOT_EMPTY) {
        if (choice < 8)
            return slot_take(s, SLOT_PIECE, 0, brainmm_alloc(size), size, 16, false);
        if (choice < 10) {
            unsigned char *zeroed = brainmm_alloc_zeroed(size);
            CHECK(zeroed == NULL || all_zero(zeroed, brainmm_usable_size(zeroed)));
            return slot_take(s, SLOT_PIECE, 0, zeroed, size, 16, false);
        }
        if (choice < 12) {
            size_t alignment = (size_t)16 << random_below(random, 13);
            return slot_take(s, SLOT_PIECE, 0, brainmm_alloc_aligned(alignment, size), size, alignment, false);
        }
        if (choice < 14)
            return slot_take(s, SLOT_PAGES, mode, brainmm_pages_get(pages, mode), pages * BRAINMM_PAGE_SIZE,
                             BRAINMM_PAGE_SIZE, false);
        size_t block = 4096;
        while (block < size / 4)
            block *= 4;
        return slot_take(s, SLOT_BLOCK, mode, brainmm_block_get(block, mode), block, block, false);
    }
    if (choice < 2) {
        slot_question(s, random);
        return STEP_DONE;
    }
    if (s->kind == SLOT_PIECE && choice < 8) {
        void *resized = brainmm_realloc(s->memory, size ? size : 1);
        return slot_take(s, SLOT_PIECE, 0, resized, size, s->alignment, true);
    }
    if (s->kind == SLOT_PIECE && choice < 10) {
        void *other = brainmm_reget(s->memory, size ? size : 1);
        return slot_take(s, SLOT_PIECE, 0, other, size, s->alignment, false);
    }
    if (s->kind == SLOT_PAGES && choice < 8) {
        void *resized = brainmm_pages_realloc(s->memory, pages, s->mode);
        return slot_take(s, SLOT_PAGES, s->mode, resized, pages * BRAINMM_PAGE_SIZE, s->alignment, true);
    }
    if (s->kind == SLOT_PAGES && choice < 10) {
        void *other = brainmm_pages_reget(s->memory, pages, s->mode);
        return slot_take(s, SLOT_PAGES, s->mode, other, pages * BRAINMM_PAGE_SIZE, s->alignment, false);
    }
    if (s->kind == SLOT_PIECE && choice == 10) { /* the other way of freeing */
        contents_check(s, s->memory, s->size);
        CHECK(brainmm_realloc(s->memory, 0) == NULL);
        s->kind = SLOT_EMPTY;
        return STEP_DONE;
    }
    slot_release(s);
    return STEP_DONE;
}

#endif
