/* SPDX-License-Identifier: MIT */
/* machine_code.h: a few bytes of machine code that return a number, for tests that run code which they have written. */
#ifndef TESTS_MACHINE_CODE_H
#define TESTS_MACHINE_CODE_H

#include "heap_support.h"

enum { CODE_SIZE = 16 };

/* Writes a function that returns NUMBER: CODE_SIZE bytes and nothing behind them. */
SUPPORT_INLINE void code_write(void *code, uint32_t number) {
#if defined(__x86_64__) || defined(__i386__)
    unsigned char bytes[CODE_SIZE] = {0xB8, 0, 0, 0, 0, 0xC3}; /* mov eax, NUMBER; ret */
    memcpy(bytes + 1, &number, 4);
#elif defined(__aarch64__)
    uint32_t bytes[CODE_SIZE / 4] = {0x52800000u | (number & 0xFFFF) << 5, /* movz w0, NUMBER */
                                     0x72A00000u | (number >> 16) << 5,    /* movk w0, NUMBER >> 16, lsl 16 */
                                     0xD65F03C0u};                         /* ret */
#else
#error "this processor's code for returning a number is missing"
#endif
    memcpy(code, bytes, CODE_SIZE);
}

SUPPORT_INLINE uint32_t code_run(const void *code) {
    uint32_t (*function)(void);
    memcpy(&function, &code, sizeof function);
    return function();
}

#endif
