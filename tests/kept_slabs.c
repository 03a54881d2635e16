/* SPDX-License-Identifier: MIT */
/* kept_slabs.c: a thread's current slab ends when all of it is free, except for a few that the thread's heap keeps
 * (slab/kept.h). A piece that is held keeps its slab. Sizes that are used in turn keep their slabs, too. A list of free
 * objects that the program has damaged does no harm when it is counted.
 *
 * White box: linked with the static core.
 */
#include "heap_whole.h"

#include "brainmm.h"
#include "slab/kept.h"
#include "slab/thread_heap.h"

enum { SIZES = 60, ROUNDS = 400, AT_FIRST = 4 };

/* Each is a class of its own. */
static size_t size_of(unsigned i) { return 16 + i * 16u; }

static void *take(size_t size) {
    void *piece = brainmm_alloc(size);
    CHECK(piece != NULL);
    memset(piece, 0x5A, size);
    return piece;
}

static void give(void *piece) { CHECK(brainmm_free(piece) == BRAINMM_OK); }

static struct bin *bin_for(size_t size) { return &thread_heap_existing()->bins[size_class_of(size)]; }

static unsigned current_slabs(void) {
    unsigned count = 0;
    for (unsigned i = 0; i < SIZES; i++)
        count += bin_for(size_of(i))->current != 0;
    return count;
}

static void slabs_end_when_all_is_free(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < SIZES; i++)
        give(take(size_of(i)));
    heap_is_whole("one piece of each size");
    printf("%u slabs are kept of %u\n", current_slabs(), SIZES);
    CHECK(current_slabs() > 0 && current_slabs() <= AT_FIRST);
}

/* In whichever order the pieces go, and if some come of a second list. */
static void slabs_end_with_their_last_piece(void *seed) {
    enum { EACH = 40 };
    static void *pieces[SIZES * EACH];
    random_source random = {(uintptr_t)seed};
    for (unsigned i = 0; i < SIZES * EACH; i++)
        pieces[i] = take(size_of(i % SIZES));
    for (unsigned i = 0; i < SIZES * EACH; i += 7) {
        give(pieces[i]);
        pieces[i] = take(size_of(i % SIZES));
    }
    heap_is_whole("many pieces");
    for (unsigned left = SIZES * EACH; left; left--) {
        unsigned at = (unsigned)random_below(&random, left);
        give(pieces[at]);
        pieces[at] = pieces[left - 1];
    }
    heap_is_whole("their release");
    printf("%u slabs are left after %u pieces, %u of them kept\n", current_slabs(), SIZES * EACH,
           thread_heap_existing()->kept.count);
    CHECK(current_slabs() <= AT_FIRST + 2); /* it may have regretted some */
}

static void a_held_piece_keeps_its_slab(void *unused) {
    unsigned char *held[SIZES];
    (void)unused;
    for (unsigned i = 0; i < SIZES; i++)
        held[i] = take(size_of(i));
    for (unsigned round = 0; round < 20; round++)
        for (unsigned i = 0; i < SIZES; i++)
            give(take(size_of(i)));
    heap_is_whole("use beside a held piece");
    for (unsigned i = 0; i < SIZES; i++)
        for (size_t k = 0; k < size_of(i); k++)
            CHECK(held[i][k] == 0x5A);
    CHECK(current_slabs() == SIZES);
    for (unsigned i = 0; i < SIZES; i++)
        give(held[i]);
    heap_is_whole("release of the held pieces");
}

/* It was kept when no more looks were due, and loses its place while pieces are out. Their release is noticed again. */
static void a_slab_that_lost_its_place_ends(void *unused) {
    size_t size = size_of(5);
    void *all[300], *more[3];
    unsigned count = 0;
    (void)unused;
    all[count++] = take(size);
    for (unsigned i = 0; i < 20 && bin_for(size)->looks != LOOKS_MOST; i++)
        give(take(size));
    while (count < 300 && thread_heap_existing()->cached[size_class_of(size)])
        all[count++] = take(size);
    while (count)
        give(all[--count]);
    CHECK(bin_for(size)->place != 0 && bin_for(size)->looks == LOOKS_MOST);
    for (unsigned i = 0; i < 3; i++)
        more[i] = take(size);
    for (unsigned i = 0; i < 100 * SIZES && bin_for(size)->place != 0; i++) /* in turn, so each was used since */
        give(take(size_of(10 + i / 3 % 8)));
    CHECK(bin_for(size)->place == 0);
    uint32_t slab = bin_for(size)->current;
    for (unsigned i = 0; i < 3; i++) {
        give(more[i]);
        heap_is_whole("a slab without its place");
    }
    CHECK(bin_for(size)->current != slab || bin_for(size)->place != 0);
}

/* While it held a piece, the thread looked for an end in vain: less and less often. */
static void looks_are_few(void *unused) {
    size_t size = 96;
    void *held = take(size);
    unsigned looks = 0;
    (void)unused;
    give(take(size));
    for (unsigned i = 0; i < 10000; i++) {
        unsigned before = bin_for(size)->looks;
        give(take(size));
        looks += bin_for(size)->looks == before + 1;
    }
    printf("%u looks in 10000 releases\n", looks);
    CHECK(looks < 100);
    give(held);
}

static void sizes_used_in_turn_keep_their_slabs(void *unused) {
    uint32_t slabs[SIZES];
    void *pieces[SIZES];
    unsigned same = 0;
    (void)unused;
    for (unsigned round = 0; round <= ROUNDS; round++) {
        for (unsigned i = 0; i < SIZES; i++)
            pieces[i] = take(size_of(i));
        for (unsigned i = 0; i < SIZES; i++) {
            uint32_t number = bin_for(size_of(i))->current;
            same += round == ROUNDS && number == slabs[i];
            slabs[i] = number;
            give(pieces[i]);
        }
    }
    heap_is_whole("turns");
    uint32_t regrets = thread_heap_existing()->kept.regrets, more = thread_heap_existing()->kept.more;
    for (unsigned i = 0; i < SIZES; i++)
        give(take(size_of(i)));
    CHECK(same == SIZES && current_slabs() == SIZES);
    CHECK(thread_heap_existing()->kept.regrets == regrets && thread_heap_existing()->kept.more == more);
    brainmm_thread_heap_minimize();
    CHECK(current_slabs() == 0 && thread_heap_existing()->kept.more == 0);
}

/* LINK is what the program has written where the second of the cached objects had its link. */
static void damage_is_survived(size_t size, struct object *(*link)(struct object *object, struct unit *slab)) {
    void *first = take(size), *second = take(size);
    struct unit *slab = slab_of(first);
    struct object *damaged = thread_heap_existing()->cached[size_class_of(size)]->next, *next = damaged->next;
    CHECK(bin_for(size)->current == unit_number(slab) && bin_for(size)->place == 0);
    damaged->next = link(damaged, slab);
    give(second);
    give(first);
    CHECK(unit_kind(slab) == UNIT_SLAB && bin_for(size)->current == unit_number(slab));
    damaged->next = next;
}

static struct object *nothing(struct object *object, struct unit *slab) { return (void)object, (void)slab, NULL; }
static struct object *itself(struct object *object, struct unit *slab) { return (void)slab, object; }
static struct object *elsewhere(struct object *object, struct unit *slab) {
    return (void)object, (struct object *)slab;
}
static struct object *unmapped(struct object *object, struct unit *slab) {
    return (void)slab, (struct object *)((uintptr_t)object ^ (uintptr_t)0x7 << (sizeof(void *) * 8 - 4));
}
static struct object *between(struct object *object, struct unit *slab) {
    return (void)slab, (struct object *)((char *)object + 1);
}
static struct object *behind(struct object *object, struct unit *slab) {
    return (void)object, (struct object *)(slab->start + UNIT_SIZE - 8);
}

static void broken_links_are_survived(void *unused) {
    static struct object *(*const links[])(struct object *, struct unit *) = {nothing,  itself,  elsewhere,
                                                                              unmapped, between, behind};
    (void)unused;
    for (unsigned i = 0; i < sizeof links / sizeof *links; i++)
        damage_is_survived(size_of(i), links[i]);
    brainmm_thread_heap_minimize();
    heap_is_whole("mending");
}

int main(void) {
    static void (*const parts[])(void *) = {slabs_end_when_all_is_free,      slabs_end_with_their_last_piece,
                                            a_held_piece_keeps_its_slab,     looks_are_few,
                                            a_slab_that_lost_its_place_ends, sizes_used_in_turn_keep_their_slabs,
                                            broken_links_are_survived};
    watchdog_start(50);
    give(take(10)); /* without a heap of its own, a thread does not look after those of others */
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        thread t;
        thread_start(&t, parts[i], (void *)(uintptr_t)i);
        thread_join(&t);
        brainmm_thread_heap_minimize(); /* the next thread begins with an empty heap */
    }
    return TEST_PASSED;
}
