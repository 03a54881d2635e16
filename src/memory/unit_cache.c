/* SPDX-License-Identifier: MIT */
/* unit_cache.c: see unit_cache.h.
 *
 * A run of twice the length or more is cut where no shorter one is kept. Runs that lie side by side are only joined as
 * free units (units.h). So if nothing fits although much is kept, all of it becomes free units before more memory is
 * asked for.
 *
 * How much is kept: as much as is in use, within bounds. A program that replaces its pieces finds their pages again,
 * and one that has ended its work keeps little. What nobody used for two ticks is decommitted without a lock. It waits
 * in `drained` for a moment in which nobody has the lock, because whoever ticks must wait for nobody.
 */
#include "memory/unit_cache.h"
#include "base/stack.h"
#include "memory/idle.h"
#include "memory/mark.h"
#include "memory/window.h"

#define CACHE_LEAST 128                                /* units, 8 MiB, may be kept in any case */
#define CACHE_MOST (WINDOW_IS_EVERYTHING ? 672 : 1280) /* 42 or 80 MiB: never more */
#define CACHE_TICKS 2u                                 /* so long at least */

#define ALIGNED_STACKS 3u
#define ALL_STACKS (CACHE_LONGEST + ALIGNED_STACKS)
#define DRAINED ALL_STACKS
_Static_assert(DRAINED + 1 == CACHE_STACKS, "the stacks, and what was drained");

/* Runs of 1, 2, 3 ... units, then those for blocks, which are aligned to their size. Last, runs whose memory has gone
 * back to the system; `prev` is the length of such a run. */
static struct stack stacks[CACHE_STACKS];
static const uint8_t aligned_lengths[ALIGNED_STACKS] = {4, 16, 64};

atomic_u32 unit_cache_ticks;

/* CACHE_STACKS if there is none for that. */
static unsigned stack_for(size_t count, size_t alignment) {
    if (alignment <= 1)
        return count <= CACHE_LONGEST ? (unsigned)count - 1 : CACHE_STACKS;
    for (unsigned i = 0; i < ALIGNED_STACKS; i++)
        if (count == aligned_lengths[i] && alignment == count)
            return CACHE_LONGEST + i;
    return CACHE_STACKS;
}

size_t unit_cache_length(unsigned index, const struct unit *first) {
    return index < CACHE_LONGEST ? index + 1
           : index == DRAINED    ? link_get(&first->prev)
                                 : aligned_lengths[index - CACHE_LONGEST];
}

/* The count changes before a push and after a pop, so it is never too low. */
static void push(unsigned index, struct unit *first, size_t count) {
    add_relaxed(&units_kept, (int32_t)count);
    stack_push(&stacks[index], unit_number(first), &first->next);
}

static struct unit *pop(unsigned index) {
    if (stack_top(&stacks[index]) == 0)
        return NULL;
    struct unit *first = unit_or_null(stack_pop(&stacks[index], unit_link));
    if (first)
        subtract_relaxed(&units_kept, (int32_t)unit_cache_length(index, first));
    return first;
}

/* ---- A thread's stock ------------------------------------------------------------------------------------------- */

/* Any thread may do this. The place stays empty until the stock's own thread has taken all above it. */
static struct unit *row_drain(struct unit_stock_row *row) {
    for (unsigned i = 0; i < STOCK_DEPTH; i++) {
        uint32_t number =
            load_relaxed(&row->numbers[i]) ? exchange_acquire(&row->numbers[i], 0) : 0; /* with unit_stock_put() */
        if (number)
            return unit_from_number(number);
    }
    return NULL;
}

size_t unit_stock_kept(struct unit_stock *stock) {
    size_t kept = 0;
    for (size_t row = 0; row < STOCK_LONGEST; row++)
        for (unsigned i = 0; i < STOCK_DEPTH; i++)
            kept += load_relaxed(&stock->rows[row].numbers[i]) ? row + 1 : 0;
    return kept;
}

/* ---- Taking ----------------------------------------------------------------------------------------------------- */

/* The first COUNT units of a run that is longer. What is left of it has been kept for as long as the whole. */
static struct unit *cut(struct unit *first, size_t length, size_t count) {
    struct unit *rest = unit_from_number(unit_number(first) + (uint32_t)count);
    rest->marks.kept = first->marks.kept;
    push((unsigned)(length - count - 1), rest, length - count);
    return first;
}

static struct unit *find(struct unit_stock *stock, size_t count, size_t alignment) {
    unsigned index = stack_for(count, alignment);
    struct unit *first;
    if (index == CACHE_STACKS)
        return NULL;
    if (stock && index < STOCK_LONGEST && (first = unit_stock_take(stock, count)) != NULL)
        return first;
    if ((first = pop(index)) != NULL || index >= CACHE_LONGEST)
        return first;
    /* Less than twice as long, and little would be left. Under a limit, long rows of units are worth more. */
    for (unsigned longer = index + (unsigned)count; longer < CACHE_LONGEST && !units_are_limited(); longer++)
        if ((first = pop(longer)) != NULL)
            return cut(first, longer + 1, count);
    return NULL;
}

struct unit *unit_cache_take(struct unit_stock *stock, size_t count, size_t alignment, enum units_use use,
                             bool *fresh) {
    struct unit *first = find(stock, count, alignment);
    if (first) {
        first->run.is_new = false;
        if (fresh)
            *fresh = false;
        return first;
    }
    int32_t kept = load_relaxed(&units_kept);
    if (kept > CACHE_LEAST && count <= (size_t)kept)
        unit_cache_empty();
    return units_take(count, alignment, use, fresh);
}

/* ---- Giving ----------------------------------------------------------------------------------------------------- */

static int32_t kept_most(int32_t kept) {
    size_t used = units_in_use(), live = used > (size_t)kept ? used - (size_t)kept : 0;
    size_t most = units_are_limited() ? CACHE_LEAST : CACHE_MOST;
    return (int32_t)(live > most ? most : live > CACHE_LEAST ? live : CACHE_LEAST);
}

/* A cache that is too large is better than a thread that waits. Under a limit of addresses the stacks keep only slabs:
 * runs here and there would keep regions from being given back, and so from being replaced by larger ones. */
void unit_cache_give(struct unit_stock *stock, struct unit *first, size_t count, size_t alignment, enum units_use use) {
    unsigned index = stack_for(count, alignment);
    bool spares = (use == UNITS_SPARSE && units_are_limited()) || idle_never;
    if (spares || (index == CACHE_STACKS && (index = stack_for(count, 1)) == CACHE_STACKS)) {
        units_give(first, count, use, UNITS_WITH_MEMORY, UNITS_WAIT);
        return;
    }
    if (stock && index < STOCK_LONGEST && unit_stock_put(stock, first, count))
        return;
    int32_t kept = load_relaxed(&units_kept);
    if (kept + (int32_t)count > kept_most(kept) && units_give(first, count, use, UNITS_WITH_MEMORY, UNITS_TRY))
        return;
    first->marks.kept = load_relaxed(&unit_cache_ticks);
    push(index, first, count);
}

/* Marks tell that it was a slab, of which more may lie idle. */
bool unit_cache_empty(void) {
    struct unit *first;
    bool any = false;
    for (unsigned index = 0; index < CACHE_STACKS; index++)
        for (; (first = pop(index)) != NULL; any = true)
            units_give(first, unit_cache_length(index, first), marks_left(first) != 0 ? UNITS_WHOLE : UNITS_SPARSE,
                       index == DRAINED ? UNITS_EMPTY : UNITS_WITH_MEMORY, UNITS_WAIT);
    return any;
}

bool unit_stock_empty(struct unit_stock *stock) {
    struct unit *first;
    bool any = false;
    for (size_t row = 0; row < STOCK_LONGEST; row++)
        for (; (first = row_drain(&stock->rows[row])) != NULL; any = true)
            units_give(first, row + 1, UNITS_SPARSE, UNITS_WITH_MEMORY, UNITS_WAIT);
    return any;
}

/* ---- Ticks ------------------------------------------------------------------------------------------------------ */

/* Gives the memory of COUNT units, which this thread has for itself, back to the system, and the units to the heap. */
static void drain(struct unit *first, size_t count) {
    bool empty = os_decommit(unit_address(first), units_bytes(count));
    if (empty)
        marks_forget(first);
    if (units_give(first, count, UNITS_WHOLE, empty ? UNITS_EMPTY : UNITS_WITH_MEMORY, UNITS_TRY))
        return;
    first->marks.kept = load_relaxed(&unit_cache_ticks);
    link_set(&first->prev, (uint32_t)count);
    push(empty ? DRAINED : stack_for(count, 1), first, count);
}

/* Takes all of a stack, puts back what was not kept for long, and drains the rest. */
static void stack_tick(unsigned index, uint32_t now) {
    uint32_t number = stack_top(&stacks[index]) ? stack_pop_all(&stacks[index]) : 0, next;
    uint32_t young = 0, old = 0;
    atomic_u32 *end_of_young = NULL;
    for (; number; number = next) {
        struct unit *first = unit_from_number(number);
        next = link_get(&first->next);
        if (now - first->marks.kept < CACHE_TICKS) {
            if (end_of_young)
                link_set(end_of_young, number);
            else
                young = number;
            end_of_young = &first->next;
        } else {
            link_set(&first->next, old);
            old = number;
        }
    }
    if (end_of_young)
        stack_push(&stacks[index], young, end_of_young);
    for (; old; old = next) {
        struct unit *first = unit_from_number(old);
        size_t count = unit_cache_length(index, first);
        next = link_get(&first->next);
        subtract_relaxed(&units_kept, (int32_t)count);
        drain(first, count);
    }
}

/* What could not be given at the last tick, because somebody had the lock. */
static void give_drained(void) {
    for (uint32_t number = stack_pop_all(&stacks[DRAINED]), next; number; number = next) {
        struct unit *first = unit_from_number(number);
        size_t count = unit_cache_length(DRAINED, first);
        next = link_get(&first->next);
        if (units_give(first, count, UNITS_WHOLE, UNITS_EMPTY, UNITS_TRY))
            subtract_relaxed(&units_kept, (int32_t)count);
        else
            stack_push(&stacks[DRAINED], number, &first->next);
    }
}

void unit_cache_tick(void) {
    uint32_t now = add_relaxed(&unit_cache_ticks, 1) + 1;
    if (stack_top(&stacks[DRAINED]))
        give_drained();
    for (unsigned index = 0; index < ALL_STACKS; index++)
        stack_tick(index, now);
}

void unit_stock_tick(struct unit_stock *stock) {
    uint32_t now = load_relaxed(&unit_cache_ticks);
    struct unit *first;
    for (size_t row = 0; row < STOCK_LONGEST; row++)
        if (now - load_relaxed(&stock->rows[row].used_at) >= CACHE_TICKS)
            while ((first = row_drain(&stock->rows[row])) != NULL)
                drain(first, row + 1);
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

size_t unit_cache_kept(void) { return (size_t)load_relaxed(&units_kept); }

uint64_t unit_cache_changes(void) {
    uint64_t sum = 0;
    for (unsigned index = 0; index < CACHE_STACKS; index++)
        sum += stack_changes(&stacks[index]);
    return sum;
}

uint32_t unit_cache_top(unsigned index) { return stack_top(&stacks[index]); }
