/* SPDX-License-Identifier: MIT */
/* large.c: workloads with much memory: 100 MiB in pieces of one size, and pieces of some 10 KiB to some 10 MiB. */
#include "workload.h"
#include <stdbool.h>

enum { SEED = 21, MIB = 1 << 20 };

/* Allocates 100 MiB in pieces of one size, writes every byte and frees them, four times. It shows the cost of a first
 * touch and of reuse. The pieces are linked through their own memory, so that the peak is nothing but payload and the
 * allocator's own structures. */
struct link {
    struct link *next;
};

static void fill_once(size_t size) {
    struct link *first = NULL;
    size_t count = 100 * (size_t)MIB / size, seen = 0;
    for (size_t i = 0; i < count; i++) {
        struct link *link = piece_alloc(size);
        if (!link) {
            workload_fail("out of memory");
        }
        memset(link, 0x33, size);
        link->next = first;
        first = link;
    }
    while (first) {
        struct link *next = first->next;
        seen += ((const unsigned char *)first)[size - 1] == 0x33;
        piece_free(first);
        first = next;
    }
    if (seen != count) {
        workload_fail("pieces were lost or overwritten");
    }
}

static void fill(size_t size) {
    for (size_t round = 0; round < workload_steps(4); round++) {
        fill_once(size);
    }
}

static void fill_16(unsigned threads) {
    (void)threads;
    fill(16);
}

static void fill_100(unsigned threads) {
    (void)threads;
    fill(100);
}

static void fill_1000(unsigned threads) {
    (void)threads;
    fill(1000);
}

static void fill_6000(unsigned threads) {
    (void)threads;
    fill(6000);
}

/* Replaces random pieces of 32 KiB to 1 MiB and writes one byte of every 4 KiB page. */
static void replace_large(unsigned threads) {
    enum { COUNT = 150, STEPS = 200000 };
    struct {
        unsigned char *piece;
        size_t size;
    } slots[COUNT] = {{NULL, 0}};
    random_state random = {SEED};
    (void)threads;
    for (size_t step = 0, steps = workload_steps(STEPS); step < steps + COUNT; step++) {
        size_t at = step < steps ? random_below(&random, COUNT) : step - steps;
        if (slots[at].piece) {
            stamped_free(slots[at].piece, slots[at].size);
            slots[at].piece = NULL;
        }
        if (step < steps) {
            slots[at].size = random_size(&random, 15, 20);
            slots[at].piece = stamped_alloc(slots[at].size);
            for (size_t byte = 8; byte < slots[at].size - 8; byte += 4096) {
                slots[at].piece[byte] = 1;
            }
        }
    }
}

/* Four buffers grow in turn to 24 MiB, by an eighth each time, like the vectors of a loader. Every byte is written
 * once. */
static void grow_large(unsigned threads) {
    enum { BUFFERS = 4, ROUNDS = 6, LAST_SIZE = 24 * MIB };
    (void)threads;
    for (size_t round = 0; round < workload_steps(ROUNDS); round++) {
        uint32_t *buffers[BUFFERS] = {NULL};
        size_t old_size = 0;
        for (size_t size = 32768; old_size < LAST_SIZE; size += size / 8 / 4 * 4) {
            for (unsigned b = 0; b < BUFFERS; b++) {
                buffers[b] = piece_realloc(buffers[b], size);
                if (!buffers[b]) {
                    workload_fail("out of memory");
                }
                for (size_t i = old_size / 4; i < size / 4; i++) {
                    buffers[b][i] = (uint32_t)i ^ b;
                }
            }
            old_size = size;
        }
        for (unsigned b = 0; b < BUFFERS; b++) {
            for (size_t i = 0; i < old_size / 4; i += 509) {
                if (buffers[b][i] != ((uint32_t)i ^ b)) {
                    workload_fail("a grown buffer lost its contents");
                }
            }
            piece_free(buffers[b]);
        }
    }
}

/* Buffers grow in turn, by a quarter each time, and one byte of every new page is written. The time of the growth
 * itself is reported apart. */
static void grow_buffers(unsigned count, size_t last_size, size_t rounds) {
    enum { MOST = 4, PAGE = 4096 };
    unsigned char *buffers[MOST] = {NULL};
    double calls = 0;
    for (size_t round = 0; round < rounds; round++) {
        size_t old_size = 0, size = 65536;
        for (bool last = false; !last; old_size = size, size += size / 4) {
            last = size >= last_size;
            size = last ? last_size : size;
            for (unsigned b = 0; b < count; b++) {
                double start = seconds_now();
                buffers[b] = piece_realloc(buffers[b], size);
                calls += seconds_now() - start;
                if (!buffers[b]) {
                    workload_fail("out of memory");
                }
                for (size_t at = (old_size + PAGE - 1) / PAGE * PAGE; at < size; at += PAGE) {
                    buffers[b][at] = (unsigned char)(at / PAGE + b);
                }
            }
        }
        for (unsigned b = 0; b < count; b++) {
            for (size_t at = 0; at < old_size; at += 61 * PAGE) {
                if (buffers[b][at] != (unsigned char)(at / PAGE + b)) {
                    workload_fail("a grown buffer lost its contents");
                }
            }
            double start = seconds_now();
            piece_free(buffers[b]);
            calls += seconds_now() - start;
            buffers[b] = NULL;
        }
    }
    workload_report_seconds("calls", calls);
}

/* The last size is smaller on 32 bit, where twice the size must fit beside itself, and for a part of the work. */
static void grow_one(unsigned threads) {
    (void)threads;
    grow_buffers(1, sizeof(void *) == 4 ? 256 * (size_t)MIB : 1024 * (size_t)MIB, workload_steps(2));
}

static void grow_four(unsigned threads) {
    (void)threads;
    grow_buffers(4, (sizeof(void *) == 4 ? 64 : 256) * (size_t)MIB, workload_steps(2));
}

/* Of 20 live buffers of 5 to 25 MiB a random one is replaced 2,000 times and written from end to end. A cache of freed
 * large memory helps here. */
static void replace_huge(unsigned threads) {
    enum { BUFFERS = 20, STEPS = 2000 };
    unsigned char *buffers[BUFFERS] = {NULL};
    random_state random = {SEED};
    (void)threads;
    for (size_t step = 0, steps = workload_steps(STEPS); step < steps; step++) {
        size_t at = random_below(&random, BUFFERS), size = 5 * (size_t)MIB + random_below(&random, 20 * MIB);
        piece_free(buffers[at]);
        buffers[at] = piece_alloc(size);
        if (!buffers[at]) {
            workload_fail("out of memory");
        }
        memset(buffers[at], (int)step, size);
    }
    for (size_t at = 0; at < BUFFERS; at++) {
        piece_free(buffers[at]);
    }
}

const struct workload large_workloads[] = {
    {"fill-16", fill_16},
    {"fill-100", fill_100},
    {"fill-1000", fill_1000},
    {"fill-6000", fill_6000},
    {"replace-large", replace_large},
    {"grow-large", grow_large},
    {"grow-one", grow_one},
    {"grow-four", grow_four},
    {"replace-huge", replace_huge},
    {NULL, NULL},
};
