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

#else

/* The page has its name and is private and read only. */
static void check_page(void) {
    char line[512];
    unsigned found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        if (!strstr(line, "/memfd:brainmm"))
            continue;
        found++;
        CHECK_MSG(strstr(line, " r--p ") != NULL, "%s", line);
        CHECK(strtoull(line, NULL, 16) == (uintptr_t)place_page(0));
    }
    fclose(maps);
    CHECK_MSG(found == 1, "%u pages", found);
}

#endif

int main(void) {
    unsigned char record[64];
    module library = module_load(path_beside(LIBRARY_FILE));
    CHECK(published(record, sizeof record));
    CHECK(u64_at(record, 0) != 0 && u64_at(record, 0) == word_at(record, 0));
    CHECK(memcmp(record + 8, "BrainMM-record-2", 16) == 0);
    CHECK(u32_at(record, 24) == 40);
    CHECK(u32_at(record, 28) == 2);
    CHECK(u64_at(record, 32) != 0 && u64_at(record, 32) <= UINTPTR_MAX);
    for (size_t i = 40; i < sizeof record; i++)
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
#else
    check_page();
#endif
    return TEST_PASSED;
}
