/* os.c (Windows): what src/os.h asks of the system, by kernel32. Nothing here needs the C runtime. */
#include "os.h"
#include "brainmm.h"
#include "os_inline.h"
#include "slab.h"
#include <windows.h>

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

bool os_reserve_at(void *address, size_t size) {
    return VirtualAlloc(address, size, MEM_RESERVE, PAGE_READWRITE) == address;
}

/* Reserves a little more to find an aligned place, gives that back and takes the place: between the two another thread
 * may come first, so it is tried a few times. */
void *os_reserve(size_t size, size_t alignment) {
    if (alignment <= OS_GRANULE)
        return VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_READWRITE);
    if (size + alignment < size)
        return NULL;
    for (unsigned tries = 0; tries < 8; tries++) {
        char *found = VirtualAlloc(NULL, size + alignment, MEM_RESERVE, PAGE_NOACCESS);
        if (!found)
            return NULL;
        VirtualFree(found, 0, MEM_RELEASE);
        char *aligned = (char *)(((uintptr_t)found + alignment - 1) & ~(uintptr_t)(alignment - 1));
        if (os_reserve_at(aligned, size))
            return aligned;
    }
    return NULL;
}

static bool commit(void *address, size_t size, DWORD unused) {
    (void)unused;
    return VirtualAlloc(address, size, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

void *os_reserve_table(size_t size) { return os_reserve(size, OS_GRANULE); }

bool os_commit_table(void *address, size_t size) { return commit(address, size, 0); }

void os_release(void *address, size_t size) {
    (void)size;
    VirtualFree(address, 0, MEM_RELEASE);
}

static bool decommit(void *address, size_t size, DWORD unused) {
    (void)unused;
    return VirtualFree(address, size, MEM_DECOMMIT) != 0;
}

static bool protect(void *address, size_t size, DWORD protection) {
    DWORD before;
    return VirtualProtect(address, size, protection, &before) != 0;
}

/* Does something to a range at once, or, as the system refuses what reaches across reservations, to one part after the
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

bool os_commit(void *address, size_t size) { return on_range(commit, address, size, 0); }

void os_decommit(void *address, size_t size) { on_range(decommit, address, size, 0); }

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

/* Private memory cannot be moved: sections and placeholders can, but cannot give back what is committed page by page, as
 * the heap does. Room to grow in place is the way here. */
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

void os_unmap_views(size_t size, void *writable, void *executable) {
    (void)size;
    UnmapViewOfFile(writable);
    UnmapViewOfFile(executable);
}

void os_flush_code(const void *code, size_t size) { FlushInstructionCache(GetCurrentProcess(), code, size); }

/* A place in the middle of the lower half of the address space, far from where the system puts images, heaps and
 * stacks. It differs from run to run as far as the system's own layout does. */
void *os_place_window(size_t span) {
#ifdef __x86_64__
    uintptr_t slots = ((uintptr_t)1 << 46) / span / 2; /* 32 TiB, of 128 */
    uintptr_t random =
        (uintptr_t)GetCurrentProcessId() ^ ((uintptr_t)&os_thread_offset >> 16) ^ (uintptr_t)GetTickCount64();
    return (void *)(((uintptr_t)1 << 45) + (random * 0x9E3779B97F4A7C15u >> 32) % slots * span);
#else
    (void)span;
    return NULL;
#endif
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

#ifdef __x86_64__
#define TEB_TLS_SLOTS 0x1480u /* TEB.TlsSlots */
#define TEB_ALWAYS_NULL 0x38u /* TEB.NtTib.EnvironmentPointer, which Windows programs do not use */
#else
#define TEB_TLS_SLOTS 0xE10u
#define TEB_ALWAYS_NULL 0x1Cu
#endif
#define TEB_SLOT_COUNT 64u

uint32_t os_thread_offset = TEB_ALWAYS_NULL;
static DWORD thread_slot = TLS_OUT_OF_INDEXES;

typedef BOOLEAN(WINAPI *shutdown_in_progress)(void);
static shutdown_in_progress process_is_ending;

bool os_start(void) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    if (ntdll)
        process_is_ending = (shutdown_in_progress)(void (*)(void))GetProcAddress(ntdll, "RtlDllShutdownInProgress");
    thread_slot = TlsAlloc();
    if (thread_slot == TLS_OUT_OF_INDEXES)
        return false;
    if (thread_slot < TEB_SLOT_COUNT)
        os_thread_offset = TEB_TLS_SLOTS + thread_slot * (uint32_t)sizeof(void *);
    return true;
}

/* TlsGetValue sets the last error, which belongs to the program. */
struct heap *os_thread_pointer_sure(void) {
    if (thread_slot < TEB_SLOT_COUNT)
        return os_thread_pointer();
    DWORD error = GetLastError();
    struct heap *heap = thread_slot == TLS_OUT_OF_INDEXES ? NULL : TlsGetValue(thread_slot);
    SetLastError(error);
    return heap;
}

void os_set_thread_pointer(struct heap *heap) { TlsSetValue(thread_slot, heap); }

void os_watch_thread_exit(void) {} /* DllMain or the TLS callback is called for every thread */

uintptr_t os_thread_id(void) { return GetCurrentThreadId(); }

void os_forked(void) {} /* there is no fork */

bool os_thread_alive(uintptr_t id) {
    DWORD error = GetLastError();
    HANDLE thread = OpenThread(SYNCHRONIZE, FALSE, (DWORD)id);
    bool alive = thread ? WaitForSingleObject(thread, 0) == WAIT_TIMEOUT : GetLastError() != ERROR_INVALID_PARAMETER;
    if (thread)
        CloseHandle(thread);
    SetLastError(error);
    return alive;
}

void os_yield(bool sleep) {
    if (sleep)
        Sleep(1);
    else
        SwitchToThread();
}

bool os_process_ending(void) { return process_is_ending && process_is_ending(); }

/* ---- The rest --------------------------------------------------------------------------------------------------- */

uint64_t os_clock_ms(void) { return GetTickCount64(); }

void os_print(const char *text) {
    DWORD length = 0, written;
    while (text[length])
        length++;
    HANDLE standard_error = GetStdHandle(STD_ERROR_HANDLE);
    if (standard_error && standard_error != INVALID_HANDLE_VALUE)
        WriteFile(standard_error, text, length, &written, NULL);
    OutputDebugStringA(text);
}

size_t os_options(char *text, size_t size) {
    DWORD error = GetLastError(); /* changed where there is no such variable */
    text[0] = 0;
    size_t length = GetEnvironmentVariableA("BRAINMM_OPTIONS", text, (DWORD)size);
    SetLastError(error);
    return length;
}
