/* blocks.h: memory blocks, aligned to their size, and runs of pages. */
#ifndef BRAINMM_BLOCKS_H
#define BRAINMM_BLOCKS_H

#include "brainmm.h"
#include <stdbool.h>

/* Fills in *OPTIONS for the block or run of pages that starts at ADDRESS; false if there is none. */
bool blocks_describe(const void *address, brainmm_options *options);

/* The start of the block in use that ADDRESS lies in, of those that share UNIT; NULL if there is none. Under the lock. */
struct unit;
void *blocks_find(struct unit *unit, const void *address);

/* The lock of this part. Others take it to keep blocks from going back meanwhile, and for fork(). It is taken before the window's. */
void blocks_lock(void);
void blocks_unlock(void);

#endif
