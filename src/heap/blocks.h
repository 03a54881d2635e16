/* SPDX-License-Identifier: MIT */
/* blocks.h: memory blocks of 4 KiB to 256 MiB, aligned to their size; see brainmm.h. */
#ifndef BRAINMM_BLOCKS_H
#define BRAINMM_BLOCKS_H

#include "heap/run.h"

/* NULL: no block has SIZE, there is no such MODE, or out of memory. */
void *block_take(size_t size, unsigned mode);

/* Returns BRAINMM_OK, _E_ARGUMENT (no such MODE), _E_REFUSED, _E_KIND, or _E_POINTER if nothing of that kind starts at
 * ADDRESS. */
int block_give(void *block, unsigned mode);

/* 0 for blocks of 4 KiB to 8 for those of 256 MiB. */
unsigned block_index(size_t size);

/* Whether there are blocks of SIZE and MODE. */
bool block_is_possible(size_t size, unsigned mode);

/* The descriptor of the block that starts at ADDRESS; NULL if there is none. Under the lock of blocks. */
struct unit *block_find(const void *address);

/* The start of the block in use that ADDRESS lies in, of those that share UNIT; NULL if there is none. Under the lock
 * of blocks. */
void *block_start_in(const struct unit *unit, const void *address);

/* NULL if the units that blocks share agree with the lists of those that have a free place; else what is wrong. */
const char *blocks_check(void);

/* The lock. Others hold it to keep blocks from going back meanwhile. It is acquired before the lock of units. */
void blocks_lock(void);
void blocks_unlock(void);

#endif
