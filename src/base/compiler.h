/* SPDX-License-Identifier: MIT */
/* compiler.h: what the compiler is told about conditions and addresses. */
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

/* POINTER, whose value the compiler keeps in a register. On ARM it then reads two members of *POINTER by one load. An
 * x86 instruction has the address of a variable in itself, and needs no register. */
#if defined(__aarch64__)
#define in_register(pointer)                                                                                           \
    __extension__({                                                                                                    \
        __auto_type in_register_pointer = (pointer);                                                                   \
        __asm__("" : "+r"(in_register_pointer));                                                                       \
        in_register_pointer;                                                                                           \
    })
#else
#define in_register(pointer) (pointer)
#endif

#endif
