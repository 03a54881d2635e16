/* SPDX-License-Identifier: MIT */
/* map.h (POSIX): mapping memory, for the files of this port. */
#ifndef BRAINMM_MAP_H
#define BRAINMM_MAP_H

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

/* The rights of memory that is reserved and not committed: PROT_READ | PROT_WRITE, or PROT_NONE. */
extern int map_reserved_rights __attribute__((visibility("hidden")));

/* Are told of all memory that is committed, and of what was decommitted. NULL: nobody is. */
extern void (*map_committed)(const void *start, size_t size) __attribute__((visibility("hidden")));
extern void (*map_decommitted)(const void *start, size_t size) __attribute__((visibility("hidden")));

/* Is there, at an address that is not NULL, in libbrainmm-malloc.so alone. */
extern const char malloc_is_ours __attribute__((visibility("hidden"), weak));

/* Whether a page can have all of these rights at once. On Apple's processors none is both written and executed. */
static inline int map_can(int protection) {
#if defined(__APPLE__) && defined(__aarch64__)
    return (protection & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC);
#else
    (void)protection;
    return 1;
#endif
}

/* On macOS, pages that were discarded are to count as used again. errno is as it was. */
static inline void map_reuse(void *address, size_t size) {
#if defined(__APPLE__)
    int error = errno;
    madvise(address, size, MADV_FREE_REUSE);
    errno = error;
#else
    (void)address, (void)size;
#endif
}

/* New private memory, with MORE flags of mmap. NULL if the system refuses. The system's folder implements it. */
void *map_memory(int protection, void *address, size_t size, int more);

#endif
