/* stack.h: a stack of unit or heap numbers that any number of threads push to and pop from without a lock.
 *
 * The head is a number and a count of changes in one 64-bit word, so that a pop which was overtaken fails even if the
 * same number is on top again. What is stacked is never unmapped, so a pop may read the link of something another
 * thread has popped already; the exchange then fails and the value is not used.
 */
#ifndef BRAINMM_STACK_H
#define BRAINMM_STACK_H

#include <stdatomic.h>
#include <stdint.h>

struct stack {
    _Atomic uint64_t head; /* changes << 32 | number; number 0: empty */
};

#define STACK_CHANGE ((uint64_t)1 << 32)

static inline uint64_t stack_next_head(uint64_t head, uint32_t number) {
    return ((head + STACK_CHANGE) & ~(STACK_CHANGE - 1)) | number;
}

/* LINK is where NUMBER keeps the number below it. */
static inline void stack_push(struct stack *stack, uint32_t number, _Atomic uint32_t *link) {
    uint64_t head = atomic_load_explicit(&stack->head, memory_order_relaxed);
    do
        atomic_store_explicit(link, (uint32_t)head, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&stack->head, &head, stack_next_head(head, number),
                                                  memory_order_release, /* with the acquire of stack_pop */
                                                  memory_order_relaxed));
}

/* LINK_OF gives the link of a number. 0: the stack is empty. */
static inline uint32_t stack_pop(struct stack *stack, _Atomic uint32_t *(*link_of)(uint32_t number)) {
    uint64_t head = atomic_load_explicit(&stack->head, memory_order_acquire);
    while ((uint32_t)head != 0) {
        uint32_t below = atomic_load_explicit(link_of((uint32_t)head), memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&stack->head, &head, stack_next_head(head, below),
                                                  memory_order_acquire, memory_order_acquire))
            return (uint32_t)head;
    }
    return 0;
}

static inline int stack_is_empty(struct stack *stack) {
    return (uint32_t)atomic_load_explicit(&stack->head, memory_order_relaxed) == 0;
}

#endif
