/* SPDX-License-Identifier: MIT */
/* memory.c (POSIX): memory as every POSIX system has it: mmap, munmap, mprotect. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "brainmm.h"
#include "map.h"
#include "os.h"
#include <stdint.h>

/* Reserved memory, except for tables, is mapped readable and writable at once. Its pages cost nothing until they are
 * touched, and what has one set of rights stays one mapping to the kernel. */
void *os_reserve(size_t size, size_t alignment) {
    char *mapped = map_memory(PROT_READ | PROT_WRITE, NULL, size, 0);
    if (!mapped || ((uintptr_t)mapped & (alignment - 1)) == 0)
        return mapped;
    munmap(mapped, size);
    if (size + alignment < size)
        return NULL;
    mapped = map_memory(PROT_READ | PROT_WRITE, NULL, size + alignment, 0);
    if (!mapped)
        return NULL;
    size_t before = (size_t)(-(uintptr_t)mapped & (alignment - 1));
    if (before)
        munmap(mapped, before);
    munmap(mapped + before + size, alignment - before);
    return mapped + before;
}

void *os_reserve_table(size_t size) { return map_memory(PROT_NONE, NULL, size, 0); }

bool os_commit_table(void *address, size_t size) { return mprotect(address, size, PROT_READ | PROT_WRITE) == 0; }

bool os_release(void *address, size_t size) { return munmap(address, size) == 0; }

bool os_commit(void *address, size_t size) {
    (void)address;
    (void)size;
    return true; /* see os_reserve() */
}

bool os_protect(void *address, size_t size, unsigned rights) {
    int protection = (rights & BRAINMM_READ ? PROT_READ : 0) | (rights & BRAINMM_WRITE ? PROT_WRITE | PROT_READ : 0) |
                     (rights & BRAINMM_EXECUTE ? PROT_EXEC : 0);
    return mprotect(address, size, protection) == 0;
}

void os_flush_code(const void *code, size_t size) {
    __builtin___clear_cache((char *)(uintptr_t)code, (char *)(uintptr_t)code + size);
}

/* The kernel's own choice is a place that is free and that sanitizers and valgrind agree with. */
void *os_place_window(size_t span) {
    void *mapped = mmap(NULL, 2 * span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    munmap(mapped, 2 * span);
    return (void *)(((uintptr_t)mapped + span - 1) & ~(uintptr_t)(span - 1));
}
