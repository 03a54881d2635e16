/* SPDX-License-Identifier: MIT */
/* redirect_refused.c: brainmm_redirect_imports() refuses what it cannot do whole, says why, and changes nothing:
 * run-times and BrainMM itself, modules with a debugging run-time, with foreign hooks, with functions that look into
 * the heap, with delayed imports, with damaged tables, and systems that refuse a call. Wrong pointers end the program.
 */
#include "redirect_support.h"

static struct redirect r;
static module other;
static const struct redirect_module *functions;

static bool __attribute__((noinline)) ours(void *piece) { return r.contains(piece) != 0; }

static void result_is(int result, int expected) { CHECK_MSG(result == expected, "%d: %s", result, r.text(result)); }

/* The module is refused, alone and with all others, and allocates from its run-time. */
static void refused(int expected) {
    result_is(r.redirect(other), expected);
    void *piece = functions->allocate(10);
    CHECK(piece && !ours(piece));
    functions->release(piece);
}

static void accepted(void) {
    result_is(r.redirect(other), BRAINMM_REDIRECTED);
    void *piece = functions->allocate(10);
    CHECK(ours(piece));
    functions->release(piece);
    result_is(r.restore(other, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECTED);
}

/* Offsets inside the module's image. Its DOS program, which nobody runs, has room for texts. */
enum { ROOM = 0x40, ROOM_SIZE = 0x40 };

static DWORD room_for(const void *text, size_t size) {
    char *room = (char *)other + ROOM;
    CHECK(size <= ROOM_SIZE);
    make_writable(room, ROOM_SIZE);
    memcpy(room, text, size);
    return ROOM;
}

/* ---- Modules ---------------------------------------------------------------------------------------------------- */

static void no_modules(void) {
    static char data[4096];
    result_is(r.redirect(data + 100), BRAINMM_REDIRECT_E_MODULE); /* inside a module is none */
    result_is(r.redirect((void *)0x10000), BRAINMM_REDIRECT_E_MODULE);
    result_is(r.restore((void *)0x10000, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECT_E_MODULE);
    result_is(r.redirect(GetModuleHandleA("msvcrt.dll")), BRAINMM_REDIRECT_E_OWN);
    result_is(r.redirect(r.dll), BRAINMM_REDIRECT_E_OWN);
    result_is(r.redirect(GetModuleHandleA("kernel32.dll")), BRAINMM_REDIRECT_NOTHING);
    result_is(r.redirect(r.library), BRAINMM_REDIRECT_NOTHING);
}

static void debug_run_time(void) {
    static const char *const names[] = {"ucrtbased.dll", "MSVCRTD.DLL", "msvcr120d", "Msvcr90D.dll"};
    IMAGE_IMPORT_DESCRIPTOR *from = import_descriptor(other, "msvcrt.dll");
    DWORD name = from->Name;
    make_writable(from, sizeof *from);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        from->Name = room_for(names[i], strlen(names[i]) + 1);
        refused(BRAINMM_REDIRECT_E_DEBUG);
    }
    from->Name = name;
    accepted();
}

static void __cdecl hook(void *piece) { (void)piece; }

static void hooked(void) {
    void *original = import_replace(other, "msvcrt.dll", "free", (void *)hook);
    refused(BRAINMM_REDIRECT_E_HOOKED);
    /* What a linker has bound may be the address of another run-time's version, until the loader has been there. */
    IMAGE_IMPORT_DESCRIPTOR *from = import_descriptor(other, "msvcrt.dll");
    DWORD time = from->TimeDateStamp;
    make_writable(from, sizeof *from);
    from->TimeDateStamp = ~(DWORD)0;
    refused(BRAINMM_REDIRECT_E_DELAYED);
    import_replace(other, "msvcrt.dll", "free", original);
    accepted();
    from->TimeDateStamp = time;
    accepted();
}

/* The entry of the table of names that belongs to a function. */
static IMAGE_THUNK_DATA *name_of(const char *name) {
    const IMAGE_IMPORT_DESCRIPTOR *from = import_descriptor(other, "msvcrt.dll");
    size_t index = (size_t)((char *)import_slot(other, "msvcrt.dll", name) - ((char *)other + from->FirstThunk));
    IMAGE_THUNK_DATA *found = (IMAGE_THUNK_DATA *)((char *)other + from->OriginalFirstThunk + index);
    make_writable(found, sizeof *found);
    return found;
}

static void looks_into_heap(void) {
    static const char *const names[] = {"_heapwalk", "_get_heap_handle"};
    IMAGE_THUNK_DATA *name = name_of("strlen"), old = *name;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char import[ROOM_SIZE] = {0, 0};
        strcpy(import + 2, names[i]);
        name->u1.AddressOfData = room_for(import, sizeof import);
        refused(BRAINMM_REDIRECT_E_HEAP);
    }
    *name = old;
    accepted();
}

/* Without names, the addresses tell. */
static void numbers_and_no_names(void) {
    IMAGE_THUNK_DATA *name = name_of("malloc"), old = *name;
    IMAGE_IMPORT_DESCRIPTOR *from = import_descriptor(other, "msvcrt.dll");
    name->u1.Ordinal = IMAGE_ORDINAL_FLAG | 700;
    accepted();
    *name = old;
    DWORD names = from->OriginalFirstThunk;
    make_writable(from, sizeof *from);
    from->OriginalFirstThunk = 0;
    accepted();
    from->OriginalFirstThunk = names;
}

static void damaged(void) {
    IMAGE_DATA_DIRECTORY *table = &image_header(other)->DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT], old = *table;
    IMAGE_IMPORT_DESCRIPTOR *from = import_descriptor(other, "msvcrt.dll"), old_from = *from;
    make_writable(table, sizeof *table);
    make_writable(from, sizeof *from);
    const DWORD outside = image_header(other)->SizeOfImage;
    table->VirtualAddress = outside;
    refused(BRAINMM_REDIRECT_E_IMAGE);
    table->VirtualAddress = outside - 4;
    refused(BRAINMM_REDIRECT_E_IMAGE);
    result_is(r.restore(other, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECT_NOTHING);
    *table = old;
    from->Name = outside;
    refused(BRAINMM_REDIRECT_E_IMAGE);
    *from = old_from;
    from->FirstThunk = outside - 8;
    refused(BRAINMM_REDIRECT_E_IMAGE);
    *from = old_from;
    accepted();
    WORD magic = *(WORD *)(void *)other;
    make_writable(other, sizeof magic);
    *(WORD *)(void *)other = 0;
    refused(BRAINMM_REDIRECT_E_IMAGE);
    *(WORD *)(void *)other = magic;
    accepted();
}

/* ---- Delayed imports -------------------------------------------------------------------------------------------- */

/* What a linker writes into a module that imports malloc from msvcr120.dll when it is first called. */
struct delayed {
    IMAGE_DELAYLOAD_DESCRIPTOR one, end;
    uintptr_t names[2], slots[2];
    WORD hint;
    char name[8], dll[16];
};

static void delayed_imports(void) {
    IMAGE_DATA_DIRECTORY *table = &image_header(other)->DataDirectory[IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT];
    struct delayed *delayed = functions->room;
    DWORD offset = (DWORD)((char *)delayed - (char *)other);
    uintptr_t helper = (uintptr_t)functions->allocate;
    memset(delayed, 0, sizeof *delayed);
    strcpy(delayed->name, "malloc");
    strcpy(delayed->dll, "msvcr120.dll");
    delayed->one.Attributes.RvaBased = 1;
    delayed->one.DllNameRVA = offset + (DWORD)offsetof(struct delayed, dll);
    delayed->one.ImportAddressTableRVA = offset + (DWORD)offsetof(struct delayed, slots);
    delayed->one.ImportNameTableRVA = offset + (DWORD)offsetof(struct delayed, names);
    delayed->names[0] = offset + offsetof(struct delayed, hint);
    delayed->slots[0] = helper;
    make_writable(table, sizeof *table);
    table->VirtualAddress = offset;
    table->Size = sizeof delayed->one * 2;

    refused(BRAINMM_REDIRECT_E_DELAYED);
    CHECK(delayed->slots[0] == helper);
    result_is(r.redirect(NULL), BRAINMM_REDIRECTED);
    CHECK(delayed->slots[0] == helper); /* the run-time's exports will tell the helper */
    void *piece = functions->allocate(10);
    CHECK(ours(piece));
    functions->release(piece);
    result_is(r.restore(NULL, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECTED);

    HMODULE run_time = LoadLibraryA("msvcr120.dll");
    CHECK(run_time != NULL);
    void *(*allocate)(size_t) = NULL;
    void (*release)(void *) = NULL;
    result_is(r.redirect(other), BRAINMM_REDIRECTED);
    memcpy(&allocate, &delayed->slots[0], sizeof allocate);
    piece = allocate(10);
    CHECK(ours(piece));
    functions->release(piece);
    result_is(r.restore(other, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECTED);
    CHECK((FARPROC)(void (*)(void))delayed->slots[0] == GetProcAddress(run_time, "malloc"));
    memcpy(&allocate, &delayed->slots[0], sizeof allocate);
    module_symbol(run_time, "free", &release);
    piece = allocate(10);
    CHECK(!ours(piece));
    release(piece);
    table->VirtualAddress = table->Size = 0;
    CHECK(FreeLibrary(run_time));
    accepted();
}

/* ---- A system that refuses -------------------------------------------------------------------------------------- */

static BOOL WINAPI no_protect(void *address, SIZE_T size, DWORD rights, DWORD *old) {
    (void)address, (void)size, (void)rights, (void)old;
    SetLastError(ERROR_INVALID_ADDRESS);
    return FALSE;
}

/* The third call fails: the first two write one entry, and put the rights of its page back. */
static BOOL WINAPI no_third_protect(void *address, SIZE_T size, DWORD rights, DWORD *old) {
    static int calls;
    return ++calls != 3 && VirtualProtect(address, size, rights, old);
}

static void *WINAPI no_memory(void *address, SIZE_T size, DWORD how, DWORD rights) {
    (void)address, (void)size, (void)how, (void)rights;
    SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return NULL;
}

static BOOL WINAPI no_modules_told(HANDLE process, HMODULE *list, DWORD size, DWORD *needed) {
    (void)process, (void)list, (void)size, (void)needed;
    return FALSE;
}

static FARPROC WINAPI no_news(HMODULE dll, const char *name) {
    return strcmp(name, "LdrRegisterDllNotification") == 0 ? NULL : GetProcAddress(dll, name);
}

static void all_fails_while(const char *function, void *replacement) {
    void *original = import_replace(r.dll, "kernel32.dll", function, replacement);
    result_is(r.redirect(NULL), BRAINMM_REDIRECT_E_SYSTEM);
    void *piece = malloc(10), *(*by_name)(size_t size);
    CHECK(!ours(piece));
    free(piece);
    import_replace(r.dll, "kernel32.dll", function, original);
    module_symbol(GetModuleHandleA("msvcrt.dll"), "malloc", &by_name);
    piece = by_name(10);
    CHECK(!ours(piece));
    free(piece);
}

static void system_refuses(void) {
    void **slot = import_slot(other, "msvcrt.dll", "malloc");
    MEMORY_BASIC_INFORMATION page;
    DWORD old;
    CHECK(VirtualProtect(slot, sizeof *slot, PAGE_READONLY, &old));
    void *original = import_replace(r.dll, "kernel32.dll", "VirtualProtect", (void *)no_protect);
    refused(BRAINMM_REDIRECT_E_SYSTEM);
    import_replace(r.dll, "kernel32.dll", "VirtualProtect", (void *)no_third_protect);
    refused(BRAINMM_REDIRECT_E_SYSTEM);
    CHECK(r.restore(other, BRAINMM_RESTORE_ALL) == BRAINMM_REDIRECT_NOTHING); /* nothing was left half done */
    import_replace(r.dll, "kernel32.dll", "VirtualProtect", original);
    accepted();
    CHECK(VirtualQuery(slot, &page, sizeof page) && page.Protect == PAGE_READONLY);

    all_fails_while("VirtualProtect", (void *)no_protect);
    all_fails_while("VirtualAlloc", (void *)no_memory);
    all_fails_while("K32EnumProcessModules", (void *)no_modules_told);
}

/* An old Windows tells nobody of modules. The tables of exports help where the run-time is loaded. Called first. */
static void no_news_of_modules(void) {
    void *original = import_replace(r.dll, "kernel32.dll", "GetProcAddress", (void *)no_news);
    result_is(r.redirect(NULL), BRAINMM_REDIRECT_NOT_LATER);
    other = module_load(path_beside("redirect_module-plain.dll"));
    functions = redirect_module_of(other);
    CHECK(ours(functions->at_start));
    functions->release(functions->at_start);
    result_is(r.restore(NULL, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECTED);
    import_replace(r.dll, "kernel32.dll", "GetProcAddress", original);
    void *piece = functions->allocate(10);
    CHECK(!ours(piece));
    functions->release(piece);
}

/* ---- Modules that come later, and the report -------------------------------------------------------------------- */

static char report[65536];

static int __cdecl collect(void *context, const char *text, size_t length) {
    size_t *used = context;
    CHECK(*used + length < sizeof report);
    memcpy(report + *used, text, length);
    *used += length;
    report[*used] = 0;
    return 0;
}

static void reports(const char *name, int result) {
    char line[512];
    snprintf(line, sizeof line, "%s: %s\n", name, r.text(result));
    CHECK_MSG(strstr(report, line), "no line \"%s\" in\n%s", line, report);
}

static void refused_later(void) {
    size_t used = 0;
    result_is(r.redirect(NULL), BRAINMM_REDIRECTED);
    module late = module_load(path_beside("redirect_heap_module-plain.dll"));
    void *piece = redirect_module_of(late)->allocate(10);
    CHECK(piece && !ours(piece));
    free(piece); /* it may cross all the same */
    CHECK(r.report(collect, &used) == 0);
    reports("redirect_heap_module-plain.dll", BRAINMM_REDIRECT_E_HEAP);
    reports("redirect_refused-plain.exe", BRAINMM_REDIRECTED);
    reports("msvcrt.dll", BRAINMM_REDIRECT_E_OWN);
    reports("kernel32.dll", BRAINMM_REDIRECT_NOTHING);
    module_unload(late);
    result_is(r.restore(NULL, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECTED);
}

static void texts(void) {
    for (int result = BRAINMM_REDIRECT_E_SYSTEM; result <= BRAINMM_REDIRECT_NOT_LATER; result++)
        for (int before = BRAINMM_REDIRECT_E_SYSTEM; before < result; before++)
            CHECK(strlen(r.text(result)) > 10 && strcmp(r.text(result), r.text(before)) != 0);
    CHECK(strcmp(r.text(12345), "unknown result") == 0);
}

/* ---- Wrong pointers: the program ends with 3, as by abort() ----------------------------------------------------- */

static const char *const mistakes[] = {"free twice", "free inside", "realloc freed", "msize freed", "aligned twice"};

static int make_mistake(const char *mistake) {
    char *volatile piece = malloc(100);
    char *volatile freed = malloc(200);
    char *volatile inside = piece;
    CHECK(ours(piece));
    inside += 16;
    free(freed);
    if (strstr(mistake, "free twice"))
        free(freed);
    else if (strstr(mistake, "inside"))
        free(inside);
    else if (strstr(mistake, "realloc"))
        freed = realloc(freed, 500);
    else if (strstr(mistake, "msize"))
        return (int)_msize(freed);
    else if (strstr(mistake, "aligned"))
        _aligned_free(freed);
    return TEST_PASSED;
}

int main(int count, char **arguments) {
    r = redirect_load();
    if (count > 1) {
        result_is(r.redirect(NULL), BRAINMM_REDIRECTED);
        return make_mistake(GetCommandLineA() + (arguments[0] != NULL));
    }
    no_news_of_modules();
    no_modules();
    debug_run_time();
    hooked();
    looks_into_heap();
    numbers_and_no_names();
    damaged();
    delayed_imports();
    system_refuses();
    refused_later();
    texts();
    for (unsigned i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        int64_t code = run_again(path_beside("redirect_refused-plain.exe"), mistakes[i], 30);
        CHECK_MSG(code == 3, "%s: %" PRId64, mistakes[i], code);
    }
    CHECK(run_again(path_beside("redirect_refused-plain.exe"), "none", 30) == TEST_PASSED);
    return TEST_PASSED;
}
