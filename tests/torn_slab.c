/* SPDX-License-Identifier: MIT */
/* torn_slab.c: a slab can end while another thread looks up a freed piece of it. That thread reads the fields of the
 * descriptor one after the other, so it may see some from before the end and some from after it. The heap must refuse
 * the piece, or take it for a piece of a slab that it lies in. It never reads memory that is not the heap's.
 *
 * The test does not wait for a race. It writes each such mixture into a descriptor and then asks about the unit.
 *
 * White box: linked with the static core.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "heap/run.h"
#include "slab/slab.h"

enum { DESCRIPTORS = 8, LARGE = 20000 };

static struct unit *descriptors[DESCRIPTORS]; /* of units in different use */
static unsigned char *piece;                  /* in a further unit of a slab of four */
static struct unit *torn;                     /* the descriptor of that unit */
static unsigned char contents[LARGE];

/* Takes pieces until one begins in a further unit of its slab. Its slab stays alive. */
static void find_piece(void) {
    do
        CHECK((piece = brainmm_alloc(LARGE)) != NULL);
    while (unit_kind(torn = unit_at(piece)) != UNIT_SUB);
    pattern_fill(piece, LARGE, 7);
    memcpy(contents, piece, LARGE);
}

static void take_one_of_each(void) {
    void *freed = brainmm_pages_get(1, BRAINMM_USER);
    const void *memory[DESCRIPTORS] = {
        piece,
        unit_address(unit_from_number(link_get(&torn->next))),
        brainmm_alloc(100),
        brainmm_alloc(500 * KIB),
        brainmm_pages_get(3, BRAINMM_SYSTEM),
        brainmm_block_get(64 * KIB, BRAINMM_USER),
        brainmm_block_get(4 * KIB, BRAINMM_USER),
        freed,
    };
    CHECK(brainmm_pages_free(freed, BRAINMM_USER) == BRAINMM_OK);
    for (unsigned i = 0; i < DESCRIPTORS; i++)
        CHECK(memory[i] != NULL && (descriptors[i] = unit_of(memory[i])) != NULL);
}

/* What a thread sees that has read the kind before the slab ended, and the link after it. A unit that is last in a list
 * has the link 0. */
static void a_link_to_nothing_is_refused(void) {
    uint32_t link = link_get(&torn->next);
    brainmm_options options;
    link_set(&torn->next, 0);
    CHECK(slab_of(piece) == NULL);
    CHECK(brainmm_free(piece) == BRAINMM_E_POINTER);
    CHECK(brainmm_realloc(piece, 2 * LARGE) == NULL && brainmm_reget(piece, 2 * LARGE) == NULL);
    CHECK(brainmm_usable_size(piece) == 0 && brainmm_get_options(piece, &options) == 0);
    link_set(&torn->next, link);
    CHECK(memcmp(piece, contents, LARGE) == 0);
}

/* The kind of one descriptor, the link of another one, and all the rest of a third. */
static unsigned mixtures_are_bounded(void) {
    const struct unit before = *torn;
    unsigned found = 0;
    for (unsigned kind = UNIT_NONE; kind <= UNIT_BLOCKS; kind++)
        for (unsigned link = 0; link <= DESCRIPTORS; link++)
            for (unsigned rest = 0; rest < DESCRIPTORS; rest++) {
                *torn = *descriptors[rest];
                if (rest == 0)
                    *torn = before;
                link_set(&torn->next, link < DESCRIPTORS ? unit_number(descriptors[link]) : 0);
                unit_set_kind(torn, kind);
                for (size_t at = 0; at < LARGE; at += 16) {
                    const struct unit *slab = slab_of(piece + at);
                    found += slab != NULL;
                    CHECK_MSG(!slab || slab == torn || slab == descriptors[1], "kind %u, link %u, rest %u: %p", kind,
                              link, rest, (const void *)slab);
                    brainmm_usable_size(piece + at);
                }
                *torn = before;
            }
    return found;
}

int main(void) {
    watchdog_start(50);
    find_piece();
    take_one_of_each();
    a_link_to_nothing_is_refused();
    unsigned found = mixtures_are_bounded();
    CHECK(memcmp(piece, contents, LARGE) == 0);
    CHECK(brainmm_free(piece) == BRAINMM_OK);
    printf("%u times a slab was found\n", found);
    CHECK(found > 0);
    return TEST_PASSED;
}
