/* SPDX-License-Identifier: MIT */
/* sparse.c: workloads that use little of what they ask for, as hash tables, arenas and page caches do. Their peak
 * memory tells whether an allocator makes more of a piece resident than is touched. */
#include "workload.h"

enum { MIB = 1 << 20 };

/* The sizes are smaller on 32 bit, where such a piece may find no addresses. */
static size_t less_on_32_bit(size_t mib) { return (sizeof(void *) == 4 ? mib / 4 : mib) * MIB; }

/* A piece of 1 GiB, of which a byte a MiB is touched. */
static void sparse_piece(unsigned threads) {
    (void)threads;
    size_t size = less_on_32_bit(1024);
    for (size_t round = 0, rounds = workload_steps(5); round < rounds; round++) {
        unsigned char *piece = piece_alloc(size);
        if (!piece) {
            workload_fail("out of memory");
        }
        for (size_t at = 0; at < size; at += MIB) {
            piece[at] = (unsigned char)(at / MIB);
        }
        for (size_t at = 0; at < size; at += MIB) {
            if (piece[at] != (unsigned char)(at / MIB)) {
                workload_fail("the contents of a piece have changed");
            }
        }
        piece_free(piece);
    }
}

/* A table of 512 MiB of zeroes, in which 200 entries are made. */
static void sparse_table(unsigned threads) {
    enum { ENTRIES = 200, STRIDE = 2600000 };
    (void)threads;
    size_t size = less_on_32_bit(512);
    for (size_t round = 0, rounds = workload_steps(5); round < rounds; round++) {
        unsigned char *table = piece_alloc_zeroed(size);
        if (!table) {
            workload_fail("out of memory");
        }
        for (size_t entry = 0; entry < ENTRIES; entry++) {
            size_t at = (size_t)((uint64_t)entry * STRIDE % size);
            if (table[at] != 0) {
                workload_fail("a piece that shall be zero is not");
            }
            table[at] = 1;
        }
        piece_free(table);
    }
}

/* 100,000 pieces of 512 bytes, each at the start of a page. All live at once, then all are freed. */
static void memalign_4k(unsigned threads) {
    enum { ALIGNMENT = 4096, SIZE = 512, STEPS = 100000 };
    static void *pieces[STEPS];
    (void)threads;
    size_t count = workload_steps(STEPS);
    for (size_t i = 0; i < count; i++) {
        pieces[i] = piece_alloc_aligned(ALIGNMENT, SIZE);
        if (!pieces[i] || (uintptr_t)pieces[i] % ALIGNMENT) {
            workload_fail("no aligned piece");
        }
        stamp_write(pieces[i], SIZE);
    }
    for (size_t i = 0; i < count; i++) {
        stamp_check(pieces[i], SIZE);
        piece_free_aligned(pieces[i]);
    }
}

const struct workload sparse_workloads[] = {
    {"sparse-piece", sparse_piece},
    {"sparse-table", sparse_table},
    {"memalign-4k", memalign_4k},
    {NULL, NULL},
};
