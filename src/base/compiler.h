/* SPDX-License-Identifier: MIT */
/* compiler.h: what the compiler is told about a condition. */
#ifndef BRAINMM_COMPILER_H
#define BRAINMM_COMPILER_H

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* What hardly ever runs is compiled for size. */
#define COLD __attribute__((cold))

#define HIDDEN_DATA __attribute__((visibility("hidden")))

/* Another name of something that this file defines, for this image alone or exported. EXPORTED_ALIAS is for a variable
 * that is declared already. Mach-O has no aliases, but the assembler can give one address two names. */
#if defined(__MACH__)
#define HIDDEN_ALIAS(name, existing)                                                                                   \
    extern __typeof(existing) name HIDDEN_DATA;                                                                        \
    __asm__(".globl _" #name "\n.private_extern _" #name "\n.set _" #name ", _" #existing)
#define EXPORTED_ALIAS(name, existing) __asm__(".globl _" #name "\n.set _" #name ", _" #existing)
#else
#define HIDDEN_ALIAS(name, existing) extern __typeof(existing) name __attribute__((alias(#existing))) HIDDEN_DATA
#define EXPORTED_ALIAS(name, existing) extern __typeof(name) name __attribute__((alias(#existing)))
#endif

#endif
