/* SPDX-License-Identifier: MIT */
/* hostile_cases.h: the cases of rendezvous_hostile.c. Each puts something wrong where an owner publishes and says what
 * the library must report about it.
 */
#ifndef TESTS_HOSTILE_CASES_H
#define TESTS_HOSTILE_CASES_H

#include "hostile_tables.h"

enum place {
    RECORD,  /* a record with a version-2 table at the first place */
    POINTER, /* the address of a version-1 table, followed by zeros, as a module of the original writes it */
    OTHER,   /* something else at the first place, which the case itself creates */
#if defined(_WIN32)
    VARIABLE, /* nothing at the first place; the environment variable is set */
    BOTH      /* zeros at the first place; the environment variable is set */
#endif
};

struct hostile_case {
    const char *name;
    enum place place;
    const char *reason; /* what the report must say */
    void (*make)(void); /* spoils the record or its tables, in the process that loads the library */
#if defined(_WIN32)
    HANDLE (*squat)(const char *object); /* OTHER: creates the object of that name, in the parent of that process */
#endif
};

/* The memory for a case that needs a stack; it lives as long as the process. */
static union table *on_stack;

/* ---- Records and version-2 tables ------------------------------------------------------------------------------- */

static void case_wrong_record_size(void) { record.size = 8; }
static void case_wrong_record_abi(void) { record.abi_version = 3; }
static void case_null(void) { record.manager = 0; }
static void case_misaligned(void) { record.manager++; }
static void case_nowhere(void) { record.manager = (uintptr_t)system_addresses(65536) + 4096 - 64; }
static void case_system_address(void) { record.manager = 0xFFFF800000001000u; }

static void case_in_heap(void) {
    union table *copy = heap_copy(&table, sizeof table);
    copy->manager.self = &copy->manager;
    record.manager = (uintptr_t)copy;
}

static void case_in_executable_memory(void) {
    char *memory = executable_memory(8192);
    union table *copy = memcpy(memory, &table, sizeof table);
    copy->manager.self = &copy->manager;
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        copy->words[sizeof table / sizeof *copy->words - 1 - i] = (uintptr_t)memory + 4096;
    record.manager = (uintptr_t)copy;
}

static void case_on_stack(void) {
    *on_stack = table;
    on_stack->manager.self = &on_stack->manager;
    record.manager = (uintptr_t)on_stack;
}

static void case_another_image(void) { record.manager = foreign_code() & ~(uintptr_t)15; }

static void case_end_of_image(void) {
#if defined(_WIN32)
    MEMORY_BASIC_INFORMATION info;
    char *end = (char *)&table;
    while (VirtualQuery(end, &info, sizeof info) && info.AllocationBase == (void *)GetModuleHandleA(NULL))
        end = (char *)info.BaseAddress + info.RegionSize;
    record.manager = (uintptr_t)end - 16;
#else
    extern char end[] __asm__("_end");
    record.manager = ((uintptr_t)end & ~(uintptr_t)15) - 16;
#endif
}

static void case_wrong_magic(void) { table.manager.magic[15]++; }
static void case_size_too_small(void) { table.manager.size = offsetof(struct brainmm_manager, usable_size); }
static void case_size_too_large(void) { table.manager.size = 0x40000000; }
static void case_size_odd(void) { table.manager.size--; }
static void case_wrong_abi(void) { table.manager.abi_version = 3; }
static void case_moved_copy(void) { table.manager.self = (struct brainmm_manager *)(uintptr_t)version1; }
static void case_no_heap_yet(void) { table.manager.heap_id = 0; }
static void case_null_function(void) { functions[3] = 0; }
static void case_last_function_in_data(void) { functions[FUNCTION_COUNT - 1] = (uintptr_t)&options; }
static void case_function_on_stack(void) { functions[0] = (uintptr_t)on_stack; }
static void case_function_of_another_image(void) { functions[1] = foreign_code(); }

/* ---- Version-1 tables ------------------------------------------------------------------------------------------- */

static void case_version1_misaligned(void) { record.version1++; }
static void case_version1_in_heap(void) { record.version1 = (uintptr_t)heap_copy(version1, sizeof version1); }

static void case_version1_on_stack(void) {
    _Static_assert(sizeof version1 <= sizeof *on_stack, "room for a version-1 table");
    record.version1 = (uintptr_t)memcpy(on_stack, version1, sizeof version1);
}

static void case_version1_zeros(void) { record.version1 = (uintptr_t)nothing; }
static void case_version1_options_in_heap(void) { version1[0] = heap_copy(&options, sizeof options); }
static void case_version1_options_in_another_image(void) { version1[0] = foreign_data(&options, sizeof options); }
static void case_version1_record_size(void) { options.record_size = 7; }
static void case_version1_version(void) { options.version = 0; }
static void case_version1_boolean(void) { options.redirect = 2; }
static void case_version1_flag_in_heap(void) { options.report_leaks = malloc(1); }
static void case_version1_null_slot(void) { version1[16] = NULL; }
static void case_version1_slot_of_another_image(void) { version1[15] = (void *)foreign_code(); }
static void case_version1_optional_slot_in_heap(void) { version1[2] = malloc(1); }

/* ---- Other things at the first place ----------------------------------------------------------------------------- */

static void garbage_fill(unsigned char *page) {
    random_source source = {now_ms()};
    for (size_t i = 0; i < 4096; i++)
        page[i] = (unsigned char)random_next(&source);
}

#if defined(_WIN32)

static HANDLE mapping_create(const char *object, DWORD protection, SECURITY_ATTRIBUTES *attributes, DWORD size) {
    HANDLE mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, attributes, protection, 0, size, object);
    CHECK_MSG(mapping != NULL, "error %lu", GetLastError());
    return mapping;
}

static HANDLE squat_zero(const char *object) { return mapping_create(object, PAGE_READWRITE, NULL, 4096); }

static HANDLE squat_garbage(const char *object) {
    HANDLE mapping = squat_zero(object);
    unsigned char *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
    CHECK(view != NULL);
    garbage_fill(view);
    UnmapViewOfFile(view);
    return mapping;
}

static HANDLE squat_event(const char *object) {
    HANDLE created = CreateEventA(NULL, FALSE, FALSE, object);
    CHECK_MSG(created != NULL, "error %lu", GetLastError());
    return created;
}

static HANDLE squat_denied(const char *object) {
    SECURITY_DESCRIPTOR nobody;
    SECURITY_ATTRIBUTES attributes = {sizeof attributes, &nobody, FALSE};
    ACL empty;
    InitializeSecurityDescriptor(&nobody, SECURITY_DESCRIPTOR_REVISION);
    InitializeAcl(&empty, sizeof empty, ACL_REVISION);
    SetSecurityDescriptorDacl(&nobody, TRUE, &empty, FALSE);
    return mapping_create(object, PAGE_READWRITE, &attributes, 4096);
}

static HANDLE squat_reserved(const char *object) {
    return mapping_create(object, PAGE_READWRITE | SEC_RESERVE, NULL, 1 << 20);
}

#else

enum { SHARED_FD = 100 }; /* a page of memory that the parent process has, too */

static void first_place_map(int rights, int flags, int file) {
    CHECK(mmap(place_page(0), 4096, rights, flags | MAP_FIXED_NOREPLACE, file, 0) == place_page(0));
}

static void case_zero(void) { page_publish("", 1); }

static void case_garbage(void) {
    unsigned char garbage[4096];
    garbage_fill(garbage);
    page_publish(garbage, sizeof garbage);
}

/* Everything is right but that the memory is shared. */
static void case_shared(void) {
    first_place_map(PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD);
    tables_make_good();
    struct record content = page_content(&record, sizeof record);
    memcpy(place_page(0), &content, sizeof content);
}

static void case_unreadable(void) { first_place_map(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1); }

#endif

/* ---- The environment variable, the second place on Windows ------------------------------------------------------- */

#if defined(_WIN32)

static void variable_set(const char *text) { CHECK(SetEnvironmentVariableA("BRAINMM_MANAGER", text)); }

static void variable_set_table(unsigned long process, uint64_t address) {
    char text[64];
    snprintf(text, sizeof text, "%08lX:%016" PRIX64, process, address);
    variable_set(text);
}

static void case_variable_stale(void) { variable_set_table(GetCurrentProcessId() + 4, (uintptr_t)&table); }
static void case_variable_garbage(void) { variable_set("anything"); }
static void case_variable_lower_case(void) { variable_set("0000abcd:0000000000400000"); }
static void case_variable_null(void) { variable_set_table(GetCurrentProcessId(), 0); }

static void case_variable_long(void) {
    static char text[5000];
    memset(text, 'A', sizeof text - 1);
    variable_set(text);
}

static void case_variable_in_heap(void) {
    variable_set_table(GetCurrentProcessId(), (uintptr_t)heap_copy(&table, sizeof table));
}

static void case_variable_wrong_magic(void) {
    table.manager.magic[0]++;
    variable_set_table(GetCurrentProcessId(), (uintptr_t)&table);
}

#endif

/* ---- The table of all cases -------------------------------------------------------------------------------------- */

#define CASE(id, where, says)                                                                                          \
    { .name = #id, .place = where, .reason = says, .make = case_##id }
#define SQUAT(id, says)                                                                                                \
    { .name = #id, .place = OTHER, .reason = says, .squat = squat_##id }

static const struct hostile_case cases[] = {
    CASE(wrong_record_size, RECORD, "impossible size or another ABI"),
    CASE(wrong_record_abi, RECORD, "impossible size or another ABI"),
    CASE(null, RECORD, "version-2 table is NULL"),
    CASE(misaligned, RECORD, "does not lie in an image"),
    CASE(nowhere, RECORD, "does not lie in an image"),
    CASE(system_address, RECORD, "version-2 table"),
    CASE(in_heap, RECORD, "does not lie in an image"),
    CASE(in_executable_memory, RECORD, "does not lie in an image"),
    CASE(on_stack, RECORD, "does not lie in an image"),
    CASE(another_image, RECORD, "wrong magic"),
    CASE(end_of_image, RECORD, "version-2 table"),
    CASE(wrong_magic, RECORD, "wrong magic"),
    CASE(size_too_small, RECORD, "impossible size"),
    CASE(size_too_large, RECORD, "impossible size"),
    CASE(size_odd, RECORD, "impossible size"),
    CASE(wrong_abi, RECORD, "another ABI version"),
    CASE(moved_copy, RECORD, "lies elsewhere"),
    CASE(no_heap_yet, RECORD, "no heap yet"),
    CASE(null_function, RECORD, "not in the code"),
    CASE(last_function_in_data, RECORD, "not in the code"),
    CASE(function_on_stack, RECORD, "not in the code"),
    CASE(function_of_another_image, RECORD, "not in the code"),
    CASE(version1_misaligned, POINTER, "does not lie in an image"),
    CASE(version1_in_heap, POINTER, "does not lie in an image"),
    CASE(version1_on_stack, POINTER, "does not lie in an image"),
    CASE(version1_zeros, POINTER, "options of its version-1 table"),
    CASE(version1_options_in_heap, POINTER, "options of its version-1 table"),
    CASE(version1_options_in_another_image, POINTER, "options of its version-1 table do not lie in the table's image"),
    CASE(version1_record_size, POINTER, "options of its version-1 table"),
    CASE(version1_version, POINTER, "options of its version-1 table"),
    CASE(version1_boolean, POINTER, "options of its version-1 table"),
    CASE(version1_flag_in_heap, POINTER, "leak flag"),
    CASE(version1_null_slot, POINTER, "function of its version-1 table"),
    CASE(version1_slot_of_another_image, POINTER, "function of its version-1 table"),
    CASE(version1_optional_slot_in_heap, POINTER, "function of its version-1 table"),
#if defined(_WIN32)
    SQUAT(zero, "nobody filled it in"),
    SQUAT(garbage, "does not lie in an image"),
    SQUAT(event, "not a file mapping"),
    SQUAT(denied, "access to it is denied"),
    SQUAT(reserved, "Refused at Local"), /* Windows cannot read it; under Wine it is zero */
    CASE(variable_stale, VARIABLE, "BRAINMM_MANAGER: it was inherited"),
    CASE(variable_garbage, VARIABLE, "BRAINMM_MANAGER: it does not have the form"),
    CASE(variable_long, VARIABLE, "BRAINMM_MANAGER: it does not have the form"),
    CASE(variable_lower_case, VARIABLE, "BRAINMM_MANAGER: it does not have the form"),
    CASE(variable_null, VARIABLE, "BRAINMM_MANAGER: its version-2 table is NULL"),
    CASE(variable_in_heap, VARIABLE, "BRAINMM_MANAGER: its version-2 table does not lie"),
    CASE(variable_wrong_magic, VARIABLE, "BRAINMM_MANAGER: its version-2 table has the wrong magic"),
    {"both_stale", BOTH, "BRAINMM_MANAGER: it was inherited", case_variable_stale, NULL},
    {"both_garbage", BOTH, "BRAINMM_MANAGER: it does not have the form", case_variable_garbage, NULL},
    {"both_in_heap", BOTH, "BRAINMM_MANAGER: its version-2 table does not lie", case_variable_in_heap, NULL},
#else
    CASE(zero, OTHER, "nobody filled it in"),
    CASE(garbage, OTHER, "names no image"),
    CASE(shared, OTHER, "shared memory"),
    CASE(unreadable, OTHER, "cannot be read"),
#endif
};

/* The case of that name, or NULL. */
static const struct hostile_case *case_find(const char *name) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    return NULL;
}

#endif
