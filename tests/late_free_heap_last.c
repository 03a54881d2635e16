/* late_free_heap_last.c: late_free.c with the library loaded at run time, after the keys, callbacks and DLLs whose late
 * code uses it: their ends then run after the heap's. */
#define LATE_FREE_LOADS_HEAP
#include "late_free.c"
