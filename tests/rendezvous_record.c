/* SPDX-License-Identifier: MIT */
/* rendezvous_record.c: reads what an owner publishes byte by byte at the documented offsets, as a program in any
 * language that follows docs/abi.md does. */
#include "rendezvous_party.h"

static uintptr_t word_at(const unsigned char *bytes, size_t offset) {
    uintptr_t word;
    memcpy(&word, bytes + offset, sizeof word);
    return word;
}

static uint32_t u32_at(const unsigned char *bytes, size_t offset) {
    uint32_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

static uint64_t u64_at(const unsigned char *bytes, size_t offset) {
    uint64_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

/* The 16 functions in the table's order, which is part of the ABI. */
static const char *const names[] = {
    "brainmm_alloc",      "brainmm_alloc_zeroed", "brainmm_alloc_aligned",        "brainmm_free",
    "brainmm_realloc",    "brainmm_reget",        "brainmm_usable_size",          "brainmm_block_get",
    "brainmm_block_free", "brainmm_pages_get",    "brainmm_pages_reget",          "brainmm_pages_realloc",
    "brainmm_pages_free", "brainmm_get_options",  "brainmm_thread_heap_minimize", "brainmm_thread_done",
};

static void check_table(const unsigned char *table, const unsigned char *version1) {
    enum { W = sizeof(void *) };
    CHECK(memcmp(table, "BrainMM-table-v2", 16) == 0);
    CHECK(u32_at(table, 16) >= 24 + 19 * W);
    CHECK(u32_at(table, 20) == 2);
    CHECK(word_at(table, 24) == (uintptr_t)table);
    CHECK(word_at(table, 24 + W) == (uintptr_t)version1);
    CHECK(word_at(table, 24 + 2 * W) != 0);
    for (size_t i = 0; i < 16; i++)
        CHECK_MSG(is_executable((void *)word_at(table, 24 + (3 + i) * W)), "function %zu", i);

    void *(BRAINMM_CALL * alloc)(size_t size);
    int(BRAINMM_CALL * release)(void *piece);
    size_t(BRAINMM_CALL * usable_size)(const void *piece);
    memcpy(&alloc, table + 24 + 3 * W, W);
    memcpy(&release, table + 24 + 6 * W, W);
    memcpy(&usable_size, table + 24 + 9 * W, W);
    void *piece = alloc(1000);
    CHECK(piece != NULL && usable_size(piece) >= 1000 && release(piece) == 0);
}

#if defined(_WIN32)

/* Child processes must not inherit the handle that keeps the name: they would keep the name after this process's
 * end. */
static void check_handles(const unsigned char *record) {
    unsigned found = 0;
    for (uintptr_t value = 4; value < 0x4000; value += 4) {
        HANDLE handle = (HANDLE)value;
        DWORD flags;
        if (!GetHandleInformation(handle, &flags))
            continue;
        void *view = MapViewOfFile(handle, FILE_MAP_READ, 0, 0, 0);
        if (view && memcmp(view, record, 40) == 0) {
            found++;
            CHECK((flags & HANDLE_FLAG_INHERIT) == 0);
        }
        if (view)
            UnmapViewOfFile(view);
    }
    CHECK_MSG(found == 1, "%u handles", found);
}

/* No view of the mapping is left in the address space: who can be made to read memory finds no record. */
static void check_memory(void) {
    static const char magic[] = "BrainMM-record-";
    MEMORY_BASIC_INFORMATION part;
    for (char *at = NULL; VirtualQuery(at, &part, sizeof part) != 0; at = (char *)part.BaseAddress + part.RegionSize) {
        char start[40];
        SIZE_T done;
        if (part.State == MEM_COMMIT && part.Type == MEM_MAPPED &&
            ReadProcessMemory(GetCurrentProcess(), part.BaseAddress, start, sizeof start, &done))
            CHECK_MSG(memcmp(start + 8, magic, 15) != 0, "a view at %p", part.BaseAddress);
    }
}

#else

/* The page has its name and is private and read only. No word of it is an address of anything in this process. (On 32
 * bit the words of the text and of the hash may be one by chance.) */
static void check_page(void) {
    char line[512];
    unsigned found = 0;
    const uintptr_t *words = place_page(0);
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        char *rest;
        uintptr_t first = (uintptr_t)strtoull(line, &rest, 16), end = (uintptr_t)strtoull(rest + 1, NULL, 16);
        for (size_t i = 0; i < 4096 / sizeof *words; i++)
            if (sizeof *words == 8 || i == 0 || i == 32 / sizeof *words)
                CHECK_MSG(words[i] < first || words[i] >= end, "word %zu is an address in %s", i, line);
        if (!strstr(line, "/memfd:brainmm"))
            continue;
        found++;
        CHECK_MSG(strstr(line, " r--p ") != NULL, "%s", line);
        CHECK(first == (uintptr_t)words);
    }
    fclose(maps);
    CHECK_MSG(found == 1, "%u pages", found);
}

#endif

/* Copies what is published and puts addresses in the place of what says where the tables are. */
static void record_read(unsigned char record[64]) {
#if defined(_WIN32)
    CHECK(published(record, 64));
#else
    memcpy(record, place_page(0), 64);
    struct image image = {.name = u64_at(record, 40)};
    CHECK(image_find(&image) && u64_at(record, 0) < 64 * MIB && u64_at(record, 32) < 64 * MIB);
    *(uint64_t *)(void *)record += image.start;
    *(uint64_t *)(void *)(record + 32) += image.start;
#endif
}

int main(void) {
    enum { RECORD_BYTES = sizeof(struct record) };
    _Alignas(8) unsigned char record[64];
    module library = module_load(path_beside(LIBRARY_FILE));
    record_read(record);
    CHECK(u64_at(record, 0) != 0 && u64_at(record, 0) == word_at(record, 0));
    CHECK(memcmp(record + 8, "BrainMM-record-2", 16) == 0);
    CHECK(u32_at(record, 24) == RECORD_BYTES);
    CHECK(u32_at(record, 28) == 2);
    CHECK(u64_at(record, 32) != 0 && u64_at(record, 32) <= UINTPTR_MAX);
    for (size_t i = RECORD_BYTES; i < sizeof record; i++)
        CHECK(record[i] == 0);
    check_table((const unsigned char *)(uintptr_t)u64_at(record, 32), (const unsigned char *)word_at(record, 0));

    /* The functions of the exported table and the exported functions are on the same heap. */
    const struct brainmm_manager *symbol;
    module_symbol(library, "brainmm_manager", &symbol);
    CHECK(symbol->self == symbol &&
          symbol->heap_id == word_at((const unsigned char *)(uintptr_t)u64_at(record, 32), 24 + 2 * sizeof(void *)));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *function;
        module_symbol(library, names[i], &function);
    }
#if defined(_WIN32)
    check_handles(record);
    check_memory();
#else
    check_page();
#endif
    return TEST_PASSED;
}
