/* SPDX-License-Identifier: MIT */
/* walk_model.h: a program's own record of all that it has allocated. It is compared with the answers of brainmm_walk
 * and brainmm_get_stats: each live piece, block and run of pages is found once and described as it was allocated,
 * nothing else is found, and the figures are the sums.
 */
#ifndef TESTS_WALK_MODEL_H
#define TESTS_WALK_MODEL_H

#include "piece_support.h"
#include "walk_support.h"

enum { MODEL_MOST = 20000 };

/* ---- The model -------------------------------------------------------------------------------------------------- */

struct entry {
    void *address; /* NULL: freed */
    size_t asked, alignment;
    uint8_t kind, mode;
    uintptr_t thread_id;
};

static struct entry model[MODEL_MOST];
static unsigned model_count;
static struct seen seen;

SUPPORT_INLINE void model_add(void *address, size_t asked, size_t alignment, unsigned kind, unsigned mode) {
    CHECK_MSG(address != NULL, "nothing for %zu bytes, kind %u", asked, kind);
    CHECK(model_count < MODEL_MOST);
    model[model_count++] = (struct entry){address, asked, alignment, (uint8_t)kind, (uint8_t)mode, current_thread_id()};
}

SUPPORT_INLINE void model_add_piece(void *piece, size_t asked, size_t alignment) {
    model_add(piece, asked, alignment, kind_of_piece(brainmm_usable_size(piece)), BRAINMM_USER);
}

SUPPORT_INLINE void entry_free(struct entry *entry) {
    int result = BRAINMM_OK;
    if (entry->kind <= BRAINMM_LARGE)
        result = brainmm_free(entry->address);
    else if (brainmm_pages_free(entry->address, entry->mode) != BRAINMM_OK)
        result = brainmm_block_free(entry->address, entry->mode);
    CHECK_MSG(result == BRAINMM_OK, "release of %p: %d", entry->address, result);
    entry->address = NULL;
}

/* Frees every STEP-th live allocation, beginning with the first. */
SUPPORT_INLINE void model_free(unsigned step) {
    unsigned number = 0;
    for (unsigned i = 0; i < model_count; i++)
        if (model[i].address && number++ % step == 0)
            entry_free(&model[i]);
}

/* Allocates pieces of every class and alignment, large pieces, and pages and blocks of every mode. */
SUPPORT_INLINE void model_fill(void) {
    for (size_t size = 0; size <= 1024; size += 8)
        for (unsigned i = 0; i < 3; i++)
            model_add_piece(brainmm_alloc(size), size, 16);
    for (size_t size = 1025; size <= 40000; size += size / 9)
        model_add_piece(brainmm_alloc_zeroed(size), size, 16);
    for (unsigned i = 0; i < 5000; i++) /* a class that fills several slabs */
        model_add_piece(brainmm_alloc(48), 48, 16);
    for (size_t alignment = 16; alignment <= 65536; alignment *= 2)
        for (size_t size = 1; size <= 200000; size = size * 3 + 7)
            model_add_piece(brainmm_alloc_aligned(alignment, size), size, alignment);
    for (size_t size = 32769; size <= 5 * MIB; size += size / 3)
        model_add_piece(brainmm_alloc(size), size, 16);
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
        for (size_t size = 4096; size <= 16 * MIB; size *= 4)
            for (unsigned i = 0; i < 5 && size * i < 20 * MIB; i++)
                model_add(brainmm_block_get(size, mode), size, size,
                          mode == BRAINMM_JIT ? BRAINMM_JIT_MEMORY : BRAINMM_BLOCK, mode);
        for (size_t count = 1; count < 200; count += 1 + count / 2)
            model_add(brainmm_pages_get(count, mode), count * 4096, 4096,
                      mode == BRAINMM_JIT ? BRAINMM_JIT_MEMORY : BRAINMM_PAGES, mode);
    }
}

SUPPORT_INLINE size_t model_live(void) {
    size_t live = 0;
    for (unsigned i = 0; i < model_count; i++)
        live += model[i].address != NULL;
    return live;
}

/* Checks that the walk finds exactly what the model has. ALONE: no other thread has a heap in use. */
SUPPORT_INLINE void compare(bool alone) {
    seen_walk(&seen);
    for (unsigned i = 0; i < model_count; i++) {
        const struct entry *entry = &model[i];
        if (!entry->address)
            continue;
        const brainmm_allocation *found = seen_at(&seen, entry->address);
        ck_assert_msg(found != NULL, "entry %u, %zu bytes at %p, is not found", i, entry->asked, entry->address);
        brainmm_options options;
        ck_assert_int_eq(brainmm_get_options(entry->address, &options), 1);
        size_t described = options.size;
        uintptr_t thread_id = options.thread_id;
        ck_assert_uint_eq(found->size, described);
        ck_assert_uint_ge(found->size, entry->asked);
        ck_assert_uint_eq(found->kind, entry->kind);
        ck_assert_uint_eq(options.kind, entry->kind);
        ck_assert_uint_eq(found->mode, entry->mode);
        ck_assert_uint_eq(found->alignment, entry->alignment);
        ck_assert_uint_eq(found->thread_id, entry->kind <= BRAINMM_MEDIUM && found->size ? entry->thread_id : 0);
        ck_assert_uint_eq(thread_id, found->thread_id);
        ck_assert_uint_eq(found->certainty, alone ? BRAINMM_EXACT : BRAINMM_SEEN);
    }
    ck_assert_uint_eq(seen.count, model_live()); /* found once, as the walk ascends, and nothing else */
}

/* Checks that the figures are the sums of what the walk finds. */
SUPPORT_INLINE void compare_stats(bool alone) {
    static brainmm_class_stats classes[1024];
    brainmm_stats stats;
    memset(&stats, 0xA5, sizeof stats);
    stats.struct_size = sizeof stats;
    ck_assert_int_eq(brainmm_get_stats(&stats, classes, 1024), BRAINMM_OK);
    ck_assert_uint_eq(stats.struct_size, sizeof stats);
    ck_assert_uint_eq(stats.approximate, alone ? 0 : BRAINMM_OTHERS_WORKED);
    uint64_t count[8] = {0}, bytes[8] = {0}, all_bytes = 0, in_classes = 0, without_size = 0;
    for (size_t i = 0; i < seen.count; i++) {
        count[seen.all[i].kind]++;
        bytes[seen.all[i].kind] += seen.all[i].size;
        all_bytes += seen.all[i].size;
        without_size += seen.all[i].size == 0;
    }
    ck_assert_uint_eq(stats.live_count, seen.count);
    ck_assert_uint_eq(stats.live_bytes, all_bytes);
    for (unsigned kind = 0; kind < 8; kind++) {
        ck_assert_uint_eq(stats.kinds[kind].count, count[kind]);
        ck_assert_uint_eq(stats.kinds[kind].bytes, bytes[kind]);
    }
    ck_assert_uint_eq(stats.committed_bytes,
                      stats.live_bytes + stats.free_bytes + stats.cached_bytes + stats.overhead_bytes);
    ck_assert_uint_le(stats.committed_bytes, stats.reserved_bytes);
    ck_assert_uint_ge(stats.committed_most + stats.overhead_bytes, stats.committed_bytes);
    ck_assert_uint_le(stats.class_count, 1024);
    uint64_t slabs = 0;
    for (size_t i = 0; i < stats.class_count; i++) {
        const brainmm_class_stats *row = &classes[i];
        if (i)
            ck_assert(row[-1].alignment < row->alignment ||
                      (row[-1].alignment == row->alignment && row[-1].size < row->size));
        ck_assert_uint_ge(row->slabs, 1);
        ck_assert_uint_ge((row->live + row->free + row->untouched) * row->size, row->slabs * 57344);
        slabs += row->slabs;
        in_classes += row->live;
    }
    ck_assert_uint_eq(stats.slabs, slabs);
    ck_assert_uint_eq(in_classes, count[BRAINMM_SMALL] + count[BRAINMM_MEDIUM] - without_size);
    for (size_t i = 0; i < seen.count; i++) { /* each class has as many as the walk finds in it */
        if (seen.all[i].kind > BRAINMM_MEDIUM || seen.all[i].size == 0)
            continue;
        size_t row = 0;
        while (row < stats.class_count &&
               (classes[row].size != seen.all[i].size || classes[row].alignment != seen.all[i].alignment))
            row++;
        ck_assert(row < stats.class_count && classes[row].live-- > 0);
    }
    for (size_t row = 0; row < stats.class_count; row++)
        ck_assert_uint_eq(classes[row].live, 0);
}

SUPPORT_INLINE void model_start(void) {
    seen_start(&seen, 4 * MODEL_MOST);
    model_count = 0;
    seen_walk(&seen);
    ck_assert_uint_eq(seen.count, 0); /* nothing but the model's memory is ever live here */
}

SUPPORT_INLINE void model_end(void) {
    model_free(1);
    seen_end(&seen);
}

#endif
