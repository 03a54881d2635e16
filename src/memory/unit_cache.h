/* SPDX-License-Identifier: MIT */
/* unit_cache.h: runs of 1 to CACHE_LONGEST units that nobody uses, with their pages. Runs and slabs come from here and
 * go back here without a lock. Only where nothing fits, or too much is kept, are units taken or given (units.h).
 *
 *   a thread's stock   a few runs of 1 to STOCK_LONGEST units. Its thread puts them there by a plain store. Any thread
 *                      may take them
 *   stacks             one for each length, for all threads
 *
 * A run that is kept is in nobody's hands: its descriptors are UNIT_NONE, and the bits of its units are those of memory
 * in use. Its first unit's descriptor says whether there are marks in it (mark.h). What has been kept unused for two to
 * three ticks of unit_cache_tick() goes back to the system.
 */
#ifndef BRAINMM_UNIT_CACHE_H
#define BRAINMM_UNIT_CACHE_H

#include "memory/units.h"

#define SLAB_UNITS_LARGE 4u
#define CACHE_LONGEST 64u /* units, 4 MiB */

#define STOCK_LONGEST 4u /* units */
#define STOCK_DEPTH 4u   /* runs of each length */

/* All bytes 0: empty. */
struct unit_stock {
    struct unit_stock_row {
        atomic_u32 numbers[STOCK_DEPTH]; /* of first units; 0: none */
        atomic_u32 used_at;              /* the tick in which the thread last put one */
        uint32_t top;                    /* the thread's own: there are none from here on */
    } rows[STOCK_LONGEST];
};

extern atomic_u32 unit_cache_ticks HIDDEN_DATA;

/* The thread takes COUNT units, 1 to STOCK_LONGEST, from its own stock. Another thread may have taken them before:
 * whoever exchanges a number for 0 has the run. NULL: there are none. */
static inline struct unit *unit_stock_take(struct unit_stock *stock, size_t count) {
    struct unit_stock_row *row = &stock->rows[count - 1];
    while (row->top) {
        uint32_t number = exchange_acquire(&row->numbers[--row->top], 0); /* with the release of unit_stock_put() */
        if (LIKELY(number != 0))
            return unit_from_number(number);
    }
    return NULL;
}

/* The thread puts COUNT units there. False if there is no place for them. */
static inline bool unit_stock_put(struct unit_stock *stock, struct unit *first, size_t count) {
    struct unit_stock_row *row = &stock->rows[count - 1];
    if (row->top == STOCK_DEPTH)
        return false;
    store_relaxed(&row->used_at, load_relaxed(&unit_cache_ticks));
    store_release(&row->numbers[row->top++], unit_number(first));
    return true;
}

/* COUNT units, the first at a multiple of ALIGNMENT units. They are what STOCK (NULL: none) or the stacks keep, and
 * otherwise taken as USE says. NULL if the system has no more. *FRESH, if FRESH is not NULL, becomes true when the
 * memory reads as zero. */
struct unit *unit_cache_take(struct unit_stock *stock, size_t count, size_t alignment, enum units_use use, bool *fresh);

/* Keeps COUNT units that nobody uses any more, or gives them back. ALIGNMENT as they were asked for. */
void unit_cache_give(struct unit_stock *stock, struct unit *first, size_t count, size_t alignment, enum units_use use);

/* Gives all that is kept in the stacks, or in a stock. False if there was nothing. */
bool unit_cache_empty(void);
bool unit_stock_empty(struct unit_stock *stock);

/* A tick has passed. What was kept long enough in the stacks goes back to the system. Waits for no lock. */
void unit_cache_tick(void);

/* The same for a stock, after unit_cache_tick(). */
void unit_stock_tick(struct unit_stock *stock);

/* How many units are kept in the stacks, or a stock. Of the stacks never too few; a thread that is about to take or
 * give some may make it too many. */
size_t unit_cache_kept(void);
size_t unit_stock_kept(struct unit_stock *stock);

/* Differs whenever a thread has taken units from the stacks or given them some. */
uint64_t unit_cache_changes(void);

/* The number on top of stack INDEX, from 0, while nobody else uses the heap; the others follow by `next`. 0 if it is
 * empty. And how many units the run has that begins with FIRST, of that stack. */
#define CACHE_STACKS (CACHE_LONGEST + 4u)
uint32_t unit_cache_top(unsigned index);
size_t unit_cache_length(unsigned index, const struct unit *first);

#endif
