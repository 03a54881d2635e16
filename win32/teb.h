/* SPDX-License-Identifier: MIT */
/* teb.h (Windows): words of the block that Windows keeps for each thread (TEB). On x86 the segment FS begins there, on
 * x86-64 GS, and on ARM64 Windows reserves the register x18 for its address. */
#ifndef BRAINMM_TEB_H
#define BRAINMM_TEB_H

#include <stdint.h>

/* Offsets in bytes. The first words are the same everywhere (NT_TIB). */
#define TEB_STACK_BASE ((uint32_t)(1 * sizeof(void *)))
#define TEB_STACK_LIMIT ((uint32_t)(2 * sizeof(void *)))
#define TEB_ALWAYS_NULL ((uint32_t)(7 * sizeof(void *))) /* EnvironmentPointer, which Windows programs do not use */
#define TEB_TLS_SLOTS (sizeof(void *) > 4 ? 0x1480u : 0xE10u)

static inline uintptr_t teb_word(uint32_t offset) {
    uintptr_t word;
#if defined(__x86_64__)
    __asm__ volatile("mov %%gs:(%1), %0" : "=r"(word) : "r"((uint64_t)offset));
#elif defined(__aarch64__)
    __asm__ volatile("ldr %0, [x18, %1]" : "=r"(word) : "r"((uint64_t)offset));
#else
    __asm__ volatile("mov %%fs:(%1), %0" : "=r"(word) : "r"(offset));
#endif
    return word;
}

#endif
