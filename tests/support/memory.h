/* SPDX-License-Identifier: MIT */
/* memory.h: measures the memory of the process, and allocates memory from the system. */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include "support/outcome.h"

/* The bytes of this process in physical memory. On Linux from smaps_rollup, for which the kernel walks the page tables.
 * The counters in statm lag by some hundred pages. */
SUPPORT_INLINE size_t resident_bytes_once(void) {
#if defined(_WIN32)
    PROCESS_MEMORY_COUNTERS counters;
    memset(&counters, 0, sizeof counters);
    counters.cb = sizeof counters;
    CHECK(K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters));
    return counters.WorkingSetSize;
#else
    char line[256];
    unsigned long long kib = 0;
    bool found = false;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    CHECK(file != NULL);
    while (!found && fgets(line, sizeof line, file))
        found = sscanf(line, "Rss: %llu kB", &kib) == 1;
    fclose(file);
    CHECK(found);
    return (size_t)kib * KIB;
#endif
}

/* The same. The first call measures twice, so that the code and buffers that it brings in are not taken for growth. */
SUPPORT_INLINE size_t resident_bytes(void) {
    static bool warm;
    if (!warm)
        resident_bytes_once();
    warm = true;
    return resident_bytes_once();
}

/* By how many bytes resident memory grew since BEFORE; 0 if it shrank. */
SUPPORT_INLINE size_t resident_growth(size_t before) {
    size_t now = resident_bytes();
    return now > before ? now - before : 0;
}

#if !defined(_WIN32)
/* The bytes of addresses that this process has mapped, as RLIMIT_AS counts them. */
SUPPORT_INLINE size_t address_bytes(void) {
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%zu", &pages) == 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}
#endif

#if !defined(_WIN32)
/* Whether the kernel lists FLAG for all mappings in [start, start + size). " nh": no huge pages. " hg": huge pages. */
SUPPORT_INLINE bool mappings_have_flag(const void *start, size_t size, const char *flag) {
    static char line[1024];
    uintptr_t from = (uintptr_t)start, low, high;
    bool concerned = false, all = true, any = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &low, &high) == 2)
            concerned = low < from + size && high > from;
        if (!concerned || strncmp(line, "VmFlags:", 8) != 0)
            continue;
        any = true;
        all = all && strstr(line, flag) != NULL;
    }
    fclose(maps);
    CHECK(any);
    return all;
}
#endif

/* Whether the page at ADDRESS is executable. */
SUPPORT_INLINE bool is_executable(const void *address) {
#if defined(_WIN32)
    MEMORY_BASIC_INFORMATION info;
    CHECK(VirtualQuery(address, &info, sizeof info) != 0);
    return info.State == MEM_COMMIT &&
           (info.Protect & (PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY)) != 0;
#else
    char line[512];
    bool executable = false;
    FILE *file = fopen("/proc/self/maps", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file)) {
        uintptr_t first, end;
        char rights[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &first, &end, rights) == 3 && (uintptr_t)address >= first &&
            (uintptr_t)address < end)
            executable = rights[2] == 'x';
    }
    fclose(file);
    return executable;
#endif
}

/* Allocates pages from the system: for foreign pointers and for arrays that must not change what is measured. */
SUPPORT_INLINE void *system_pages(size_t size) {
#if defined(_WIN32)
    void *pages = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    CHECK(pages != NULL);
#else
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
#endif
    return pages;
}

/* Reserves addresses without memory. Nobody else can get them, because the test keeps them until it ends. */
SUPPORT_INLINE void *system_addresses(size_t size) {
#if defined(_WIN32)
    void *addresses = VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_NOACCESS);
    CHECK(addresses != NULL);
#else
    void *addresses = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(addresses != MAP_FAILED);
#endif
    return addresses;
}

SUPPORT_INLINE void system_pages_free(void *pages, size_t size) {
#if defined(_WIN32)
    (void)size;
    CHECK(VirtualFree(pages, 0, MEM_RELEASE));
#else
    CHECK(munmap(pages, size) == 0);
#endif
}

/* Makes these pages inaccessible. */
SUPPORT_INLINE void system_pages_forbid(void *pages, size_t size) {
#if defined(_WIN32)
    DWORD before;
    CHECK(VirtualProtect(pages, size, PAGE_NOACCESS, &before));
#else
    CHECK(mprotect(pages, size, PROT_NONE) == 0);
#endif
}

#endif
