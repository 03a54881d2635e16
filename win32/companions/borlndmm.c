/* SPDX-License-Identifier: MIT */
/* borlndmm.c: the memory manager DLL of Delphi's ShareMem unit and of C++Builder's run-time library.
 *
 * The contracts are those of Delphi's System unit (docs/companions.md has the list): sizes are signed, and what is not
 * positive gives NULL; FreeMem's result is 0, or -1 for a pointer that was refused. The RTLs handle NULL and 0
 * themselves before they call; here they are defined all the same.
 */
#include "companion.h"
#include <string.h>

/* Nothing is ever counted down to an unload: the heap lives as long as the process. What is asked for is not 0. */
enum { HEAP_REFERENCES = 2 };

/* ---- Delphi's manager, `register` convention -------------------------------------------------------------------- */

void *PASCAL_CALL borlndmm_sys_get_mem(size_t size);
int32_t PASCAL_CALL borlndmm_sys_free_mem(void *piece);
void *PASCAL_CALL borlndmm_sys_realloc_mem(void *piece, size_t size);
void *PASCAL_CALL borlndmm_sys_alloc_mem(size_t size);
uintptr_t PASCAL_CALL borlndmm_sys_register_expected_leak(void *piece);
uintptr_t PASCAL_CALL borlndmm_sys_unregister_expected_leak(void *piece);

void *PASCAL_CALL borlndmm_sys_get_mem(size_t size) {
    return companion_is_size(size) ? companion_heap->alloc(size) : NULL;
}

int32_t PASCAL_CALL borlndmm_sys_free_mem(void *piece) { return companion_heap->free(piece) == BRAINMM_OK ? 0 : -1; }

/* Size 0 frees. A negative size is refused like memory that is out, and the piece stays. */
void *PASCAL_CALL borlndmm_sys_realloc_mem(void *piece, size_t size) {
    if (!companion_is_size(size) && (size != 0 || !piece))
        return NULL;
    return companion_heap->realloc(piece, size);
}

void *PASCAL_CALL borlndmm_sys_alloc_mem(size_t size) {
    return companion_is_size(size) ? companion_heap->alloc_zeroed(size) : NULL;
}

/* An owner that has no list of expected leaks says False. */
uintptr_t PASCAL_CALL borlndmm_sys_register_expected_leak(void *piece) {
    const brainmm_expected_leak leak = {.struct_size = sizeof leak, .address = piece};
    return companion_heap->size > offsetof(struct brainmm_manager, register_expected_leak) &&
           companion_heap->register_expected_leak(&leak) == BRAINMM_OK;
}

uintptr_t PASCAL_CALL borlndmm_sys_unregister_expected_leak(void *piece) {
    const brainmm_expected_leak leak = {.struct_size = sizeof leak, .address = piece};
    return companion_heap->size > offsetof(struct brainmm_manager, unregister_expected_leak) &&
           companion_heap->unregister_expected_leak(&leak) == BRAINMM_OK;
}

/* ---- Reference counts, which C++Builder's RTL insists on -------------------------------------------------------- */

int32_t PASCAL_CALL borlndmm_heap_add_ref(void);
int32_t PASCAL_CALL borlndmm_heap_release(void);

int32_t PASCAL_CALL borlndmm_heap_add_ref(void) { return HEAP_REFERENCES; }
int32_t PASCAL_CALL borlndmm_heap_release(void) { return HEAP_REFERENCES; }

/* ---- The C form, cdecl ------------------------------------------------------------------------------------------ */

void *__cdecl borlndmm_get_memory(size_t size);
int32_t __cdecl borlndmm_free_memory(void *piece);
void *__cdecl borlndmm_realloc_memory(void *piece, size_t size);

void *__cdecl borlndmm_get_memory(size_t size) { return borlndmm_sys_get_mem(size); }
int32_t __cdecl borlndmm_free_memory(void *piece) { return borlndmm_sys_free_mem(piece); }
void *__cdecl borlndmm_realloc_memory(void *piece, size_t size) { return borlndmm_sys_realloc_mem(piece, size); }

/* ---- Questions -------------------------------------------------------------------------------------------------- */

/* Delphi's THeapStatus, 40 or 80 bytes. A function that returns it gets the address of the result as a hidden first
 * argument. */
struct delphi_heap_status {
    uintptr_t address_space, uncommitted, committed, allocated, free, free_small, free_big, unused, overhead;
    uint32_t error_code;
};

_Static_assert(sizeof(struct delphi_heap_status) == (sizeof(void *) == 8 ? 80 : 40), "Delphi's THeapStatus");

struct delphi_heap_status *PASCAL_CALL borlndmm_get_heap_status(struct delphi_heap_status *status);
int32_t PASCAL_CALL borlndmm_get_alloc_mem_count(void);
int32_t PASCAL_CALL borlndmm_get_alloc_mem_size(void);
void PASCAL_CALL borlndmm_dump_blocks(void);

struct delphi_heap_status *PASCAL_CALL borlndmm_get_heap_status(struct delphi_heap_status *status) {
    brainmm_stats stats = companion_stats();
    memset(status, 0, sizeof *status);
    status->address_space = (uintptr_t)stats.reserved_bytes;
    status->uncommitted = (uintptr_t)(stats.reserved_bytes - stats.committed_bytes);
    status->committed = (uintptr_t)stats.committed_bytes;
    status->allocated = (uintptr_t)stats.live_bytes;
    status->free = (uintptr_t)(stats.free_bytes + stats.cached_bytes);
    status->free_small = (uintptr_t)stats.free_bytes;
    status->free_big = (uintptr_t)stats.cached_bytes;
    status->overhead = (uintptr_t)stats.overhead_bytes;
    return status;
}

int32_t PASCAL_CALL borlndmm_get_alloc_mem_count(void) {
    return (int32_t)companion_limited(companion_stats().live_count, INT32_MAX);
}

int32_t PASCAL_CALL borlndmm_get_alloc_mem_size(void) {
    return (int32_t)companion_limited(companion_stats().live_bytes, INT32_MAX);
}

/* A diagnostic of early Delphi versions; it has had no output since. */
void PASCAL_CALL borlndmm_dump_blocks(void) {}
