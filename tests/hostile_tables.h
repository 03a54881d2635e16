/* SPDX-License-Identifier: MIT */
/* hostile_tables.h: a record, a version-2 table and a version-1 table that an owner could publish. They lie in the
 * image of this program, and each case of rendezvous_hostile.c spoils one of them. Nobody may call their functions,
 * with the exception of those of tables_make_good.
 */
#ifndef TESTS_HOSTILE_TABLES_H
#define TESTS_HOSTILE_TABLES_H

#include "rendezvous_foreign.h"
#include "rendezvous_party.h"

#pragma pack(push, 1)
struct options {
    int32_t record_size, version;
    uint8_t free_pascal, pure_pascal, redirect;
    uint8_t *report_leaks;
};
#pragma pack(pop)

SUPPORT_INLINE void must_not_be_called(void) { CHECK_MSG(false, "a function of a refused table was called"); }

#define FUNCTION_COUNT ((sizeof(struct brainmm_manager) - offsetof(struct brainmm_manager, alloc)) / sizeof(void *))
static union table {
    struct brainmm_manager manager;
    uintptr_t words[sizeof(struct brainmm_manager) / sizeof(uintptr_t)];
} table;
static uintptr_t *const functions = &table.words[offsetof(struct brainmm_manager, alloc) / sizeof(uintptr_t)];

static uint8_t leak_flag;
static struct options options;
static void *version1[24];
static void *const nothing[32];
static struct record record;

/* Fills the record and the tables so that a module would accept them. */
SUPPORT_INLINE void tables_make(void) {
    memset(&table, 0, sizeof table);
    memcpy(table.manager.magic, BRAINMM_MAGIC, sizeof table.manager.magic);
    table.manager.size = sizeof table.manager;
    table.manager.abi_version = BRAINMM_ABI_VERSION;
    table.manager.self = &table.manager;
    table.manager.version1 = version1;
    table.manager.heap_id = 1;
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        functions[i] = (uintptr_t)must_not_be_called;
    options = (struct options){sizeof options, 1, 0, 1, 0, &leak_flag};
    version1[0] = &options;
    for (int slot = 1; slot < 20; slot++)
        version1[slot] = slot == 8 || slot == 9 ? NULL : (void *)(uintptr_t)must_not_be_called;
    record = (struct record){.version1 = (uintptr_t)version1,
                             .magic = "BrainMM-record-2",
                             .size = sizeof record,
                             .abi_version = 2,
                             .manager = (uintptr_t)&table};
}

static void *BRAINMM_CALL good_alloc(size_t size) { return malloc(size); }
static void *BRAINMM_CALL good_realloc(void *piece, size_t size) { return realloc(piece, size); }

static int BRAINMM_CALL good_free(void *piece) {
    free(piece);
    return BRAINMM_OK;
}

/* The same, with three functions that may be called. */
SUPPORT_INLINE void tables_make_good(void) {
    tables_make();
    table.manager.alloc = good_alloc;
    table.manager.realloc = good_realloc;
    table.manager.free = good_free;
}

/* ---- Memory of all kinds to put them into ----------------------------------------------------------------------- */

SUPPORT_INLINE uintptr_t foreign_code(void) {
    uintptr_t code;
#if defined(_WIN32)
    FARPROC function = GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtClose");
#else
    void *function = dlsym(RTLD_DEFAULT, "qsort");
#endif
    memcpy(&code, &function, sizeof code);
    return code;
}

/* Copies SIZE bytes to the data of another image: of the foreign owner's module, which has not published anything. */
SUPPORT_INLINE void *foreign_data(const void *from, size_t size) {
    foreign_report_function report;
    module_symbol(module_load(path_beside("rendezvous_foreign_owner-plain" MODULE_SUFFIX)), "foreign_report", &report);
    void *data = (void *)(uintptr_t)report()->calls;
    CHECK(size <= sizeof report()->calls);
    return memcpy(data, from, size);
}

SUPPORT_INLINE void *heap_copy(const void *from, size_t size) {
    void *copy = malloc(size);
    CHECK(copy != NULL);
    return memcpy(copy, from, size);
}

/* Memory such as a JIT compiler has. It holds zeros, which fault when they are called. */
SUPPORT_INLINE void *executable_memory(size_t size) {
#if defined(_WIN32)
    void *memory = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
#else
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = memory == MAP_FAILED ? NULL : memory;
#endif
    CHECK(memory != NULL);
    return memory;
}

#endif
