/* SPDX-License-Identifier: MIT */
/* late_free_heap_last.c: late_free.c with the library loaded at run time, after the keys, callbacks and DLLs whose late
 * code uses it. Their code at the end of a thread then runs in the other order. */
#define LATE_FREE_LOADS_HEAP
#include "late_free.c"
