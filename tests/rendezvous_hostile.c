/* rendezvous_hostile.c: what lies where owners publish is not an owner's, put there by accident or on purpose. It is
 * refused and reported, nothing it points to is called, and the modules are one heap all the same.
 *
 *   rendezvous_hostile-plain             every case, each in a process of its own
 *   rendezvous_hostile-plain CASE        one of them
 *
 * On Windows this process creates what the other finds: it holds the name before that process has run its first
 * instruction. On Linux the other maps it itself before the library is loaded, some of it shared with this process.
 */
#include "rendezvous_foreign.h"
#include "rendezvous_party.h"
#if !defined(_WIN32)
#include <fcntl.h>
#endif

struct record {
    uint64_t version1;
    char magic[16];
    uint32_t size, abi_version;
    uint64_t manager;
};

#pragma pack(push, 1)
struct options {
    int32_t record_size, version;
    uint8_t free_pascal, pure_pascal, redirect;
    uint8_t *report_leaks;
};
#pragma pack(pop)

/* ---- Tables that are almost right ------------------------------------------------------------------------------- */

static void must_not_be_called(void) { CHECK_MSG(false, "a function of a refused table was called"); }

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

/* Tables that would be accepted, in this program's image. */
static void tables_make(void) {
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
}

static uintptr_t foreign_code(void) {
    uintptr_t code;
#if defined(_WIN32)
    FARPROC function = GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtClose");
#else
    void *function = dlsym(RTLD_DEFAULT, "qsort");
#endif
    memcpy(&code, &function, sizeof code);
    return code;
}

/* A copy of SIZE bytes in the data of another image: of the owner of another make, which has not published. */
static void *foreign_data(const void *from, size_t size) {
    foreign_report_function report;
    module_symbol(module_load(path_beside("rendezvous_foreign_owner-plain" MODULE_SUFFIX)), "foreign_report", &report);
    void *data = (void *)(uintptr_t)report()->calls;
    CHECK(size <= sizeof report()->calls);
    return memcpy(data, from, size);
}

/* ---- Cases ------------------------------------------------------------------------------------------------------ */

enum kind {
    RECORD,  /* a record with a version-2 table */
    POINTER, /* as the original's modules write it: the address of a version-1 table, and zeros */
    OTHER    /* see case_prepare() */
};

struct hostile_case {
    const char *name;
    enum kind kind;
    const char *reason; /* what the report must say */
};

static const struct hostile_case cases[] = {
    {"garbage", OTHER, "does not lie in an image"},
    {"wrong_record_size", RECORD, "impossible size or another ABI"},
    {"wrong_record_abi", RECORD, "impossible size or another ABI"},
    {"null", RECORD, "version-2 table is NULL"},
    {"misaligned", RECORD, "does not lie in an image"},
    {"nowhere", RECORD, "does not lie in an image"},
    {"system_address", RECORD, "version-2 table"},
    {"in_heap", RECORD, "does not lie in an image"},
    {"in_executable_memory", RECORD, "does not lie in an image"},
    {"on_stack", RECORD, "does not lie in an image"},
    {"another_image", RECORD, "wrong magic"},
    {"end_of_image", RECORD, "version-2 table"},
    {"wrong_magic", RECORD, "wrong magic"},
    {"size_too_small", RECORD, "impossible size"},
    {"size_too_large", RECORD, "impossible size"},
    {"size_odd", RECORD, "impossible size"},
    {"wrong_abi", RECORD, "another ABI version"},
    {"moved_copy", RECORD, "lies elsewhere"},
    {"no_heap_yet", RECORD, "no heap yet"},
    {"null_function", RECORD, "not in the code"},
    {"last_function_in_data", RECORD, "not in the code"},
    {"function_on_stack", RECORD, "not in the code"},
    {"function_of_another_image", RECORD, "not in the code"},
    {"version1_misaligned", POINTER, "does not lie in an image"},
    {"version1_in_heap", POINTER, "does not lie in an image"},
    {"version1_on_stack", POINTER, "does not lie in an image"},
    {"version1_zeros", POINTER, "options of its version-1 table"},
    {"version1_options_in_heap", POINTER, "options of its version-1 table"},
    {"version1_options_in_another_image", POINTER, "options of its version-1 table do not lie in the table's image"},
    {"version1_record_size", POINTER, "options of its version-1 table"},
    {"version1_version", POINTER, "options of its version-1 table"},
    {"version1_boolean", POINTER, "options of its version-1 table"},
    {"version1_flag_in_heap", POINTER, "leak flag"},
    {"version1_null_slot", POINTER, "function of its version-1 table"},
    {"version1_slot_of_another_image", POINTER, "function of its version-1 table"},
    {"version1_optional_slot_in_heap", POINTER, "function of its version-1 table"},
#if defined(_WIN32)
    {"zero", OTHER, "nobody filled it in"},
    {"event", OTHER, "not a file mapping"},
    {"denied", OTHER, "access to it is denied"},
    {"reserved", OTHER, "Refused at Local"}, /* it cannot be read; with Wine it can, and is zero */
#else
    {"zero", OTHER, "it holds NULL"},
    {"shared", OTHER, "shared memory"},
    {"unreadable", OTHER, "cannot be read"},
#endif
};

static void *heap_copy(const void *from, size_t size) {
    void *copy = malloc(size);
    CHECK(copy != NULL);
    return memcpy(copy, from, size);
}

/* What a JIT compiler would have: zeros, which fault when they are called. */
static void *executable_memory(size_t size) {
#if defined(_WIN32)
    void *memory = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
#else
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = memory == MAP_FAILED ? NULL : memory;
#endif
    CHECK(memory != NULL);
    return memory;
}

/* Fills the record of a case; STACK is room that lives as long as the program. */
static void record_make(const char *name, struct record *record, union table *stack) {
    tables_make();
    memset(record, 0, sizeof *record);
    if (strncmp(name, "version1_", 9) == 0) {
        name += 9;
        void *address = version1;
        if (strcmp(name, "misaligned") == 0)
            address = (char *)version1 + 1;
        else if (strcmp(name, "in_heap") == 0)
            address = heap_copy(version1, sizeof version1);
        else if (strcmp(name, "on_stack") == 0)
            address = memcpy(stack, version1, sizeof version1 < sizeof *stack ? sizeof version1 : sizeof *stack);
        else if (strcmp(name, "zeros") == 0)
            address = (void *)(uintptr_t)nothing;
        else if (strcmp(name, "options_in_heap") == 0)
            version1[0] = heap_copy(&options, sizeof options);
        else if (strcmp(name, "options_in_another_image") == 0)
            version1[0] = foreign_data(&options, sizeof options);
        else if (strcmp(name, "record_size") == 0)
            options.record_size = 7;
        else if (strcmp(name, "version") == 0)
            options.version = 0;
        else if (strcmp(name, "boolean") == 0)
            options.redirect = 2;
        else if (strcmp(name, "flag_in_heap") == 0)
            options.report_leaks = malloc(1);
        else if (strcmp(name, "null_slot") == 0)
            version1[16] = NULL;
        else if (strcmp(name, "slot_of_another_image") == 0)
            version1[15] = (void *)foreign_code();
        else if (strcmp(name, "optional_slot_in_heap") == 0)
            version1[2] = malloc(1);
        else
            CHECK(false);
        record->version1 = (uintptr_t)address;
        return;
    }
    record->version1 = (uintptr_t)nothing;
    memcpy(record->magic, "BrainMM-record-2", 16);
    record->size = sizeof *record;
    record->abi_version = 2;
    record->manager = (uintptr_t)&table;
    if (strcmp(name, "wrong_record_size") == 0) {
        record->size = 8;
    } else if (strcmp(name, "wrong_record_abi") == 0) {
        record->abi_version = 3;
    } else if (strcmp(name, "null") == 0) {
        record->manager = 0;
    } else if (strcmp(name, "misaligned") == 0) {
        record->manager++;
    } else if (strcmp(name, "nowhere") == 0) {
        record->manager = (uintptr_t)system_addresses(65536) + 4096 - 64;
    } else if (strcmp(name, "system_address") == 0) {
        record->manager = 0xFFFF800000001000u;
    } else if (strcmp(name, "in_heap") == 0) {
        union table *copy = heap_copy(&table, sizeof table);
        copy->manager.self = &copy->manager;
        record->manager = (uintptr_t)copy;
    } else if (strcmp(name, "in_executable_memory") == 0) {
        char *memory = executable_memory(8192);
        union table *copy = memcpy(memory, &table, sizeof table);
        copy->manager.self = &copy->manager;
        for (size_t i = 0; i < FUNCTION_COUNT; i++)
            copy->words[sizeof table / sizeof *copy->words - 1 - i] = (uintptr_t)memory + 4096;
        record->manager = (uintptr_t)copy;
    } else if (strcmp(name, "on_stack") == 0) {
        *stack = table;
        stack->manager.self = &stack->manager;
        record->manager = (uintptr_t)stack;
    } else if (strcmp(name, "another_image") == 0) {
        record->manager = foreign_code() & ~(uintptr_t)15;
    } else if (strcmp(name, "end_of_image") == 0) {
#if defined(_WIN32)
        MEMORY_BASIC_INFORMATION info;
        char *end = (char *)&table;
        while (VirtualQuery(end, &info, sizeof info) && info.AllocationBase == (void *)GetModuleHandleA(NULL))
            end = (char *)info.BaseAddress + info.RegionSize;
        record->manager = (uintptr_t)end - 16;
#else
        extern char end[] __asm__("_end");
        record->manager = ((uintptr_t)end & ~(uintptr_t)15) - 16;
#endif
    } else if (strcmp(name, "wrong_magic") == 0) {
        table.manager.magic[15]++;
    } else if (strcmp(name, "size_too_small") == 0) {
        table.manager.size = offsetof(struct brainmm_manager, usable_size);
    } else if (strcmp(name, "size_too_large") == 0) {
        table.manager.size = 0x40000000;
    } else if (strcmp(name, "size_odd") == 0) {
        table.manager.size--;
    } else if (strcmp(name, "wrong_abi") == 0) {
        table.manager.abi_version = 3;
    } else if (strcmp(name, "moved_copy") == 0) {
        table.manager.self = (struct brainmm_manager *)(uintptr_t)version1;
    } else if (strcmp(name, "no_heap_yet") == 0) {
        table.manager.heap_id = 0;
    } else if (strcmp(name, "null_function") == 0) {
        functions[3] = 0;
    } else if (strcmp(name, "last_function_in_data") == 0) {
        functions[FUNCTION_COUNT - 1] = (uintptr_t)&options;
    } else if (strcmp(name, "function_on_stack") == 0) {
        functions[0] = (uintptr_t)stack;
    } else if (strcmp(name, "function_of_another_image") == 0) {
        functions[1] = foreign_code();
    } else {
        CHECK(false);
    }
}

static void *BRAINMM_CALL good_alloc(size_t size) { return malloc(size); }
static void *BRAINMM_CALL good_realloc(void *piece, size_t size) { return realloc(piece, size); }

static int BRAINMM_CALL good_free(void *piece) {
    free(piece);
    return BRAINMM_OK;
}

/* The tables of this program's image, with functions that may be called. */
static void record_make_good(struct record *record) {
    tables_make();
    table.manager.alloc = good_alloc;
    table.manager.realloc = good_realloc;
    table.manager.free = good_free;
    *record = (struct record){(uintptr_t)version1, "BrainMM-record-2", sizeof *record, 2, (uintptr_t)&table};
}

/* ---- The process that finds it ---------------------------------------------------------------------------------- */

struct library {
    const struct brainmm_manager *(BRAINMM_CALL *get_manager)(void);
    int(BRAINMM_CALL *status)(const char **text);
};

static struct library library_load(const char *file) {
    struct library library;
    module loaded = module_load(path_beside(file));
    module_symbol(loaded, "brainmm_get_manager", &library.get_manager);
    module_symbol(loaded, "brainmm_attach_status", &library.status);
    return library;
}

static const struct party *party_load(const char *file) {
    party_get_function get;
    module_symbol(module_load(path_beside(file)), "party_get", &get);
    return get();
}

/* Loads everything that can be on a heap, the header-only client first or last, and checks that it is one heap. */
static int modules_meet(int owner_state, int others_state, const char *reason, bool client_first) {
    const struct party *client = NULL;
    const char *text;
    if (client_first)
        client = party_load("attach_module-plain" MODULE_SUFFIX);
    struct library first = library_load(LIBRARY_FILE);
    int state = first.status(&text);
    printf("    %d, %s\n", state, text);
    CHECK_MSG(state == owner_state, "state %d", state);
    CHECK_MSG(strstr(text, reason) != NULL, "the report does not say: %s", reason);
#if defined(_WIN32)
    struct library second = library_load("second\\" LIBRARY_FILE);
#else
    struct library second = library_load("second/" LIBRARY_FILE);
#endif
    CHECK_MSG((state = second.status(&text)) == others_state, "state %d, %s", state, text);
    const struct party *fixed = party_load("rendezvous_module-core" MODULE_SUFFIX);
    CHECK_MSG((state = fixed->state(&text)) == others_state, "state %d, %s", state, text);
    if (!client)
        client = party_load("attach_module-plain" MODULE_SUFFIX);
    uintptr_t heap = first.get_manager()->heap_id;
    CHECK(second.get_manager()->heap_id == heap && fixed->heap_id() == heap && client->heap_id() == heap);
    void *piece = client->alloc(100);
    CHECK(piece != NULL && (piece = fixed->realloc(piece, 1000)) != NULL);
    CHECK(second.get_manager()->free(piece) == BRAINMM_OK);
    return TEST_PASSED;
}

static const struct hostile_case *case_find(const char *name) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    return NULL;
}

#if defined(_WIN32)

static void mapping_fill(const void *content, size_t size) {
    char name[64];
    mapping_name(name, GetCurrentProcessId());
    HANDLE mapping = OpenFileMappingA(FILE_MAP_WRITE, FALSE, name);
    CHECK(mapping != NULL);
    void *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
    CHECK(view != NULL);
    memcpy(view, content, size);
    UnmapViewOfFile(view);
    CloseHandle(mapping);
}

static void case_meet(const struct hostile_case *hostile, union table *stack) {
    struct record record;
    if (hostile->kind == OTHER)
        return; /* the other process has done it */
    record_make(hostile->name, &record, stack);
    mapping_fill(&record, hostile->kind == POINTER ? sizeof(void *) : sizeof record);
}

#else

enum { SHARED_FD = 100 }; /* a page of memory that the parent process has, too */

static void case_meet(const struct hostile_case *hostile, union table *stack) {
    struct record record;
    unsigned char garbage[4096];
    random_source source = {(uint64_t)getpid()};
    if (strcmp(hostile->name, "shared") == 0) {
        /* Nothing is wrong with it but this. */
        CHECK(mmap(place_page(0), 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, SHARED_FD, 0) ==
              place_page(0));
        record_make_good(&record);
        memcpy(place_page(0), &record, sizeof record);
    } else if (strcmp(hostile->name, "unreadable") == 0) {
        CHECK(mmap(place_page(0), 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
              place_page(0));
    } else if (strcmp(hostile->name, "garbage") == 0) {
        for (size_t i = 0; i < sizeof garbage; i++)
            garbage[i] = (unsigned char)random_next(&source);
        publish(garbage, sizeof garbage);
    } else if (strcmp(hostile->name, "zero") == 0) {
        publish("", 1);
    } else {
        record_make(hostile->name, &record, stack);
        publish(&record, hostile->kind == POINTER ? sizeof(void *) : sizeof record);
    }
}

#endif

/* ---- Second places, and an owner that is slow -------------------------------------------------------------------- */

#if defined(_WIN32)

/* The modules wait half a second for a record that is not complete; this one takes a part of that. If the machine makes
 * it take nearly all, nothing can be said, and the case begins again. */
enum { LATE_MS = 200, LATE_MOST_MS = 400, LATE_TIMES = 20, CHILD_AGAIN = 96 };

static uint64_t filled_at;

static void fill_late(void *running) {
    struct record record;
    char name[64];
    record_make_good(&record);
    mapping_name(name, GetCurrentProcessId());
    HANDLE mapping = OpenFileMappingA(FILE_MAP_WRITE, FALSE, name);
    CHECK(mapping != NULL);
    char *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
    CHECK(view != NULL);
    event_raise(running);
    sleep_ms(LATE_MS);
    memcpy(view + 8, record.magic, sizeof record - 8);
    __atomic_store_n((uintptr_t *)(void *)view, (uintptr_t)record.version1, __ATOMIC_RELEASE);
    filled_at = now_ms();
}

static void set_variable(unsigned long process, uint64_t address) {
    char value[64];
    snprintf(value, sizeof value, "%08lX:%016" PRIX64, process, address);
    CHECK(SetEnvironmentVariableA("BRAINMM_MANAGER", value));
}

/* The name of these begins with "variable": the file mapping is free. Or with "both": it is held. */
static const struct {
    const char *name, *reason;
} variables[] = {
    {"variable_stale", "BRAINMM_MANAGER: it was inherited"},
    {"variable_garbage", "BRAINMM_MANAGER: it does not have the form"},
    {"variable_long", "BRAINMM_MANAGER: it does not have the form"},
    {"variable_lower_case", "BRAINMM_MANAGER: it does not have the form"},
    {"variable_null", "BRAINMM_MANAGER: its version-2 table is NULL"},
    {"variable_in_heap", "BRAINMM_MANAGER: its version-2 table does not lie"},
    {"variable_wrong_magic", "BRAINMM_MANAGER: its version-2 table has the wrong magic"},
    {"both_stale", "BRAINMM_MANAGER: it was inherited"},
    {"both_garbage", "BRAINMM_MANAGER: it does not have the form"},
    {"both_in_heap", "BRAINMM_MANAGER: its version-2 table does not lie"},
};

static int variable_meet(const char *name, const char *reason, bool client_first) {
    bool both = strncmp(name, "both", 4) == 0;
    const char *what = strchr(name, '_') + 1;
    tables_make();
    if (strcmp(what, "stale") == 0)
        set_variable(GetCurrentProcessId() + 4, (uintptr_t)&table);
    else if (strcmp(what, "garbage") == 0)
        SetEnvironmentVariableA("BRAINMM_MANAGER", "anything");
    else if (strcmp(what, "lower_case") == 0)
        SetEnvironmentVariableA("BRAINMM_MANAGER", "0000abcd:0000000000400000");
    else if (strcmp(what, "null") == 0)
        set_variable(GetCurrentProcessId(), 0);
    else if (strcmp(what, "in_heap") == 0)
        set_variable(GetCurrentProcessId(), (uintptr_t)heap_copy(&table, sizeof table));
    else if (strcmp(what, "wrong_magic") == 0) {
        table.manager.magic[0]++;
        set_variable(GetCurrentProcessId(), (uintptr_t)&table);
    } else {
        static char text[5000];
        memset(text, 'A', sizeof text - 1);
        SetEnvironmentVariableA("BRAINMM_MANAGER", text);
    }
    return modules_meet(both ? BRAINMM_OWNER_SECOND : BRAINMM_OWNER, both ? BRAINMM_ATTACHED_SECOND : BRAINMM_ATTACHED,
                        reason, client_first);
}

#endif

/* ---- Both processes --------------------------------------------------------------------------------------------- */

static int child(const char *name, bool client_first) {
    const struct hostile_case *hostile = case_find(name);
    union table stack;
    if (hostile) {
        case_meet(hostile, &stack);
        return modules_meet(BRAINMM_OWNER_SECOND, BRAINMM_ATTACHED_SECOND, hostile->reason, client_first);
    }
#if defined(_WIN32)
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (strcmp(variables[i].name, name) == 0)
            return variable_meet(name, variables[i].reason, client_first);
    CHECK(strcmp(name, "late") == 0);
    thread late;
    event running = {0};
    thread_start(&late, fill_late, &running);
    CHECK(event_wait(&running, 10000)); /* a thread cannot begin while another is in DllMain */
    uint64_t begin = now_ms();
    module_load(path_beside(LIBRARY_FILE)); /* waits, and decides */
    thread_join(&late);
    if (filled_at - begin > LATE_MOST_MS)
        return CHILD_AGAIN;
    return modules_meet(BRAINMM_ATTACHED, BRAINMM_ATTACHED, "found at Local", false);
#else
    /* Every place is taken: each copy of the library has a heap of its own, and says so. */
    CHECK(strcmp(name, "everywhere") == 0);
    const char *text;
    for (unsigned place = 0; place < 4; place++)
        CHECK(mmap(place_page(place), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
              place_page(place));
    struct library library = library_load(LIBRARY_FILE);
    CHECK(library.status(&text) == BRAINMM_OWNER_UNPUBLISHED);
    printf("    %s\n", text);
    char last[32];
    snprintf(last, sizeof last, "%" PRIxPTR ": it holds NULL", (uintptr_t)place_page(3));
    CHECK(strstr(text, "publish it nowhere") != NULL && strstr(text, last) != NULL);
    void *piece = library.get_manager()->alloc(100);
    CHECK(piece != NULL && library.get_manager()->free(piece) == BRAINMM_OK);
    return TEST_PASSED;
#endif
}

#if defined(_WIN32)

/* Creates what the process PROCESS, which has not run yet, shall find. It stays until this process ends or closes it.
 * */
static HANDLE squat(const char *name, unsigned long process) {
    static SECURITY_DESCRIPTOR nobody;
    static SECURITY_ATTRIBUTES attributes = {sizeof attributes, &nobody, FALSE};
    static ACL empty;
    char object[64];
    HANDLE handle;
    mapping_name(object, process);
    if (strncmp(name, "variable", 8) == 0)
        return NULL;
    if (strcmp(name, "event") == 0) {
        handle = CreateEventA(NULL, FALSE, FALSE, object);
    } else if (strcmp(name, "denied") == 0) {
        InitializeSecurityDescriptor(&nobody, SECURITY_DESCRIPTOR_REVISION);
        InitializeAcl(&empty, sizeof empty, ACL_REVISION);
        SetSecurityDescriptorDacl(&nobody, TRUE, &empty, FALSE);
        handle = CreateFileMappingA(INVALID_HANDLE_VALUE, &attributes, PAGE_READWRITE, 0, 4096, object);
    } else if (strcmp(name, "reserved") == 0) {
        handle = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE, 0, 1 << 20, object);
    } else {
        handle = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
                                    strncmp(name, "version1_", 9) == 0 ? sizeof(void *) : 4096, object);
    }
    CHECK_MSG(handle != NULL, "error %lu", GetLastError());
    if (strcmp(name, "garbage") == 0) {
        random_source source = {process};
        unsigned char *view = MapViewOfFile(handle, FILE_MAP_WRITE, 0, 0, 0);
        CHECK(view != NULL);
        for (size_t i = 0; i < 4096; i++)
            view[i] = (unsigned char)random_next(&source);
        UnmapViewOfFile(view);
    }
    return handle;
}

static int run(const char *name, bool client_first) {
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    char line[4096];
    DWORD code = 99;
    snprintf(line, sizeof line, "\"%s\" --child %s%s", path_beside("rendezvous_hostile-plain.exe"), name,
             client_first ? " client" : "");
    CHECK_MSG(CreateProcessA(NULL, line, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup, &process),
              "%s: error %lu", line, GetLastError());
    HANDLE squatter = squat(name, process.dwProcessId);
    ResumeThread(process.hThread);
    if (WaitForSingleObject(process.hProcess, 20000) != WAIT_OBJECT_0)
        TerminateProcess(process.hProcess, 98);
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hProcess);
    CloseHandle(process.hThread);
    if (squatter)
        CloseHandle(squatter);
    return (int)code;
}

#else

static int run(const char *name, bool client_first) {
    int status = -1, fd = (int)syscall(SYS_memfd_create, "squatter", 0);
    CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(page != MAP_FAILED);
    fflush(stdout);
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        const char *program = path_beside("rendezvous_hostile-plain");
        dup2(fd, SHARED_FD);
        alarm(20);
        execl(program, program, "--child", name, client_first ? "client" : NULL, NULL);
        _exit(97);
    }
    CHECK(waitpid(process, &status, 0) == process);
    munmap(page, 4096);
    close(fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif

static int failures;

static void run_both(const char *name) {
    for (int client_first = 0; client_first < 2; client_first++) {
        printf("%s%s\n", name, client_first ? ", client first" : "");
        fflush(stdout);
        int code = run(name, client_first);
#if defined(_WIN32)
        for (unsigned times = 1; code == CHILD_AGAIN && times < LATE_TIMES; times++)
            code = run(name, client_first);
#endif
        if (code != 0) {
            printf("%s%s: FAILED, exit code %d\n", name, client_first ? ", client first" : "", code);
            failures++;
        }
    }
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "--child") == 0) {
        int result = child(argv[2], argc > 3);
        fflush(stdout);
        return result;
    }
    if (argc > 1) {
        run_both(argv[1]);
        return failures != 0;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_both(cases[i].name);
#if defined(_WIN32)
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        run_both(variables[i].name);
    run_both("late");
#else
    run_both("everywhere");
#endif
    printf("%d failed\n", failures);
    return failures != 0;
}
