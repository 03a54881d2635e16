/* SPDX-License-Identifier: MIT */
/* os_system.c (Windows): the facts of the system, threads, what a process says, by kernel32. */
#include "os.h"
#include "os_inline.h"
#include <windows.h>

struct os_facts os_facts;

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

void os_facts_start(void) {
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    os_facts.page = system.dwPageSize;
    os_facts.granule = system.dwAllocationGranularity;
    os_facts.huge_page = (size_t)2 << 20;
}

bool os_start(void) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    if (ntdll)
        process_is_ending = (shutdown_in_progress)(void (*)(void))GetProcAddress(ntdll, "RtlDllShutdownInProgress");
    if (thread_slot == TLS_OUT_OF_INDEXES) /* not from a start that failed later */
        thread_slot = TlsAlloc();
    if (thread_slot == TLS_OUT_OF_INDEXES)
        return false;
    if (thread_slot < TEB_SLOT_COUNT)
        os_thread_offset = TEB_TLS_SLOTS + thread_slot * (uint32_t)sizeof(void *);
    return true;
}

/* TlsGetValue sets the last error, which belongs to the program. */
struct thread_heap *os_thread_pointer_sure(void) {
    if (thread_slot < TEB_SLOT_COUNT)
        return os_thread_pointer();
    DWORD error = GetLastError();
    struct thread_heap *heap = thread_slot == TLS_OUT_OF_INDEXES ? NULL : TlsGetValue(thread_slot);
    SetLastError(error);
    return heap;
}

void os_set_thread_pointer(struct thread_heap *heap) { TlsSetValue(thread_slot, heap); }

/* DllMain or the TLS callback is called for every thread. */
void os_watch_thread_exit(void (*done)(void)) { (void)done; }

/* There is no fork. */
void os_watch_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
    (void)before;
    (void)in_parent;
    (void)in_child;
}

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

void os_yield(void) { SwitchToThread(); }

void os_sleep(void) { Sleep(1); }

bool os_process_ending(void) { return process_is_ending && process_is_ending(); }

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

void os_abort(const char *text) {
    os_print(text);
    TerminateProcess(GetCurrentProcess(), 3); /* as abort() of the C run-time does */
    __builtin_trap();
}

size_t os_options(char *text, size_t size) {
    DWORD error = GetLastError(); /* changed where there is no such variable */
    text[0] = 0;
    size_t length = GetEnvironmentVariableA("BRAINMM_OPTIONS", text, (DWORD)size);
    SetLastError(error);
    return length;
}
