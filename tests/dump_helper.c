/* SPDX-License-Identifier: MIT */
/* dump_helper.c: allocates memory of every kind. It writes the text of brainmm_dump to one file and what the dump
 * should contain, one line for each allocation, to another. tests/dump.sh compares the two. With a third argument other
 * threads use the heap meanwhile.
 *
 *   dump_helper JSON LIST [threads]
 */
#include "heap_support.h"

#include "brainmm.h"

static FILE *list;

static void known(void *memory, size_t size, const char *kind, size_t alignment, const char *mode) {
    CHECK(memory != NULL);
    fprintf(list, "0x%" PRIxPTR " %zu %s %zu %s\n", (uintptr_t)memory, size, kind, alignment, mode);
}

static void known_piece(size_t alignment, size_t size, const char *kind) {
    void *piece = brainmm_alloc_aligned(alignment, size);
    known(piece, brainmm_usable_size(piece), kind, alignment, "user");
}

static int BRAINMM_CALL write_to_file(void *file, const char *text, size_t length) {
    CHECK(fwrite(text, 1, length, file) == length);
    brainmm_free(brainmm_alloc(length)); /* a writer may use the heap */
    return 0;
}

/* All that JSON escapes, characters of two to four bytes, and a byte that is none. */
static const char *BRAINMM_CALL describe(void *context, const void *address, size_t size) {
    (void)context;
    (void)address;
    return size == 48 ? "\"\\\t\x7F\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xFF\xED\xA0\x80" : NULL;
}

static event leave, started[2];

static void thread_works(void *own_event) {
    void *pieces[256] = {NULL};
    random_source random = {7};
    while (!event_is_raised(&leave)) {
        void **piece = &pieces[random_below(&random, 256)];
        CHECK(brainmm_free(*piece) == BRAINMM_OK);
        *piece = brainmm_alloc(random_below(&random, 3000));
        event_raise(own_event);
    }
    for (unsigned i = 0; i < 256; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

int main(int argc, char **argv) {
    CHECK(argc >= 3);
    thread threads[2];
    watchdog_start(60);
    FILE *json = fopen(argv[1], "w");
    list = fopen(argv[2], "w");
    CHECK(json != NULL && list != NULL);
    CHECK(brainmm_add_describer(describe, NULL) == BRAINMM_OK);
    known_piece(16, 1, "small");
    known_piece(16, 128, "small");
    known_piece(16, 129, "medium");
    known_piece(2048, 32768, "medium");
    known_piece(16, 32769, "big");
    known_piece(64, (size_t)1 << 20, "big");
    known_piece(16, ((size_t)1 << 20) + 1, "large");
    static const char *const modes[] = {"user", "system", "jit"};
    for (unsigned mode = 0; mode < 3; mode++) {
        known(brainmm_pages_get(3, mode), 12288, mode == BRAINMM_JIT ? "jit" : "pages", 4096, modes[mode]);
        for (size_t size = 4096; size <= 65536; size *= 4)
            known(brainmm_block_get(size, mode), size, mode == BRAINMM_JIT ? "jit" : "block", size, modes[mode]);
    }
    for (unsigned i = 0; i < 1000; i++)
        known_piece(16, i, i <= 128 ? "small" : "medium");
    CHECK(fclose(list) == 0);
    for (int i = 0; argc > 3 && i < 2; i++)
        thread_start(&threads[i], thread_works, &started[i]);
    for (int i = 0; argc > 3 && i < 2; i++)
        CHECK(event_wait(&started[i], 30000));
    CHECK(brainmm_dump(write_to_file, json,
                       BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS | BRAINMM_DUMP_MAP | BRAINMM_DUMP_HOLDERS) ==
          BRAINMM_OK);
    event_raise(&leave);
    for (int i = 0; argc > 3 && i < 2; i++)
        thread_join(&threads[i]);
    CHECK(fclose(json) == 0);
    return TEST_PASSED;
}
