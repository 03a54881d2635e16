/* SPDX-License-Identifier: MIT */
/* replace.c: workloads that replace pieces above 32 KiB, as programs do with files, images and messages. Of some live
 * pieces a random one is freed, and a new one of a random size takes its place. */
#include "workload.h"

enum { SEED = 23, KIB = 1 << 10, MIB = 1 << 20, PAGE = 4096, MOST_LIVE = 1000, MOST_THREADS = 64 };

/* ---- One piece of 64 KiB, freed and allocated again ---- */

static void reuse_64k(unsigned threads) {
    (void)threads;
    for (size_t step = 0, steps = workload_steps(30000000); step < steps; step++) {
        volatile unsigned char *piece = piece_alloc(64 * KIB);
        if (!piece) {
            workload_fail("out of memory");
        }
        piece[0] = 1;
        piece_free((void *)(uintptr_t)piece);
    }
}

/* ---- Random pieces of some live ones, in one or several threads ---- */

struct replacing {
    unsigned live;      /* pieces */
    size_t least, most; /* their sizes */
    size_t touched;     /* one byte of each so many is written; 0: the first and last word only */
    size_t steps;       /* of each thread */
    uint64_t seed;
};

static void replace(void *argument) {
    const struct replacing *how = argument;
    random_state random = {how->seed};
    struct {
        unsigned char *piece;
        size_t size;
    } slots[MOST_LIVE] = {{NULL, 0}};
    for (size_t step = 0; step < how->steps + how->live; step++) {
        size_t at = step < how->steps ? random_below(&random, how->live) : step - how->steps;
        if (slots[at].piece) {
            stamped_free(slots[at].piece, slots[at].size);
            slots[at].piece = NULL;
        }
        if (step < how->steps) {
            slots[at].size = how->least + random_below(&random, how->most - how->least);
            slots[at].piece = stamped_alloc(slots[at].size);
            for (size_t byte = 8; how->touched && byte < slots[at].size - 8; byte += how->touched) {
                slots[at].piece[byte] = 1;
            }
        }
    }
}

static void replace_in(unsigned threads, struct replacing how) {
    struct replacing each[MOST_THREADS];
    thread_handle handles[MOST_THREADS];
    for (unsigned i = 0; i < threads; i++) {
        each[i] = how;
        each[i].seed += i;
        handles[i] = thread_start(replace, &each[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        thread_join(handles[i]);
    }
}

/* Two threads have 20 pieces of 40 to 200 KB each and touch every page. */
static void replace_touched(unsigned threads) {
    (void)threads;
    replace_in(2, (struct replacing){20, 40000, 200000, PAGE, workload_steps(3000000), SEED});
}

/* Four threads have 250 such pieces each and touch their ends only. */
static void replace_untouched(unsigned threads) {
    (void)threads;
    replace_in(4, (struct replacing){250, 40000, 200000, 0, workload_steps(2000000), SEED});
}

/* One thread has eight pieces of 1 to 4 MiB and touches every page. */
static void replace_images(unsigned threads) {
    (void)threads;
    replace_in(1, (struct replacing){8, 1 * MIB, 4 * MIB, PAGE, workload_steps(30000), SEED});
}

/* ---- Pieces of 1 byte to 4 MiB, of which every third is resized: about 380 MB are live ---- */

static void mixed_4m(unsigned threads) {
    enum { LIVE = 190, STEPS = 60000 };
    struct {
        unsigned char *piece;
        size_t size;
    } slots[LIVE] = {{NULL, 0}};
    random_state random = {SEED};
    (void)threads;
    for (size_t step = 0, steps = workload_steps(STEPS); step < steps + LIVE; step++) {
        size_t at = step < steps ? random_below(&random, LIVE) : step - steps;
        size_t size = 16 + random_below(&random, 4 * MIB);
        if (step < steps && slots[at].piece && step % 3 == 0) {
            stamp_check(slots[at].piece, slots[at].size);
            slots[at].piece = piece_realloc(slots[at].piece, size);
            if (!slots[at].piece) {
                workload_fail("out of memory");
            }
            slots[at].size = size;
            stamp_write(slots[at].piece, size);
            continue;
        }
        if (slots[at].piece) {
            stamped_free(slots[at].piece, slots[at].size);
            slots[at].piece = NULL;
        }
        if (step < steps) {
            slots[at].size = size;
            slots[at].piece = stamped_alloc(size);
        }
    }
}

const struct workload replace_workloads[] = {
    {"reuse-64k", reuse_64k},
    {"replace-touched", replace_touched},
    {"replace-untouched", replace_untouched},
    {"replace-images", replace_images},
    {"mixed-4m", mixed_4m},
    {NULL, NULL},
};
