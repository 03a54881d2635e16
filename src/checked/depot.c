/* SPDX-License-Identifier: MIT */
/* depot.c: see depot.h.
 *
 * Memory comes in chunks, and is handed out from one end to the other. A stack's number is its place in that order,
 * divided by 16. A table of buckets, by the hash of the addresses, leads to the stacks: a list each, to whose front new
 * ones are put. Two threads that put in the same stack at the same time see it: the exchange of one fails, and that one
 * looks at what has come.
 */
#include "checked/depot.h"
#include "base/align.h"
#include "base/compiler.h"

#define NARROW (UINTPTR_MAX <= 0xFFFFFFFFu)
#define STEP ((size_t)16)
#define CHUNK_BYTES ((size_t)256 << 10)
#define CHUNKS (NARROW ? 64u : 256u) /* 16 MiB and 64 MiB: some 300 thousand stacks of 16 addresses */
#define BUCKETS ((size_t)1 << 16)

static ATOMIC(atomic_u32 *) buckets; /* NULL: not started */
static ATOMIC(char *) chunks[256];
static atomic_word used = ATOMIC_INITIAL(STEP); /* bytes of all chunks that are handed out; no stack has number 0 */
static atomic_word taken;                       /* bytes from the system */

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

static void *memory_from_system(size_t size) {
    void *memory = os_reserve(size, os_facts.granule);
    if (memory && !os_commit(memory, size)) {
        os_release(memory, size);
        return NULL;
    }
    if (memory)
        add_relaxed(&taken, size);
    return memory;
}

/* Makes memory of one of several threads that have brought some the one that all use. Returns that. */
#define PUBLISH(variable, memory, size)                                                                                \
    do {                                                                                                               \
        __typeof__(memory) nothing = NULL;                                                                             \
        if (!exchange_if_release(variable, &nothing, memory)) {                                                        \
            os_release(memory, size);                                                                                  \
            subtract_relaxed(&taken, size);                                                                            \
        }                                                                                                              \
    } while (0)

bool depot_start(void) {
    if (load_acquire(&buckets))
        return true;
    atomic_u32 *memory = memory_from_system(BUCKETS * sizeof *memory);
    if (memory)
        PUBLISH(&buckets, memory, BUCKETS * sizeof *memory); /* with the acquire of depot_number() */
    return memory != NULL;
}

static char *chunk_get(size_t number) {
    char *chunk = load_acquire(&chunks[number]); /* with the release of PUBLISH() */
    if (LIKELY(chunk != NULL))
        return chunk;
    chunk = memory_from_system(CHUNK_BYTES);
    if (chunk)
        PUBLISH(&chunks[number], chunk, CHUNK_BYTES);
    return load_acquire(&chunks[number]);
}

/* Takes SIZE bytes of one chunk, and stores their place. */
static char *take(size_t size, size_t *place) {
    size = align_up(size, STEP);
    uintptr_t before = load_relaxed(&used), start;
    char *chunk;
    do {
        start = before;
        if (start / CHUNK_BYTES != (start + size - 1) / CHUNK_BYTES)
            start = align_up(start, CHUNK_BYTES);
        if (start + size > CHUNKS * CHUNK_BYTES || (chunk = chunk_get(start / CHUNK_BYTES)) == NULL)
            return NULL;
    } while (!exchange_weak_release(&used, &before, start + size));
    *place = start;
    return chunk + start % CHUNK_BYTES;
}

void *depot_take(size_t size) {
    size_t place;
    return size <= CHUNK_BYTES ? take(size, &place) : NULL;
}

size_t depot_bytes(void) { return load_relaxed(&taken); }

/* ---- Stacks ----------------------------------------------------------------------------------------------------- */

/* The stack with a number that a bucket has. */
static struct depot_stack *stack_at(uint32_t number) {
    size_t place = (size_t)number * STEP;
    return (struct depot_stack *)(void *)(load_acquire(&chunks[place / CHUNK_BYTES]) + place % CHUNK_BYTES);
}

/* No stack lies beyond what is handed out. Of a place where no stack is, anything may be read; but no bucket has its
 * number. */
const struct depot_stack *depot_stack(uint32_t number) {
    const struct depot_stack *stack;
    atomic_u32 *table = load_acquire(&buckets);
    size_t place = (size_t)number * STEP;
    if (!table || number == 0 || place + STEP > load_relaxed(&used) || !load_acquire(&chunks[place / CHUNK_BYTES]))
        return NULL;
    stack = stack_at(number);
    uint32_t at = load_acquire(&table[stack->hash % BUCKETS]);
    while (at != 0 && at != number)
        at = load_relaxed(&stack_at(at)->next);
    return at != 0 ? stack : NULL;
}

/* Two chains of multiplications, because the processor can then do both at a time. */
static uint32_t hash_of(const void *const *addresses, unsigned count) {
    const uintptr_t factor = (uintptr_t)(NARROW ? 0x9E3779B1u : 0x9E3779B97F4A7C15u);
    uintptr_t even = count, odd = 0;
    unsigned i = 0;
    for (; i + 1 < count; i += 2) {
        even = (even ^ (uintptr_t)addresses[i]) * factor;
        odd = (odd ^ (uintptr_t)addresses[i + 1]) * factor;
    }
    if (i < count)
        even = (even ^ (uintptr_t)addresses[i]) * factor;
    uintptr_t hash = (even ^ odd >> (sizeof odd * 4)) * factor;
    return (uint32_t)(hash >> (sizeof hash * 8 - 32));
}

static bool equals(const struct depot_stack *stack, uint32_t hash, const void *const *addresses, unsigned count) {
    if (stack->hash != hash || stack->count != count)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (stack->addresses[i] != addresses[i])
            return false;
    return true;
}

/* Looks for a stack from number FIRST on, up to but not including number END. */
static uint32_t find(uint32_t first, uint32_t end, uint32_t hash, const void *const *addresses, unsigned count,
                     depot_is_valid *is_valid) {
    for (uint32_t number = first; number != end;) {
        const struct depot_stack *stack = stack_at(number);
        if (equals(stack, hash, addresses, count) && (LIKELY(stack->stays) || is_valid(stack)))
            return number;
        number = load_relaxed(&stack->next);
    }
    return 0;
}

static COLD uint32_t insert(atomic_u32 *bucket, uint32_t looked_at, uint32_t hash, const void *const *addresses,
                            unsigned count, depot_is_valid *is_valid, depot_describe *describe) {
    size_t place;
    struct depot_stack *stack =
        (struct depot_stack *)(void *)take(sizeof *stack + count * (sizeof *addresses + sizeof(uint16_t)), &place);
    if (!stack)
        return 0;
    stack->hash = hash;
    stack->count = (uint16_t)count;
    for (unsigned i = 0; i < count; i++)
        stack->addresses[i] = addresses[i];
    describe(stack);
    uint32_t first = load_acquire(bucket);
    for (;;) {
        uint32_t found = find(first, looked_at, hash, addresses, count, is_valid);
        if (found)
            return found;
        looked_at = first;
        store_relaxed(&stack->next, first);
        if (exchange_if_release(bucket, &first, (uint32_t)(place / STEP))) /* with the acquire of who looks */
            return (uint32_t)(place / STEP);
        first = load_acquire(bucket);
    }
}

uint32_t depot_number(const void *const *addresses, unsigned count, depot_is_valid *is_valid,
                      depot_describe *describe) {
    atomic_u32 *table = load_acquire(&buckets);
    if (UNLIKELY(!table || count == 0))
        return 0;
    uint32_t hash = hash_of(addresses, count);
    atomic_u32 *bucket = &table[hash % BUCKETS];
    uint32_t first = load_acquire(bucket);
    uint32_t found = find(first, 0, hash, addresses, count, is_valid);
    return LIKELY(found != 0) ? found : insert(bucket, first, hash, addresses, count, is_valid, describe);
}
