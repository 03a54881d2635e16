/* SPDX-License-Identifier: MIT */
/* unit_cache.c: see unit_cache.h. */
#include "memory/unit_cache.h"
#include "base/stack.h"

struct cache {
    struct stack stack;
    atomic_i32 count; /* changes before a push and after a pop, so it is never too low */
    int32_t most;     /* from here on units are given */
    unsigned units;   /* of each entry */
};

static struct cache one = {.most = 64, .units = 1}, large = {.most = 16, .units = SLAB_UNITS_LARGE};

static struct cache *cache_of(unsigned units) { return units == one.units ? &one : &large; }

struct unit *unit_cache_take(unsigned units, enum units_use use) {
    struct cache *cache = cache_of(units);
    uint32_t number = stack_pop(&cache->stack, unit_link);
    if (!number)
        return units_take(units, 1, use, NULL);
    subtract_relaxed(&cache->count, 1);
    return unit_from_number(number);
}

/* A cache that is too large is better than a thread that waits. */
void unit_cache_give(struct unit *first, unsigned units) {
    struct cache *cache = cache_of(units);
    if (load_relaxed(&cache->count) >= cache->most && units_give_slab(first, units, UNITS_TRY))
        return;
    add_relaxed(&cache->count, 1);
    stack_push(&cache->stack, unit_number(first), &first->next);
}

static void empty(struct cache *cache) {
    for (uint32_t number; (number = stack_pop(&cache->stack, unit_link)) != 0;) {
        subtract_relaxed(&cache->count, 1);
        units_give_slab(unit_from_number(number), cache->units, UNITS_WAIT);
    }
}

void unit_cache_empty(void) {
    empty(&one);
    empty(&large);
}

static size_t kept(struct cache *cache) { return (size_t)load_relaxed(&cache->count) * cache->units; }

size_t unit_cache_kept(void) { return kept(&one) + kept(&large); }

void unit_cache_tops(uint32_t *top_one, uint32_t *top_large) {
    *top_one = stack_top(&one.stack);
    *top_large = stack_top(&large.stack);
}
