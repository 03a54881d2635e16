/* SPDX-License-Identifier: MIT */
/* rendezvous_foreign_owner.c: a foreign owner of the heap: it has the original's version-1 table and nothing else.
 *
 * As in the original, the run-time library never passes NULL, 0 or a negative size, and the process ends if somebody
 * does. Blocks and pages have the modes SYSTEM and JIT only. A boolean result leaves the upper bits of the register
 * undefined. Environment: with FOREIGN_FREE_PASCAL=1 the result of FreeMem is Free Pascal's. With FOREIGN_NO_OPTIONS=1
 * slots 10 and 11 are NULL, as in the releases of October 2016.
 */
#include "rendezvous_foreign.h"
#include "rendezvous_party.h"

#if defined(__i386__)
#define REGISTER __attribute__((regparm(3)))
#else
#define REGISTER
#endif
#define DIRTY(boolean) ((uintptr_t)0x5A5A5A00 | (uintptr_t)(boolean))

static struct foreign_report report;

/* ---- What is live ----------------------------------------------------------------------------------------------- */

struct entry {
    char *start;
    void *memory; /* what malloc gave */
    size_t size;
    bool is_piece;
    uintptr_t mode;
};
static struct entry entries[4096];
static char registry_lock;

static struct entry *entry_find(const void *start) {
    struct entry *found = NULL;
    while (__atomic_test_and_set(&registry_lock, __ATOMIC_ACQUIRE))
        thread_yield();
    for (size_t i = 0; i < sizeof entries / sizeof *entries && !found; i++)
        if (entries[i].start == start)
            found = &entries[i];
    __atomic_clear(&registry_lock, __ATOMIC_RELEASE);
    return found;
}

static void *entry_new(size_t size, size_t alignment, bool is_piece, uintptr_t mode) {
    char *memory = calloc(1, size + alignment);
    CHECK(memory != NULL);
    char *start = (char *)(((uintptr_t)memory + alignment) & ~(uintptr_t)(alignment - 1));
    struct entry *entry = NULL;
    while (__atomic_test_and_set(&registry_lock, __ATOMIC_ACQUIRE))
        thread_yield();
    for (size_t i = 0; i < sizeof entries / sizeof *entries && !entry; i++)
        if (!entries[i].start)
            entry = &entries[i];
    CHECK(entry != NULL);
    *entry = (struct entry){start, memory, size, is_piece, mode};
    report.live++;
    __atomic_clear(&registry_lock, __ATOMIC_RELEASE);
    return start;
}

static void entry_delete(struct entry *entry) {
    free(entry->memory);
    while (__atomic_test_and_set(&registry_lock, __ATOMIC_ACQUIRE))
        thread_yield();
    entry->start = NULL;
    report.live--;
    __atomic_clear(&registry_lock, __ATOMIC_RELEASE);
}

static void *entry_resize(struct entry *entry, size_t size, size_t alignment, bool keep) {
    void *fresh = entry_new(size, alignment, entry->is_piece, entry->mode);
    if (keep)
        memcpy(fresh, entry->start, size < entry->size ? size : entry->size);
    entry_delete(entry);
    return fresh;
}

/* ---- The slots -------------------------------------------------------------------------------------------------- */

static void count(unsigned slot) { __atomic_fetch_add(&report.calls[slot], 1, __ATOMIC_RELAXED); }

static size_t checked(intptr_t size) {
    CHECK_MSG(size > 0, "the original does not survive a size of %ld", (long)size);
    return ((size_t)size + 15) & ~(size_t)15;
}

static struct entry *live_piece(void *piece) {
    CHECK_MSG(piece != NULL && is_aligned(piece, 16), "the original does not survive %p", piece);
    struct entry *entry = entry_find(piece);
    return entry && entry->is_piece ? entry : NULL;
}

static void REGISTER end_thread(intptr_t code) {
    (void)code;
    CHECK_MSG(false, "slot 2 is for threads of this owner");
}

static void *REGISTER block_get(uintptr_t size, uintptr_t mode) {
    count(3);
    return (size & 0xFF) == 2 && mode >= 1 ? entry_new(65536, 65536, false, mode) : NULL;
}

static uintptr_t REGISTER block_free(void *block, uintptr_t mode) {
    count(4);
    struct entry *entry = entry_find(block);
    if (!entry || entry->is_piece || entry->mode != mode)
        return DIRTY(0);
    entry_delete(entry);
    return DIRTY(1);
}

static void *REGISTER pages_get(uintptr_t pages, uintptr_t mode) {
    count(5);
    CHECK((intptr_t)pages > 0);
    return mode >= 1 ? entry_new(pages * 4096, 4096, false, mode) : NULL;
}

static uintptr_t REGISTER pages_free(void *pages, uintptr_t mode) {
    count(6);
    struct entry *entry = entry_find(pages);
    if (!entry || entry->is_piece || entry->mode != mode)
        return DIRTY(0);
    entry_delete(entry);
    return DIRTY(1);
}

static void *REGISTER pages_resize(void *pages, uintptr_t new_count, uintptr_t flags) {
    count(7);
    CHECK(pages != NULL && (intptr_t)new_count > 0 && flags <= 3);
    struct entry *entry = entry_find(pages);
    if (!entry || entry->is_piece || entry->mode != (flags & 1))
        return (void *)1;
    return entry_resize(entry, new_count * 4096, 4096, (flags & 2) != 0);
}

static uintptr_t REGISTER get_options(const void *address, brainmm_options *options) {
    count(10);
    memset(options, 0, sizeof *options); /* also if the answer is no, as in the original */
    options->rights = 3;
    struct entry *entry = entry_find(address);
    if (!entry)
        return DIRTY(0);
    options->size = entry->size;
    options->kind = entry->is_piece ? BRAINMM_SMALL : BRAINMM_LARGE;
    return DIRTY(1);
}

static uintptr_t REGISTER minimize(void) {
    count(11);
    return DIRTY(0);
}

static void *REGISTER get_mem_aligned(uintptr_t align, intptr_t size) {
    count(12);
    CHECK((align & 0xFF) <= 7);
    return entry_new(checked(size), (size_t)16 << (align & 0xFF), true, 0);
}

static void *REGISTER reget_mem(void *piece, intptr_t size) {
    count(13);
    struct entry *entry = live_piece(piece);
    return entry ? entry_resize(entry, checked(size), 16, false) : NULL;
}

static void *REGISTER get_mem(intptr_t size) {
    count(14);
    return entry_new(checked(size), 16, true, 0);
}

static int32_t REGISTER free_mem(void *piece) {
    count(15);
    struct entry *entry = live_piece(piece);
    bool fpc = getenv("FOREIGN_FREE_PASCAL") != NULL;
    if (!entry)
        return fpc ? 0 : -1;
    entry_delete(entry);
    return fpc ? -1 : 0;
}

static void *REGISTER realloc_mem(void *piece, intptr_t size) {
    count(16);
    struct entry *entry = live_piece(piece);
    return entry ? entry_resize(entry, checked(size), 16, true) : NULL;
}

static void *REGISTER alloc_mem(intptr_t size) {
    count(17);
    return entry_new(checked(size), 16, true, 0);
}

static uintptr_t REGISTER expected_leak(void *piece) {
    (void)piece;
    return DIRTY(0);
}

/* ---- The owner -------------------------------------------------------------------------------------------------- */

static uint8_t report_leaks;
#pragma pack(push, 1)
static struct {
    int32_t record_size, version;
    uint8_t free_pascal, pure_pascal, redirect;
    uint8_t *report_leaks;
} options = {11 + sizeof(void *), 1, 0, 0, 0, &report_leaks};
#pragma pack(pop)

static void *table[24];

static void *party_alloc(size_t size) { return get_mem((intptr_t)size); }
static void *party_realloc(void *piece, size_t size) { return realloc_mem(piece, (intptr_t)size); }
static uintptr_t party_heap_id(void) { return (uintptr_t)table; }

static int party_free(void *piece) {
    return (free_mem(piece) == 0) == (options.free_pascal == 0) ? BRAINMM_OK : BRAINMM_E_POINTER;
}

static void set(unsigned slot, const void *function) { memcpy(&table[slot], function, sizeof table[slot]); }
#define SET(slot, function) set(slot, &(__typeof__(&function)){function})

PARTY_EXPORT const struct party *party_get(void);
PARTY_EXPORT const struct party *party_get(void) {
    static const struct party party = {party_alloc, party_free, party_realloc, party_heap_id, party_no_state};
    void *record = table;
    if (report.table)
        return &party;
    report.table = table;
    options.free_pascal = getenv("FOREIGN_FREE_PASCAL") != NULL;
    table[0] = &options;
    SET(2, end_thread);
    SET(3, block_get);
    SET(4, block_free);
    SET(5, pages_get);
    SET(6, pages_free);
    SET(7, pages_resize);
    if (!getenv("FOREIGN_NO_OPTIONS")) {
        SET(10, get_options);
        SET(11, minimize);
    }
    SET(12, get_mem_aligned);
    SET(13, reget_mem);
    SET(14, get_mem);
    SET(15, free_mem);
    SET(16, realloc_mem);
    SET(17, alloc_mem);
    SET(18, expected_leak);
    SET(19, expected_leak);
    publish(&record, sizeof record);
    return &party;
}

PARTY_EXPORT const struct foreign_report *foreign_report(void);
PARTY_EXPORT const struct foreign_report *foreign_report(void) { return &report; }
