/* SPDX-License-Identifier: MIT */
/* view_helper.c: makes heaps to look at, and dumps them three times while they grow.
 *
 *   view_helper PIECES NAME      writes NAME1.json, NAME2.json and NAME3.json
 *
 * A describer calls pieces of 48 bytes TLeaf. A second thread allocates, too, and keeps what it has.
 */
#include "heap_support.h"

#include "brainmm.h"

static void **pieces;
static unsigned count, allocated;
static random_source source = {11};

static int BRAINMM_CALL write_to_file(void *file, const char *text, size_t length) {
    return fwrite(text, 1, length, file) != length;
}

static void dump(const char *name, unsigned number) {
    char path[300];
    snprintf(path, sizeof path, "%s%u.json", name, number);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(brainmm_dump(write_to_file, file,
                       BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS | BRAINMM_DUMP_MAP | BRAINMM_DUMP_HOLDERS) ==
          BRAINMM_OK);
    CHECK(fclose(file) == 0);
}

static const char *BRAINMM_CALL describe(void *context, const void *address, size_t size) {
    (void)context;
    (void)address;
    return size == 48 ? "TLeaf" : NULL;
}

static size_t some_size(void) {
    size_t choice = random_below(&source, 1000);
    return choice < 300 ? 48 : choice < 995 ? 1 + random_below(&source, 300) : 1 + random_below(&source, 200000);
}

static void *leaf(void) { return brainmm_alloc(48); }
static void *other(size_t size) { return brainmm_alloc(size); }

/* Allocates up to END, and frees one of ten of all. */
static void grow(unsigned end) {
    for (; allocated < end; allocated++) {
        size_t size = some_size();
        pieces[allocated] = size == 48 ? leaf() : other(size);
        CHECK(pieces[allocated] != NULL);
    }
    for (unsigned i = 0; i < allocated; i++)
        if (random_below(&source, 10) == 0) {
            CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
            pieces[i] = NULL;
        }
}

static event kept, leave;

static void thread_keeps(void *argument) {
    (void)argument;
    for (unsigned i = 0; i < 200; i++)
        CHECK(brainmm_alloc(1000) != NULL);
    event_raise(&kept);
    CHECK(event_wait(&leave, 240000));
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    watchdog_start(240);
    thread keeper;
    count = (unsigned)strtoul(argv[1], NULL, 10);
    pieces = calloc(count, sizeof *pieces);
    CHECK(pieces != NULL && brainmm_add_describer(describe, NULL) == BRAINMM_OK);
    CHECK(brainmm_pages_get(20, BRAINMM_USER) != NULL && brainmm_block_get(65536, BRAINMM_USER) != NULL);
    CHECK(brainmm_block_get(4096, BRAINMM_USER) != NULL);
    thread_start(&keeper, thread_keeps, NULL);
    CHECK(event_wait(&kept, 30000));
    for (unsigned number = 1; number <= 3; number++) {
        grow((unsigned)((uint64_t)count * number / 3));
        dump(argv[2], number);
    }
    event_raise(&leave);
    thread_join(&keeper);
    return TEST_PASSED;
}
