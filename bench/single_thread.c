/* SPDX-License-Identifier: MIT */
/* single_thread.c: workloads of one thread with pieces up to some KiB, as most programs have most of the time. */
#include "workload.h"

enum { SEED = 20, MIB = 1 << 20 };

struct slot {
    void *piece;
    size_t size;
};

static struct slot *slots_alloc(size_t count) {
    struct slot *slots = piece_alloc_zeroed(count * sizeof *slots);
    if (!slots) {
        workload_fail("out of memory");
    }
    return slots;
}

static void slots_free(struct slot *slots, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (slots[i].piece) {
            stamped_free(slots[i].piece, slots[i].size);
        }
    }
    piece_free(slots);
}

/* Allocates batches of one size and frees them in the order of allocation, in reverse order or shuffled. */
static void batches(unsigned threads) {
    enum { BATCH = 400, ROUNDS = 6000 };
    static const size_t sizes[] = {16, 24, 40, 64, 96, 128, 200, 320, 640, 1200};
    static void *pieces[BATCH];
    static unsigned shuffled[BATCH];
    random_state random = {SEED};
    (void)threads;

    for (unsigned i = 0; i < BATCH; i++) {
        size_t other = random_below(&random, i + 1);
        shuffled[i] = shuffled[other];
        shuffled[other] = i;
    }
    for (size_t round = 0; round < workload_steps(ROUNDS); round++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            for (unsigned i = 0; i < BATCH; i++) {
                pieces[i] = stamped_alloc(sizes[s]);
            }
            for (unsigned i = 0; i < BATCH; i++) {
                unsigned order = round % 3 == 0 ? i : round % 3 == 1 ? BATCH - 1 - i : shuffled[i];
                stamped_free(pieces[order], sizes[s]);
            }
        }
    }
}

/* Replaces a random one of COUNT pieces by one of another size, again and again: the steady state of a server. */
static void replace(size_t count, size_t steps, unsigned low, unsigned high) {
    struct slot *slots = slots_alloc(count);
    random_state random = {SEED};
    steps = workload_steps(steps);
    for (size_t step = 0; step < steps; step++) {
        struct slot *slot = &slots[random_below(&random, count)];
        if (slot->piece) {
            stamped_free(slot->piece, slot->size);
        }
        slot->size = random_size(&random, low, high);
        slot->piece = stamped_alloc(slot->size);
    }
    slots_free(slots, count);
}

static void replace_small(unsigned threads) {
    (void)threads;
    replace(50000, 8000000, 3, 9);
}

static void replace_medium(unsigned threads) {
    (void)threads;
    replace(4000, 6000000, 10, 15);
}

/* Replaces zeroed pieces at random and searches each for a byte that is not zero. */
static void zeroed(unsigned threads) {
    enum { COUNT = 5000, STEPS = 8000000 };
    struct slot *slots = slots_alloc(COUNT);
    random_state random = {SEED};
    (void)threads;
    for (size_t step = 0, steps = workload_steps(STEPS); step < steps; step++) {
        struct slot *slot = &slots[random_below(&random, COUNT)];
        if (slot->piece) {
            stamped_free(slot->piece, slot->size);
        }
        slot->size = random_size(&random, 4, 11);
        const char *piece = slot->piece = piece_alloc_zeroed(slot->size);
        if (!piece) {
            workload_fail("out of memory");
        }
        if (piece[0] || piece[random_below(&random, slot->size)] || piece[slot->size - 1]) {
            workload_fail("zeroed memory is not zero");
        }
        stamp_write(slot->piece, slot->size);
    }
    slots_free(slots, COUNT);
}

/* Builds and frees binary trees while one long-lived tree stays: many small nodes of one size. */
struct node {
    struct node *left, *right;
    uintptr_t depth;
};

static struct node *tree_build(uintptr_t depth) {
    struct node *node = piece_alloc(sizeof *node);
    if (!node) {
        workload_fail("out of memory");
    }
    node->depth = depth;
    node->left = depth ? tree_build(depth - 1) : NULL;
    node->right = depth ? tree_build(depth - 1) : NULL;
    return node;
}

static void tree_free(struct node *node, uintptr_t depth) {
    if (node->depth != depth || !node->left != !depth || !node->right != !depth) {
        workload_fail("a node of a tree has changed");
    }
    if (depth) {
        tree_free(node->left, depth - 1);
        tree_free(node->right, depth - 1);
    }
    piece_free(node);
}

static void trees(unsigned threads) {
    enum { LONG_LIVED = 16, DEEPEST = 16 };
    (void)threads;
    struct node *long_lived = tree_build(LONG_LIVED);
    for (uintptr_t depth = 4; depth <= DEEPEST; depth += 4) {
        for (size_t i = 0; i < workload_steps((size_t)1 << (DEEPEST + 6 - depth)); i++) {
            tree_free(tree_build(depth), depth);
        }
    }
    tree_free(long_lived, LONG_LIVED);
}

/* An index of words: a hash table of chained entries with a copy of each word and a growing list of its places. */
struct word {
    struct word *next;
    char *text;
    uint32_t *places;
    size_t count, capacity;
};

static void words(unsigned threads) {
    enum { BUCKETS = 1 << 16, VOCABULARY = 150000, OCCURRENCES = 1500000 };
    struct word **table = piece_alloc_zeroed(BUCKETS * sizeof *table);
    random_state random = {SEED};
    size_t found = 0, occurrences = workload_steps(OCCURRENCES);
    (void)threads;
    if (!table) {
        workload_fail("out of memory");
    }
    for (uint32_t place = 0; place < occurrences; place++) {
        /* The product of two random numbers makes some words frequent and most rare. */
        size_t rank = random_below(&random, random_below(&random, VOCABULARY) + 1);
        random_state letters = {rank};
        char text[32];
        size_t length = 3 + random_below(&letters, 13);
        for (size_t i = 0; i < length; i++) {
            text[i] = (char)('a' + random_below(&letters, 26));
        }
        text[length] = 0;
        struct word **link = &table[random_next(&letters) % BUCKETS];
        while (*link && strcmp((*link)->text, text) != 0) {
            link = &(*link)->next;
        }
        if (!*link) {
            struct word *word = piece_alloc_zeroed(sizeof *word);
            char *copy = piece_alloc(length + 1);
            if (!word || !copy) {
                workload_fail("out of memory");
            }
            memcpy(copy, text, length + 1);
            word->text = copy;
            *link = word;
        }
        struct word *word = *link;
        if (word->count == word->capacity) {
            word->capacity = word->capacity ? word->capacity + (word->capacity + 1) / 2 : 2;
            word->places = piece_realloc(word->places, word->capacity * sizeof *word->places);
            if (!word->places) {
                workload_fail("out of memory");
            }
        }
        word->places[word->count++] = place;
    }
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        for (struct word *word = table[bucket], *next; word; word = next) {
            next = word->next;
            for (size_t i = 1; i < word->count; i++) {
                if (word->places[i - 1] >= word->places[i]) {
                    workload_fail("the places of a word are out of order");
                }
            }
            found += word->count;
            piece_free(word->places);
            piece_free(word->text);
            piece_free(word);
        }
    }
    if (found != occurrences) {
        workload_fail("occurrences were lost");
    }
    piece_free(table);
}

/* Many buffers grow by a few bytes in turn, like strings to which a program appends. */
static void append_round(random_state *random) {
    enum { BUFFERS = 1500, LAST_SIZE = 12000 };
    struct slot *slots = slots_alloc(BUFFERS);
    for (size_t left = BUFFERS; left;) {
        struct slot *slot = &slots[random_below(random, BUFFERS)];
        if (slot->size >= LAST_SIZE) {
            continue;
        }
        size_t more = 1 + random_below(random, 47);
        unsigned char *piece = piece_realloc(slot->piece, slot->size + more);
        if (!piece) {
            workload_fail("out of memory");
        }
        for (size_t i = slot->size; i < slot->size + more; i++) {
            piece[i] = (unsigned char)(i * 7);
        }
        slot->piece = piece;
        slot->size += more;
        left -= slot->size >= LAST_SIZE;
    }
    for (size_t i = 0; i < BUFFERS; i++) {
        const unsigned char *piece = slots[i].piece;
        for (size_t at = 0; at < slots[i].size; at++) {
            if (piece[at] != (unsigned char)(at * 7)) {
                workload_fail("a grown buffer lost its contents");
            }
        }
        piece_free(slots[i].piece);
    }
    piece_free(slots);
}

static void append(unsigned threads) {
    random_state random = {SEED};
    (void)threads;
    for (size_t round = 0; round < workload_steps(4); round++) {
        append_round(&random);
    }
}

/* Phases of different sizes. One piece in sixteen outlives its phase, so that fragmentation shows as peak memory. */
static void survivors(unsigned threads) {
    enum { PHASES = 24, PHASE_BYTES = 24 * MIB, MOST = PHASE_BYTES / 24, SURVIVING = 1 << 18 };
    static const unsigned char ranges[][2] = {{4, 6}, {5, 9}, {4, 12}, {8, 11}, {10, 13}, {6, 8}, {12, 15}, {4, 15}};
    struct slot *now = slots_alloc(MOST), *kept = slots_alloc(SURVIVING);
    random_state random = {SEED};
    size_t kept_count = 0;
    (void)threads;
    for (size_t phase = 0; phase < workload_steps(PHASES); phase++) {
        const unsigned char *range = ranges[phase % (sizeof ranges / sizeof *ranges)];
        size_t count = 0;
        for (size_t bytes = 0; bytes < PHASE_BYTES && count < MOST; count++) {
            size_t size = random_size(&random, range[0], range[1]);
            now[count].size = size;
            now[count].piece = stamped_alloc(size);
            memset((char *)now[count].piece + 8, 0x5A, size - 16);
            bytes += size;
        }
        for (size_t i = 0; i < count; i++) {
            if (random_below(&random, 16) == 0 && kept_count < SURVIVING) {
                kept[kept_count++] = now[i];
            } else {
                stamped_free(now[i].piece, now[i].size);
            }
            now[i].piece = NULL;
        }
    }
    slots_free(kept, kept_count);
    slots_free(now, MOST);
}

const struct workload single_thread_workloads[] = {
    {"batches", batches},
    {"replace-small", replace_small},
    {"replace-medium", replace_medium},
    {"zeroed", zeroed},
    {"trees", trees},
    {"words", words},
    {"append", append},
    {"survivors", survivors},
    {NULL, NULL},
};
