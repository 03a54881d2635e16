/* SPDX-License-Identifier: MIT */
/* compiler.h: what the compiler is told about a condition. */
#ifndef BRAINMM_COMPILER_H
#define BRAINMM_COMPILER_H

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* What hardly ever runs is compiled for size. */
#define COLD __attribute__((cold))

#define HIDDEN_DATA __attribute__((visibility("hidden")))

#endif
