/* SPDX-License-Identifier: MIT */
/* depot.h: where distinct call stacks are kept, each once, under a number.
 *
 * What is in the depot stays there. To find a stack takes no lock, and neither does it to put one in. So a signal
 * handler, a thread that is killed and the child of a fork leave nothing behind but some memory that nobody uses. The
 * depot is bounded: when it is full, the stacks that are there are still found.
 */
#ifndef BRAINMM_DEPOT_H
#define BRAINMM_DEPOT_H

#include "os.h"

#define DEPOT_FRAMES_MAX 64u /* of one stack */

/* A stack: return addresses, the innermost first. */
struct depot_stack {
    atomic_u32 next; /* number of the next one in its bucket; 0: none */
    uint32_t hash;
    uint16_t count;          /* of addresses, from 1 */
    bool stays;              /* of what they lie in, nothing is ever unloaded */
    const void *addresses[]; /* behind them, the number of the module of each, of 16 bits; 0: none */
};

/* Whether the modules that a stack was found in are still those that lie there. */
typedef bool depot_is_valid(const struct depot_stack *stack);

/* Fills in the modules of a new stack, which has its addresses, and `stays`. */
typedef void depot_describe(struct depot_stack *stack);

/* The numbers of the modules of a stack's addresses. */
static inline const uint16_t *depot_modules(const struct depot_stack *stack) {
    return (const uint16_t *)(const void *)(stack->addresses + stack->count);
}

/* Takes the first memory. False if the system refuses; it may be called again. */
bool depot_start(void);

/* The number of the stack with these COUNT addresses, at most DEPOT_FRAMES_MAX. It is put in if it is not there, or not
 * valid any more. 0 if it had to be and the depot is full. The same stack has the same number in all threads. */
uint32_t depot_number(const void *const *addresses, unsigned count, depot_is_valid *is_valid, depot_describe *describe);

/* The stack with a number; NULL if no stack has it. */
const struct depot_stack *depot_stack(uint32_t number);

/* Memory of the depot that is never given back, at a multiple of 16, for what goes with the stacks. NULL if the depot
 * is full. */
void *depot_take(size_t size);

/* Bytes that the depot has asked the system for. */
size_t depot_bytes(void);

#endif
