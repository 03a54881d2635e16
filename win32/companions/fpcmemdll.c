/* SPDX-License-Identifier: MIT */
/* fpcmemdll.c: the memory manager DLL of Free Pascal's ShareMem unit.
 *
 * The contracts are those of Free Pascal's own manager (docs/companions.md): GetMem(0) is a piece, ReallocMem works on
 * the caller's variable. Callers do not look at results: what that manager cannot do, it ends the program for, with
 * run-time error 203 (out of memory) or 204 (invalid pointer). Free Pascal's own fpcmemdll.dll does the same, because a
 * DLL has no way to raise an exception in its caller's run-time library. So does this one: going on with NULL would
 * write to NULL plus the length of a string, which can be anybody's memory.
 */
#include "companion.h"
#include "../live_piece.h"
#include "base/atomic.h"
#include <string.h>
#include <windows.h>

enum { OUT_OF_MEMORY = 203, INVALID_POINTER = 204 }; /* Pascal's run-time errors, and the program's exit codes */

static void __attribute__((noreturn, cold)) end_program(unsigned error) {
    companion_print(error == OUT_OF_MEMORY ? "Runtime error 203, out of memory" : "Runtime error 204, invalid pointer",
                    "");
    ExitProcess(error);
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

void *PASCAL_CALL fpcmemdll_get_mem(size_t size);
size_t PASCAL_CALL fpcmemdll_free_mem(void *piece);
size_t PASCAL_CALL fpcmemdll_free_mem_size(void *piece, size_t size);
void *PASCAL_CALL fpcmemdll_alloc_mem(size_t size);
void *PASCAL_CALL fpcmemdll_realloc_mem(void **piece, size_t size);
size_t PASCAL_CALL fpcmemdll_mem_size(void *piece);

void *PASCAL_CALL fpcmemdll_get_mem(size_t size) {
    void *piece = companion_heap->alloc(size);
    if (!piece)
        end_program(OUT_OF_MEMORY);
    return piece;
}

/* The result is how much was freed. */
size_t PASCAL_CALL fpcmemdll_free_mem(void *piece) {
    size_t size = companion_heap->usable_size(piece);
    if (companion_heap->free(piece) != BRAINMM_OK)
        end_program(INVALID_POINTER);
    return size;
}

/* Size 0 does nothing: what FreeMem(p, 0) is given need not be a piece. No other size matters. */
size_t PASCAL_CALL fpcmemdll_free_mem_size(void *piece, size_t size) {
    return size != 0 ? fpcmemdll_free_mem(piece) : 0;
}

void *PASCAL_CALL fpcmemdll_alloc_mem(size_t size) {
    void *piece = companion_heap->alloc_zeroed(size);
    if (!piece)
        end_program(OUT_OF_MEMORY);
    return piece;
}

void *PASCAL_CALL fpcmemdll_realloc_mem(void **piece, size_t size) {
    void *moved;
    size_t usable;
    if (size == 0) {
        fpcmemdll_free_mem(*piece);
        return *piece = NULL;
    }
    moved = companion_heap->realloc(*piece, size);
    if (!moved)
        end_program(!*piece || is_live_piece(companion_heap, *piece, &usable) ? OUT_OF_MEMORY : INVALID_POINTER);
    return *piece = moved;
}

size_t PASCAL_CALL fpcmemdll_mem_size(void *piece) { return companion_heap->usable_size(piece); }

/* ---- Statuses: records of the caller, whose address is a hidden first argument ---------------------------------- */

/* THeapStatus: figures of 32 bit on every target. */
struct fpc_heap_status {
    uint32_t address_space, uncommitted, committed, allocated, free, free_small, free_big, unused, overhead;
    uint32_t error_code;
};

/* TFPCHeapStatus */
struct fpc_status {
    uintptr_t most_size, most_used, size, used, free;
};

_Static_assert(sizeof(struct fpc_heap_status) == 40, "Free Pascal's THeapStatus");
_Static_assert(sizeof(struct fpc_status) == 5 * sizeof(void *), "Free Pascal's TFPCHeapStatus");

struct fpc_heap_status *PASCAL_CALL fpcmemdll_get_heap_status(struct fpc_heap_status *status);
struct fpc_status *PASCAL_CALL fpcmemdll_get_fpc_heap_status(struct fpc_status *status);

struct fpc_heap_status *PASCAL_CALL fpcmemdll_get_heap_status(struct fpc_heap_status *status) {
    brainmm_stats stats = companion_stats();
    memset(status, 0, sizeof *status);
    status->address_space = companion_limited(stats.reserved_bytes, UINT32_MAX);
    status->uncommitted = companion_limited(stats.reserved_bytes - stats.committed_bytes, UINT32_MAX);
    status->committed = companion_limited(stats.committed_bytes, UINT32_MAX);
    status->allocated = companion_limited(stats.live_bytes, UINT32_MAX);
    status->free = companion_limited(stats.free_bytes + stats.cached_bytes, UINT32_MAX);
    status->free_small = companion_limited(stats.free_bytes, UINT32_MAX);
    status->free_big = companion_limited(stats.cached_bytes, UINT32_MAX);
    status->overhead = companion_limited(stats.overhead_bytes, UINT32_MAX);
    return status;
}

/* The heap does not keep the most that was ever in use; this is the most that any of these calls met. */
struct fpc_status *PASCAL_CALL fpcmemdll_get_fpc_heap_status(struct fpc_status *status) {
    static atomic_word most_used;
    brainmm_stats stats = companion_stats();
    uintptr_t used = (uintptr_t)stats.live_bytes, most = load_relaxed(&most_used);
    while (most < used && !exchange_weak_release(&most_used, &most, used))
        continue;
    status->most_size = (uintptr_t)stats.committed_most;
    status->most_used = most < used ? used : most;
    status->size = (uintptr_t)stats.committed_bytes;
    status->used = used;
    status->free = (uintptr_t)(stats.free_bytes + stats.cached_bytes);
    return status;
}
