/* SPDX-License-Identifier: MIT */
/* late_free_module.h: what late_free.c and the DLL that it loads share. */
#ifndef TESTS_LATE_FREE_MODULE_H
#define TESTS_LATE_FREE_MODULE_H

#include "brainmm.h"

enum { LATE_PIECES = 30 };

/* Sizes of all classes, most of them small. */
static inline size_t late_size(unsigned i) { return i == 7 ? 50000 : i == 13 ? 300000 : 16 + (size_t)i * i * 11; }

typedef void(BRAINMM_CALL *late_function)(void **kept);

/* "late_free_start": from its DLL_THREAD_DETACH the module calls the function with the pieces of the ending thread. */
typedef void (*late_free_start_function)(late_function be_late);

/* "late_free_set_kept": gives the calling thread's pieces to the module, an array from HeapAlloc. */
typedef void (*late_free_set_kept_function)(void **kept);

#endif
