/* SPDX-License-Identifier: MIT */
/* os_system.c (Windows): the facts of the system, threads, what a process says, by kernel32. */
#include "os.h"
#include "base/atomic.h"
#include "os_inline.h"
#include <windows.h>

struct os_facts os_facts;

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

#define TEB_SLOT_COUNT 64u

uint32_t os_thread_offset = TEB_ALWAYS_NULL;
static DWORD thread_slot = TLS_OUT_OF_INDEXES;

static bool pointers_hidden;

static void events_create(void);

typedef BOOLEAN(WINAPI *shutdown_in_progress)(void);
static shutdown_in_progress process_is_ending;

void os_facts_start(void) {
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    os_facts.page = system.dwPageSize;
    os_facts.granule = system.dwAllocationGranularity;
    os_facts.huge_page = (size_t)2 << 20;
#if defined(__x86_64__)
    os_facts.frame_pointers = false; /* all code has tables to unwind by, and no register for this alone */
#else
    os_facts.frame_pointers = true;
#endif
}

const char *os_start(void) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    if (ntdll)
        process_is_ending = (shutdown_in_progress)(void (*)(void))GetProcAddress(ntdll, "RtlDllShutdownInProgress");
    if (thread_slot == TLS_OUT_OF_INDEXES) /* not from a start that failed later */
        thread_slot = TlsAlloc();
    if (thread_slot == TLS_OUT_OF_INDEXES)
        return "The process has used up the system's slots of thread-local storage";
    if (thread_slot < TEB_SLOT_COUNT && !pointers_hidden)
        os_thread_offset = TEB_TLS_SLOTS + thread_slot * (uint32_t)sizeof(void *);
    events_create();
    return NULL;
}

void os_hide_thread_pointers(void) {
    pointers_hidden = true;
    os_thread_offset = TEB_ALWAYS_NULL;
}

/* TlsGetValue sets the last error, which belongs to the program. */
struct thread_heap *os_thread_pointer_sure(void) {
    if (thread_slot < TEB_SLOT_COUNT && !pointers_hidden)
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
void os_watch_fork(void (*noticed)(uintptr_t before, uintptr_t now, bool first)) { (void)noticed; }

uintptr_t os_thread_id(void) { return GetCurrentThreadId(); }

bool os_thread_alive(uintptr_t id) {
    DWORD error = GetLastError();
    HANDLE thread = OpenThread(SYNCHRONIZE, FALSE, (DWORD)id);
    bool alive = thread ? WaitForSingleObject(thread, 0) == WAIT_TIMEOUT : GetLastError() != ERROR_INVALID_PARAMETER;
    if (thread)
        CloseHandle(thread);
    SetLastError(error);
    return alive;
}

/* An event for each queue. RtlWaitOnAddress would be quicker. But it keeps a list of the waiting threads in the
 * process, with nodes on their stacks: one that TerminateThread ends would leave its node there. The system itself
 * knows who waits for an event. */
static HANDLE wake_events[OS_QUEUES];

static void events_create(void) {
    DWORD error = GetLastError();
    for (unsigned queue = 0; queue < OS_QUEUES; queue++)
        if (!wake_events[queue])
            wake_events[queue] = CreateEventW(NULL, FALSE, FALSE, NULL);
    SetLastError(error);
}

/* A wake that comes between the look at the word and the wait leaves the event set. Without an event, there is time. */
bool os_wait(unsigned queue, const void *word, uint32_t expected, unsigned milliseconds) {
    if (word_load_relaxed((const uint32_t *)word) != expected)
        return true;
    if (wake_events[queue])
        return WaitForSingleObject(wake_events[queue], milliseconds) == WAIT_OBJECT_0;
    os_sleep();
    return false;
}

void os_wake(unsigned queue, const void *word) {
    (void)word;
    if (wake_events[queue])
        SetEvent(wake_events[queue]);
}

void os_sleep(void) { Sleep(1); }

bool os_process_ending(void) { return process_is_ending && process_is_ending(); }

/* Images and what comes with a thread lie at the top; the system maps from below. */
uintptr_t os_window_end(void) {
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    return (uintptr_t)system.lpMaximumApplicationAddress / 8 * 7;
}

/* Kernel32 and ntdll give no secret bits. The system chooses the places of images, stacks and the thread's block, and
 * the counter has the time to a part of a microsecond. */
uint64_t os_random(void) {
    static const uint64_t odd = 0xD6E8FEB86659FD93u;
    LARGE_INTEGER counter = {0};
    QueryPerformanceCounter(&counter);
    const uint64_t sources[] = {(uint64_t)counter.QuadPart, (uintptr_t)&counter,
                                (uintptr_t)GetModuleHandleW(L"ntdll.dll"),
                                (uintptr_t)&os_thread_offset ^ (uint64_t)GetCurrentProcessId() << 32};
    uint64_t bits = GetTickCount64();
    for (unsigned i = 0; i < sizeof sources / sizeof *sources; i++) {
        bits = (bits ^ sources[i]) * odd;
        bits = (bits ^ bits >> 32) * odd;
        bits ^= bits >> 32;
    }
    return bits;
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

void os_break(void) { DebugBreak(); }

void os_abort(const char *text) {
    os_print(text);
    TerminateProcess(GetCurrentProcess(), 3); /* as abort() of the C run-time does */
    __builtin_trap();
}

/* The tools that know allocators of others are those of POSIX systems. */
const struct os_tool *os_tool_find(bool all) {
    (void)all;
    return NULL;
}
