/* SPDX-License-Identifier: MIT */
/* blocks_threads.c: threads allocate, resize and free thousands of blocks, runs of pages and pieces above 32 KiB at the
 * same time, also those of other threads. Each allocation keeps its contents. Blocks are aligned to their size and can
 * only be freed as blocks. If two threads free the same block, exactly one succeeds.
 */
#include "heap_support.h"

#include "brainmm.h"
#include <stdatomic.h>

enum { THREADS = 4, SLOTS = 1200, STEPS = 9000 };

/* A slot is empty, busy or holds an allocation. The thread that makes a slot busy owns it. */
struct slot {
    _Atomic int busy;
    unsigned char *memory;
    size_t size;
    unsigned kind; /* 0: pages, 1: block, 2: piece */
    unsigned mode;
    uint64_t seed;
};
static struct slot slots[SLOTS];

/* Writes at the beginning, in the middle and at the end only: to fill all of it would take too long. */
static void mark(struct slot *s, uint64_t seed) {
    s->seed = seed;
    pattern_fill(s->memory, 512, seed);
    pattern_fill(s->memory + s->size / 2, 512, seed + 1);
    pattern_fill(s->memory + s->size - 512, 512, seed + 2);
}

static void check_marks(const struct slot *s, const unsigned char *memory, size_t kept) {
    CHECK(pattern_holds(memory, 512, s->seed));
    CHECK(kept < s->size / 2 + 512 || pattern_holds(memory + s->size / 2, 512, s->seed + 1));
    CHECK(kept < s->size || pattern_holds(memory + s->size - 512, 512, s->seed + 2));
}

static size_t block_size(random_source *random) {
    static const unsigned shares[] = {30, 60, 90, 95, 98, 99, 100}; /* per cent, cumulative: small ones are frequent */
    size_t drawn = random_below(random, 100);
    unsigned index = 0;
    while (drawn >= shares[index])
        index++;
    return (size_t)4096 << (2 * index);
}

static void take(struct slot *s, random_source *random) {
    s->kind = (unsigned)random_below(random, 3);
    s->mode = (unsigned)(random_below(random, 10) == 0 ? BRAINMM_JIT : random_below(random, 2));
    if (s->kind == 1) {
        s->size = block_size(random);
        s->memory = brainmm_block_get(s->size, s->mode);
        CHECK(s->memory == NULL || is_aligned(s->memory, s->size));
    } else if (s->kind == 0) {
        s->size = (1 + random_below(random, 70)) * BRAINMM_PAGE_SIZE;
        s->memory = brainmm_pages_get(s->size / BRAINMM_PAGE_SIZE, s->mode);
    } else {
        s->size = 32769 + random_below(random, random_below(random, 20) ? 200000 : 2 * MIB);
        s->memory = brainmm_alloc(s->size);
    }
    CHECK(s->memory != NULL);
    mark(s, random_next(random) >> 8);
}

static void resize(struct slot *s, random_source *random) {
    bool keep = random_below(random, 4) != 0;
    unsigned char *memory;
    size_t size;
    check_marks(s, s->memory, s->size);
    if (s->kind == 1)
        return;
    if (s->kind == 0) {
        size_t count = 1 + random_below(random, 120);
        size = count * BRAINMM_PAGE_SIZE;
        memory =
            keep ? brainmm_pages_realloc(s->memory, count, s->mode) : brainmm_pages_reget(s->memory, count, s->mode);
    } else {
        size = 32769 + random_below(random, s->size * 2);
        memory = keep ? brainmm_realloc(s->memory, size) : brainmm_reget(s->memory, size);
    }
    CHECK(memory != NULL);
    if (keep)
        check_marks(s, memory, size);
    s->memory = memory;
    s->size = size;
    mark(s, random_next(random) >> 8);
}

static int give(const struct slot *s) {
    return s->kind == 0   ? brainmm_pages_free(s->memory, s->mode)
           : s->kind == 1 ? brainmm_block_free(s->memory, s->mode)
                          : brainmm_free(s->memory);
}

static void release(struct slot *s) {
    check_marks(s, s->memory, s->size);
    if (s->kind != 2)
        CHECK(brainmm_free(s->memory) == BRAINMM_E_KIND);
    if (s->kind != 1)
        CHECK(brainmm_block_free(s->memory, s->mode) != BRAINMM_OK);
    CHECK(give(s) == BRAINMM_OK);
    s->memory = NULL;
}

static void work(void *seed) {
    random_source random = {(uintptr_t)seed};
    for (unsigned step = 0; step < (UNDER_SANITIZER ? STEPS / 10 : STEPS); step++) {
        struct slot *s = &slots[random_below(&random, SLOTS)];
        if (atomic_exchange_explicit(&s->busy, 1, memory_order_acquire))
            continue;
        if (!s->memory)
            take(s, &random);
        else if (random_below(&random, 2))
            resize(s, &random);
        else
            release(s);
        atomic_store_explicit(&s->busy, 0, memory_order_release);
    }
}

/* Two threads free the same block of 64 KiB. Nobody allocates meanwhile, so the second free must be refused. */
static struct slot contested;
static _Atomic unsigned arrived, succeeded;

static void free_contested(void *unused) {
    (void)unused;
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < 2)
        thread_yield();
    int result = give(&contested);
    CHECK(result == BRAINMM_OK || result == BRAINMM_E_POINTER);
    atomic_fetch_add(&succeeded, result == BRAINMM_OK);
}

static void a_block_is_freed_once(void) {
    for (unsigned round = 0; round < (UNDER_SANITIZER ? 0 : 300); round++) { /* a sanitizer would report a race */
        thread threads[2];
        contested = (struct slot){.size = 64 * KIB, .kind = 1, .mode = BRAINMM_USER};
        contested.memory = brainmm_block_get(contested.size, contested.mode);
        CHECK(contested.memory != NULL);
        atomic_store(&arrived, 0);
        atomic_store(&succeeded, 0);
        for (unsigned i = 0; i < 2; i++)
            thread_start(&threads[i], free_contested, NULL);
        for (unsigned i = 0; i < 2; i++)
            thread_join(&threads[i]);
        CHECK_MSG(atomic_load(&succeeded) == 1, "a block was freed %u times", atomic_load(&succeeded));
    }
}

int main(void) {
    thread threads[THREADS];
    watchdog_start(110);
    for (uintptr_t i = 0; i < THREADS; i++)
        thread_start(&threads[i], work, (void *)(i + 1));
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].memory)
            release(&slots[i]);
    a_block_is_freed_once();
    return TEST_PASSED;
}
