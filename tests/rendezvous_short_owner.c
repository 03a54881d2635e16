/* SPDX-License-Identifier: MIT */
/* rendezvous_short_owner.c: an owner like an older release: its version-2 table ends after pages_free, and what follows
 * it in memory is no function.
 *
 * With LATER_OWNER (rendezvous_later_owner.c) it is one like a later release: the table has all that ours has and two
 * functions more, and the record is longer. */
#include "rendezvous_party.h"

static size_t *header(void *piece) { return (size_t *)piece - 2; }

static void *BRAINMM_CALL short_alloc(size_t size) {
    size_t *memory = calloc(1, size + 16);
    if (!memory)
        return NULL;
    CHECK(is_aligned(memory, 8)); /* the C library's alignment on 32 bit; nothing here needs more */
    memory[0] = size;
    return memory + 2;
}

static int BRAINMM_CALL short_free(void *piece) {
    if (piece)
        free(header(piece));
    return BRAINMM_OK;
}

static void *BRAINMM_CALL short_realloc(void *piece, size_t size) {
    if (!piece)
        return short_alloc(size);
    size_t *memory = realloc(header(piece), size + 16);
    if (!memory)
        return NULL;
    memory[0] = size;
    return memory + 2;
}

static void *BRAINMM_CALL short_alloc_aligned(size_t alignment, size_t size) {
    return alignment <= 8 ? short_alloc(size) : NULL;
}

static size_t BRAINMM_CALL short_usable_size(const void *piece) {
    return piece ? *header((void *)(uintptr_t)piece) : 0;
}

static void *BRAINMM_CALL short_get(size_t size, unsigned mode) {
    (void)size;
    (void)mode;
    return NULL;
}

static int BRAINMM_CALL short_release(void *memory, unsigned mode) {
    (void)memory;
    (void)mode;
    return BRAINMM_E_POINTER;
}

static void *BRAINMM_CALL short_resize(void *memory, size_t count, unsigned mode) {
    (void)memory;
    (void)count;
    (void)mode;
    return NULL;
}

#define SHORT_SIZE offsetof(struct brainmm_manager, get_options)
#if defined(LATER_OWNER)
enum { LATER_WORDS = 2, LATER_RECORD_BYTES = 16, TABLE_SIZE = sizeof(struct brainmm_manager) + 2 * sizeof(void *) };
static void rest(void) { test_end(TEST_FAILED); } /* what nobody calls in these tests */
#else
enum { LATER_WORDS = 0, LATER_RECORD_BYTES = 0, TABLE_SIZE = SHORT_SIZE };
static const char rest[] = "what lies after the table, and is not code";
#endif

static void *const version1[24];
static union {
    struct brainmm_manager manager;
    void *words[sizeof(struct brainmm_manager) / sizeof(void *) + LATER_WORDS];
} table = {.manager = {BRAINMM_MAGIC,
                       TABLE_SIZE,
                       BRAINMM_ABI_VERSION,
                       &table.manager,
                       version1,
                       (uintptr_t)&table,
                       short_alloc,
                       short_alloc,
                       short_alloc_aligned,
                       short_free,
                       short_realloc,
                       short_realloc,
                       short_usable_size,
                       short_get,
                       short_release,
                       short_get,
                       short_resize,
                       short_resize,
                       short_release,
                       NULL,
                       NULL,
                       NULL}};

static void *party_alloc(size_t size) { return short_alloc(size); }
static int party_free(void *piece) { return short_free(piece); }
static void *party_realloc(void *piece, size_t size) { return short_realloc(piece, size); }
static uintptr_t party_heap_id(void) { return (uintptr_t)&table; }

PARTY_EXPORT const struct party *party_get(void);
PARTY_EXPORT const struct party *party_get(void) {
    static const struct party party = {party_alloc, party_free, party_realloc, party_heap_id, party_no_state};
    static bool done;
    struct record record = {.version1 = (uintptr_t)version1,
                            .magic = "BrainMM-record-2",
                            .size = sizeof record + LATER_RECORD_BYTES,
                            .abi_version = 2,
                            .manager = (uintptr_t)&table};
    if (!done) {
        for (size_t word = SHORT_SIZE / sizeof(void *); word < sizeof table / sizeof(void *); word++)
            table.words[word] = (void *)(uintptr_t)rest;
        publish(&record, sizeof record);
    }
    done = true;
    return &party;
}
