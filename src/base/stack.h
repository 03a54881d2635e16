/* SPDX-License-Identifier: MIT */
/* stack.h: a stack of numbers that any number of threads push to and pop from without a lock.
 *
 * The head is a number and a count of changes in one 64-bit word. So a pop that was overtaken fails even if the same
 * number is on top again. What is stacked is never unmapped. So a pop may read the link of a number that another thread
 * has popped already; its exchange then fails, and the link is not used.
 */
#ifndef BRAINMM_STACK_H
#define BRAINMM_STACK_H

#include "base/atomic.h"

struct stack {
    atomic_u64 head; /* changes << 32 | number; number 0: the stack is empty */
};
_Static_assert(_Alignof(struct stack) == sizeof(uint64_t), "the head lies in one cache line");

#define STACK_CHANGE ((uint64_t)1 << 32)

static inline uint64_t stack_next_head(uint64_t head, uint32_t number) {
    return ((head + STACK_CHANGE) & ~(STACK_CHANGE - 1)) | number;
}

/* LINK is where NUMBER keeps the number below it. Or NUMBER is the first of a chain, and LINK that of the last one. */
static inline void stack_push(struct stack *stack, uint32_t number, atomic_u32 *link) {
    uint64_t head = load_relaxed(&stack->head);
    do
        store_relaxed(link, (uint32_t)head);
    while (!exchange_weak_release(&stack->head, &head, stack_next_head(head, number))); /* with stack_pop's acquire */
}

/* LINK_OF gives the link of a number. 0: the stack is empty. */
static inline uint32_t stack_pop(struct stack *stack, atomic_u32 *(*link_of)(uint32_t number)) {
    uint64_t head = load_acquire(&stack->head); /* with stack_push's release, here and below */
    while ((uint32_t)head != 0) {
        uint32_t below = load_relaxed(link_of((uint32_t)head));
        if (exchange_weak_acquire_retry(&stack->head, &head, stack_next_head(head, below)))
            return (uint32_t)head;
    }
    return 0;
}

/* Takes all: the first number of a chain. 0: the stack is empty. */
static inline uint32_t stack_pop_all(struct stack *stack) {
    uint64_t head = load_acquire(&stack->head); /* with stack_push's release, here and below */
    while ((uint32_t)head != 0 && !exchange_weak_acquire_retry(&stack->head, &head, stack_next_head(head, 0)))
        ;
    return (uint32_t)head;
}

/* The number on top, which may be another the next moment; 0: the stack is empty. */
static inline uint32_t stack_top(struct stack *stack) { return (uint32_t)load_relaxed(&stack->head); }

/* How often the stack has changed. */
static inline uint64_t stack_changes(struct stack *stack) { return load_relaxed(&stack->head) / STACK_CHANGE; }

#endif
