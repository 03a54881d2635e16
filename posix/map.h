/* SPDX-License-Identifier: MIT */
/* map.h (POSIX): mapping memory, for the files of this port. */
#ifndef BRAINMM_MAP_H
#define BRAINMM_MAP_H

#include <stddef.h>
#include <sys/mman.h>

/* The rights of memory that is reserved and not committed: PROT_READ | PROT_WRITE, or PROT_NONE. */
extern int map_reserved_rights __attribute__((visibility("hidden")));

/* New private memory, with MORE flags of mmap. NULL if the system refuses. The system's folder implements it. */
void *map_memory(int protection, void *address, size_t size, int more);

#endif
