/* SPDX-License-Identifier: MIT */
/* rendezvous.c (Windows): the places, images and pins of rendezvous.h.
 *
 * The first place is a file mapping whose name holds the process id. The original's modules look there, too. Any
 * process of the logon session can take that name first. So there is a second place that no other process can reach: an
 * environment variable of this process.
 */
#include "share/rendezvous.h"
#include "base/atomic.h"
#include "fastmm.h"
#include "os.h"
#include "share/options.h"
#include <windows.h>

_Static_assert(sizeof(struct brainmm_record) == 40, "docs/abi.md");
enum { MAPPING, VARIABLE };
enum { DELPHI_SLOT = 14 }; /* of the version-1 table: where Delphi's TMemoryManagerEx begins */
const unsigned rendezvous_places = 2;
const bool rendezvous_has_thread_hooks = true;

/* ---- Names ------------------------------------------------------------------------------------------------------ */

#define DIGITS "0123456789ABCDEF"
enum {
    PROCESS_DIGITS = 8,
    ADDRESS_DIGITS = 16,
    VARIABLE_LENGTH = PROCESS_DIGITS + 1 + ADDRESS_DIGITS, /* 000012AB:00007FFA12345678 */
    PREFIX_LENGTH = sizeof BRAINMM_MAPPING_NAME / sizeof(WCHAR) - 1
};

static void hex_write(WCHAR *text, unsigned digits, uint64_t value) {
    while (digits > 0) {
        text[--digits] = (WCHAR)DIGITS[value & 15];
        value >>= 4;
    }
}

/* Exactly DIGITS of them, upper case, as hex_write() writes them. */
static bool hex_read(const WCHAR *text, unsigned digits, uint64_t *value) {
    *value = 0;
    for (unsigned i = 0; i < digits; i++) {
        WCHAR c = text[i];
        if (!(c >= L'0' && c <= L'9') && !(c >= L'A' && c <= L'F'))
            return false;
        *value = *value << 4 | (uint64_t)(c <= L'9' ? c - L'0' : c - L'A' + 10);
    }
    return true;
}

static void mapping_name(WCHAR name[PREFIX_LENGTH + PROCESS_DIGITS + 1]) {
    static const WCHAR prefix[] = BRAINMM_MAPPING_NAME;
    for (unsigned i = 0; i < PREFIX_LENGTH; i++)
        name[i] = prefix[i];
    hex_write(name + PREFIX_LENGTH, PROCESS_DIGITS, GetCurrentProcessId());
    name[PREFIX_LENGTH + PROCESS_DIGITS] = 0;
}

const char *rendezvous_place_name(unsigned place) {
    static char narrow[PREFIX_LENGTH + PROCESS_DIGITS + 1];
    WCHAR name[PREFIX_LENGTH + PROCESS_DIGITS + 1];
    if (place == VARIABLE)
        return "environment variable BRAINMM_MANAGER";
    mapping_name(name);
    for (unsigned i = 0; i < sizeof narrow; i++)
        narrow[i] = (char)name[i];
    return narrow;
}

/* ---- First place: the file mapping ------------------------------------------------------------------------------ */

/* The view is a page, whatever the size of the section: the original's is one pointer. Its memory need not be
 * committed. ReadProcessMemory reports that, where a plain read would fault. */
static enum rendezvous_look mapping_look(struct brainmm_record *record, const char **reason) {
    WCHAR name[PREFIX_LENGTH + PROCESS_DIGITS + 1];
    SIZE_T done = 0;
    mapping_name(name);
    HANDLE mapping = OpenFileMappingW(FILE_MAP_READ, FALSE, name);
    if (!mapping) {
        if (GetLastError() == ERROR_FILE_NOT_FOUND)
            return PLACE_EMPTY;
        *reason = GetLastError() == ERROR_ACCESS_DENIED ? "access to it is denied" : "it is not a file mapping";
        return PLACE_REFUSED;
    }
    void *view = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, sizeof(void *));
    bool copied =
        view && ReadProcessMemory(GetCurrentProcess(), view, record, sizeof *record, &done) && done == sizeof *record;
    if (view)
        UnmapViewOfFile(view);
    CloseHandle(mapping);
    if (!copied) {
        *reason = "it cannot be read";
        return PLACE_REFUSED;
    }
    return (uintptr_t)record->version1 == 0 ? PLACE_UNFILLED : PLACE_FILLED;
}

/* Whoever creates the name has the place. The handle stays open and is not inherited: a child process would keep the
 * name alive. The original's modules do not wait for the pointer. So nothing is done before it is stored that could be
 * done earlier or later. If the view cannot be had, closing the handle frees the name for others. */
static bool mapping_claim(const struct brainmm_record *record) {
    WCHAR name[PREFIX_LENGTH + PROCESS_DIGITS + 1];
    mapping_name(name);
    SetLastError(ERROR_SUCCESS);
    HANDLE mapping = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof *record, name);
    bool first = mapping && GetLastError() != ERROR_ALREADY_EXISTS;
    struct brainmm_record *view = first ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, sizeof *record) : NULL;
    if (!view) {
        if (mapping)
            CloseHandle(mapping);
        return false;
    }
    for (unsigned i = 0; i < sizeof view->magic; i++)
        view->magic[i] = record->magic[i];
    view->size = record->size;
    view->abi_version = record->abi_version;
    view->manager = record->manager;
    /* Pairs with nothing but the order of writes: readers in other modules copy the whole and look at this word. */
    word_store_release((uintptr_t *)(void *)&view->version1, (uintptr_t)record->version1);
    UnmapViewOfFile(view);
    return true;
}

/* ---- Second place: the environment variable --------------------------------------------------------------------- */

/* What the last look saw: a claim may only replace that. */
static WCHAR variable_seen[VARIABLE_LENGTH + 1];

/* Leaves "" for a variable that is not set, or whose length is not that of a value of ours. Its length if it is set. */
static DWORD variable_get(WCHAR value[VARIABLE_LENGTH + 1]) {
    DWORD length = GetEnvironmentVariableW(BRAINMM_VARIABLE_NAME, value, VARIABLE_LENGTH + 1);
    if (length != VARIABLE_LENGTH)
        value[0] = 0;
    return length;
}

static enum rendezvous_look variable_look(struct brainmm_record *record, const char **reason) {
    static const char magic[] = BRAINMM_RECORD_MAGIC;
    uint64_t process, address;
    if (variable_get(variable_seen) == 0)
        return PLACE_EMPTY;
    if (variable_seen[PROCESS_DIGITS] != L':' || !hex_read(variable_seen, PROCESS_DIGITS, &process) ||
        !hex_read(variable_seen + PROCESS_DIGITS + 1, ADDRESS_DIGITS, &address)) {
        *reason = "it does not have the form of an owner's value";
        return PLACE_REFUSED;
    }
    if (process != GetCurrentProcessId()) {
        *reason = "it was inherited from another process";
        return PLACE_REFUSED;
    }
    record->version1 = 0;
    for (unsigned i = 0; i < sizeof record->magic; i++)
        record->magic[i] = magic[i];
    record->size = sizeof *record;
    record->abi_version = BRAINMM_ABI_VERSION;
    record->manager = address;
    return PLACE_FILLED;
}

/* The lock that guards the process's environment. ntdll has always had these two functions, and no header declares
 * them. They are looked up, so that a program with the static core need not be linked with ntdll. */
typedef void(NTAPI *environment_lock_function)(void);

static environment_lock_function environment_lock(const char *name) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll ? (environment_lock_function)(void (*)(void))GetProcAddress(ntdll, name) : NULL;
}

static bool variable_claim(const struct brainmm_record *record) {
    WCHAR value[VARIABLE_LENGTH + 1], now[VARIABLE_LENGTH + 1];
    environment_lock_function acquire = environment_lock("RtlAcquirePebLock");
    environment_lock_function release = environment_lock("RtlReleasePebLock");
    bool done = acquire && release;
    if (!done)
        return false;
    hex_write(value, PROCESS_DIGITS, GetCurrentProcessId());
    value[PROCESS_DIGITS] = L':';
    hex_write(value + PROCESS_DIGITS + 1, ADDRESS_DIGITS, record->manager);
    value[VARIABLE_LENGTH] = 0;
    acquire(); /* compare and set in one */
    variable_get(now);
    for (unsigned i = 0; i <= VARIABLE_LENGTH && (i == 0 || now[i - 1] != 0); i++)
        done = done && now[i] == variable_seen[i];
    done = done && SetEnvironmentVariableW(BRAINMM_VARIABLE_NAME, value);
    release();
    return done;
}

/* ---- Both ------------------------------------------------------------------------------------------------------- */

enum rendezvous_look rendezvous_look(unsigned place, struct brainmm_record *record, const char **reason) {
    DWORD error = GetLastError();
    enum rendezvous_look look = place == MAPPING ? mapping_look(record, reason) : variable_look(record, reason);
    SetLastError(error);
    return look;
}

bool rendezvous_claim(unsigned place, const struct brainmm_record *record) {
    DWORD error = GetLastError();
    bool claimed = place == MAPPING ? mapping_claim(record) : variable_claim(record);
    if (claimed && option_is_set(OPTION_FASTMM)) /* a program that wants to know the result calls the function */
        heap_publish_fastmm();
    SetLastError(error);
    return claimed;
}

int BRAINMM_CALL heap_publish_fastmm(void) {
    DWORD error = GetLastError();
    int result = fastmm_publish((void *const *)&version1_table + DELPHI_SLOT);
    SetLastError(error);
    return result;
}

/* ---- Images ----------------------------------------------------------------------------------------------------- */

static bool image_query(const void *address, MEMORY_BASIC_INFORMATION *info) {
    return VirtualQuery(address, info, sizeof *info) != 0 && info->State == MEM_COMMIT && info->Type == MEM_IMAGE;
}

bool rendezvous_read(void *copy, const void *from, size_t size, const void **image) {
    MEMORY_BASIC_INFORMATION first, last;
    SIZE_T done = 0;
    if (!image_query(from, &first) || !image_query((const char *)from + size - 1, &last) ||
        first.AllocationBase != last.AllocationBase)
        return false;
    *image = first.AllocationBase;
    return ReadProcessMemory(GetCurrentProcess(), from, copy, size, &done) && done == size;
}

bool rendezvous_is_code(const void *function, const void *image) {
    const DWORD executable = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    MEMORY_BASIC_INFORMATION info;
    return image_query(function, &info) && info.AllocationBase == image && (info.Protect & executable) != 0;
}

bool rendezvous_pin(const void *address) {
    HMODULE module;
    return GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN, address,
                              &module) != 0;
}
