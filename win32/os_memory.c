/* SPDX-License-Identifier: MIT */
/* os_memory.c (Windows): memory, by kernel32. */
#include "brainmm.h"
#include "os.h"
#include <windows.h>

/* It is so in any case. */
void os_forbid_reserved(void) {}

enum os_reserved os_reserve_at(void *address, size_t size) {
    DWORD error = GetLastError(); /* it is the program's */
    void *reserved = address ? VirtualAlloc(address, size, MEM_RESERVE, PAGE_READWRITE) : NULL; /* NULL: anywhere */
    bool taken = !address || (!reserved && GetLastError() == ERROR_INVALID_ADDRESS);
    SetLastError(error);
    return reserved ? OS_RESERVED : taken ? OS_TAKEN : OS_REFUSED;
}

/* Addresses are not limited. */
size_t os_address_limit(void) { return SIZE_MAX; }

size_t os_mappings_most(void) { return SIZE_MAX; }

bool os_has_room(size_t size) {
    (void)size;
    return true;
}

/* Reserves a little more to find an aligned place, gives that back, and takes the place. Between the two another thread
 * may come first, so it is tried a few times. */
void *os_reserve(size_t size, size_t alignment) {
    if (alignment <= os_facts.granule)
        return VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_READWRITE);
    if (size + alignment < size)
        return NULL;
    for (unsigned tries = 0; tries < 8; tries++) {
        char *found = VirtualAlloc(NULL, size + alignment, MEM_RESERVE, PAGE_NOACCESS);
        if (!found)
            return NULL;
        VirtualFree(found, 0, MEM_RELEASE);
        char *aligned = (char *)(((uintptr_t)found + alignment - 1) & ~(uintptr_t)(alignment - 1));
        if (os_reserve_at(aligned, size) == OS_RESERVED)
            return aligned;
    }
    return NULL;
}

static bool commit(void *address, size_t size, DWORD unused) {
    (void)unused;
    return VirtualAlloc(address, size, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

bool os_release(void *address, size_t size) {
    (void)size;
    return VirtualFree(address, 0, MEM_RELEASE) != 0;
}

static bool decommit(void *address, size_t size, DWORD unused) {
    (void)unused;
    return VirtualFree(address, size, MEM_DECOMMIT) != 0;
}

static bool protect(void *address, size_t size, DWORD protection) {
    DWORD before;
    return VirtualProtect(address, size, protection, &before) != 0;
}

/* Does something to a range at once. The system refuses what reaches across reservations: then to one part after the
 * other. */
static bool on_range(bool (*operation)(void *, size_t, DWORD), void *address, size_t size, DWORD argument) {
    DWORD error = GetLastError(); /* it is the program's */
    bool done = operation(address, size, argument);
    MEMORY_BASIC_INFORMATION part;
    for (char *at = address, *end = at + size; !done && at < end;) {
        if (!VirtualQuery(at, &part, sizeof part) || part.State == MEM_FREE)
            break;
        char *part_end = (char *)part.BaseAddress + part.RegionSize;
        if (part_end > end)
            part_end = end;
        if (at == (char *)address && part_end == end) /* it was one part, so there was another reason */
            break;
        if (!operation(at, (size_t)(part_end - at), argument))
            break;
        at = part_end;
        done = at == end;
    }
    SetLastError(error);
    return done;
}

/* What is not committed faults. */
void *os_reserve_untouchable(size_t size, size_t alignment) { return os_reserve(size, alignment); }

bool os_commit(void *address, size_t size) { return on_range(commit, address, size, 0); }

bool os_decommit(void *address, size_t size) { return on_range(decommit, address, size, 0); }

bool os_protect(void *address, size_t size, unsigned rights) {
    static const DWORD protection[8] = {
        PAGE_NOACCESS, PAGE_READONLY,     PAGE_READWRITE,         PAGE_READWRITE, /* there is no write-only memory */
        PAGE_EXECUTE,  PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_READWRITE};
    return on_range(protect, address, size, protection[rights & 7]);
}

bool os_pages_are_mapped(const void *address, size_t size) {
    MEMORY_BASIC_INFORMATION part;
    for (const char *at = address, *end = at + size; at < end; at = (char *)part.BaseAddress + part.RegionSize)
        if (VirtualQuery(at, &part, sizeof part) == 0 || part.State != MEM_COMMIT)
            return false;
    return true;
}

bool os_page_rights(const void *page, unsigned *rights) {
    MEMORY_BASIC_INFORMATION part;
    if (VirtualQuery(page, &part, sizeof part) == 0 || part.State != MEM_COMMIT)
        return false;
    switch (part.Protect & ~(DWORD)(PAGE_NOCACHE | PAGE_WRITECOMBINE)) {
    case PAGE_READONLY: *rights = BRAINMM_READ; break;
    case PAGE_READWRITE:
    case PAGE_WRITECOPY: *rights = BRAINMM_READ | BRAINMM_WRITE; break;
    case PAGE_EXECUTE: *rights = BRAINMM_EXECUTE; break;
    case PAGE_EXECUTE_READ: *rights = BRAINMM_EXECUTE | BRAINMM_READ; break;
    case PAGE_EXECUTE_READWRITE:
    case PAGE_EXECUTE_WRITECOPY: *rights = BRAINMM_EXECUTE | BRAINMM_READ | BRAINMM_WRITE; break;
    default: *rights = 0; break; /* none, or a guard page */
    }
    return true;
}

/* Private memory cannot be moved. Sections and placeholders can, but they cannot give back single pages, as the heap
 * does. Headroom to grow in place is the way here. */
size_t os_move_pages(void *to, void *from, size_t size, bool *lost) {
    (void)to;
    (void)from;
    (void)size;
    (void)lost;
    return 0;
}

void os_expect_use(void *address, size_t size) {
    (void)address;
    (void)size;
}

bool os_peek(void *copy, const void *from, size_t size) {
    DWORD error = GetLastError();
    SIZE_T done = 0;
    bool read = ReadProcessMemory(GetCurrentProcess(), from, copy, size, &done) && done == size;
    SetLastError(error);
    return read;
}

void os_flush_code(const void *code, size_t size) { FlushInstructionCache(GetCurrentProcess(), code, size); }

/* ---- Memory that is mapped twice -------------------------------------------------------------------------------- */

bool os_map_views(size_t size, void **writable, void **executable) {
    uint64_t bytes = size;
    HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE_READWRITE, (DWORD)(bytes >> 32),
                                        (DWORD)bytes, NULL);
    if (!section)
        return false;
    void *data = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, size);
    void *code = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_EXECUTE, 0, 0, size);
    CloseHandle(section); /* the views keep it */
    if (data && code) {
        *writable = data;
        *executable = code;
        return true;
    }
    if (data)
        UnmapViewOfFile(data);
    if (code)
        UnmapViewOfFile(code);
    return false;
}

bool os_unmap_views(size_t size, void *writable, void *executable) {
    (void)size;
    bool unmapped = UnmapViewOfFile(writable) != 0;
    return UnmapViewOfFile(executable) != 0 && unmapped;
}
