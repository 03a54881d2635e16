/* SPDX-License-Identifier: MIT */
/* call_stacks.h: a chain of calls that writes down its own return addresses, for the program call_stacks and its
 * module.
 *
 * Each function calls the next through a pointer, so that no compiler makes one of two. KEEPS_FRAME makes a function
 * keep a frame pointer, whatever the options are.
 */
#ifndef TESTS_CALL_STACKS_H
#define TESTS_CALL_STACKS_H

#include <stdint.h>

#define CHAIN_MOST 40u

/* The innermost return address is the last. */
struct chain {
    uint32_t (*capture)(struct chain *chain);
    unsigned left; /* calls to go */
    unsigned path; /* a bit for each: which of two functions */
    unsigned count;
    const void *addresses[CHAIN_MOST];
};
typedef uint32_t chain_link(struct chain *chain);

#define KEEPS_FRAME() __asm__ volatile("" : : "r"(__builtin_frame_address(0)))
#define NOTE_RETURN(chain) ((chain)->addresses[(chain)->count++] = __builtin_return_address(0))

/* The empty statement behind the call keeps it from becoming a jump. */
#define CHAIN_BODY(chain, one, other)                                                                                  \
    chain_link *volatile next = (chain)->path >> (chain)->left & 1 ? (one) : (other);                                  \
    NOTE_RETURN(chain);                                                                                                \
    uint32_t number = (chain)->left-- ? next(chain) : (chain)->capture(chain);                                         \
    __asm__ volatile("");                                                                                              \
    return number

#endif
