/* SPDX-License-Identifier: MIT */
/* memory.c (POSIX): memory as every POSIX system has it: mmap, munmap, mprotect. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "brainmm.h"
#include "map.h"
#include "os.h"
#include <errno.h>
#include <stdint.h>

void os_forbid_reserved(void) {
    map_reserved_rights = PROT_NONE;
    os_facts.moves_pages = os_facts.takes_advice = false; /* pages of other rights are other mappings */
}

static void *reserve(int protection, size_t size, size_t alignment) {
    char *mapped = map_memory(protection, NULL, size, 0);
    if (!mapped || ((uintptr_t)mapped & (alignment - 1)) == 0)
        return mapped;
    munmap(mapped, size);
    if (size + alignment < size)
        return NULL;
    mapped = map_memory(protection, NULL, size + alignment, 0);
    if (!mapped)
        return NULL;
    size_t before = (size_t)(-(uintptr_t)mapped & (alignment - 1));
    if (before)
        munmap(mapped, before);
    munmap(mapped + before + size, alignment - before);
    return mapped + before;
}

/* Reserved memory is mapped readable and writable at once. Its pages cost nothing until they are touched, and what has
 * one set of rights stays one mapping to the kernel. */
void *os_reserve(size_t size, size_t alignment) { return reserve(map_reserved_rights, size, alignment); }

void *os_reserve_untouchable(size_t size, size_t alignment) { return reserve(PROT_NONE, size, alignment); }

/* A free() may run this and os_protect(), so errno is left as it was. */
bool os_release(void *address, size_t size) {
    int error = errno;
    bool done = munmap(address, size) == 0;
    errno = error;
    return done;
}

bool os_commit(void *address, size_t size) {
    if (map_reserved_rights == PROT_NONE && !os_protect(address, size, BRAINMM_READ | BRAINMM_WRITE))
        return false;
    map_reuse(address, size);
    if (map_committed)
        map_committed(address, size);
    return true;
}

bool os_protect(void *address, size_t size, unsigned rights) {
    int protection = (rights & BRAINMM_READ ? PROT_READ : 0) | (rights & BRAINMM_WRITE ? PROT_WRITE | PROT_READ : 0) |
                     (rights & BRAINMM_EXECUTE ? PROT_EXEC : 0);
    int error = errno;
    bool done = map_can(protection) && mprotect(address, size, protection) == 0;
    errno = error;
    return done;
}
