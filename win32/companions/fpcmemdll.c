/* fpcmemdll.c: the memory manager DLL of Free Pascal's ShareMem unit.
 *
 * The contracts are those of Free Pascal's own manager (docs/companions.md): GetMem(0) is a piece, ReallocMem works on
 * the caller's variable. Callers do not look at results: what that manager cannot do, it ends the program for, with run-time
 * error 203 (out of memory) or 204 (invalid pointer). Free Pascal's own fpcmemdll.dll does the same, because a DLL has
 * no way to raise an exception in its caller's run-time library. So does this one: going on with NULL would write to
 * NULL plus the length of a string, which can be anybody's memory.
 */
#include "companion.h"
#include <windows.h>

const char companion_name[] = "fpcmemdll.dll";

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

/* The result would be the size of what was freed. The run-time library ignores it, and it would cost each call a
 * question to the heap: 0, as in Free Pascal's unit CMem. */
size_t PASCAL_CALL fpcmemdll_free_mem(void *piece) {
    if (companion_heap->free(piece) != BRAINMM_OK)
        end_program(INVALID_POINTER);
    return 0;
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
    if (size == 0) {
        fpcmemdll_free_mem(*piece);
        return *piece = NULL;
    }
    moved = companion_heap->realloc(*piece, size);
    if (!moved)
        end_program(!*piece || companion_heap->usable_size(*piece) != 0 ? OUT_OF_MEMORY : INVALID_POINTER);
    return *piece = moved;
}

size_t PASCAL_CALL fpcmemdll_mem_size(void *piece) { return companion_heap->usable_size(piece); }

/* ---- Statuses: records of the caller, whose address is a hidden first argument ---------------------------------- */

/* THeapStatus: figures of 32 bit on every target. */
struct fpc_heap_status {
    uint32_t figures[9]; /* TotalAddrSpace to Overhead */
    uint32_t error_code;
};

/* TFPCHeapStatus: MaxHeapSize, MaxHeapUsed, CurrHeapSize, CurrHeapUsed, CurrHeapFree. */
struct fpc_status {
    uintptr_t figures[5];
};

_Static_assert(sizeof(struct fpc_heap_status) == 40, "Free Pascal's THeapStatus");
_Static_assert(sizeof(struct fpc_status) == 5 * sizeof(void *), "Free Pascal's TFPCHeapStatus");

struct fpc_heap_status *PASCAL_CALL fpcmemdll_get_heap_status(struct fpc_heap_status *status);
struct fpc_status *PASCAL_CALL fpcmemdll_get_fpc_heap_status(struct fpc_status *status);

/* The heap counts nothing while it allocates: 0 means unknown. */
struct fpc_heap_status *PASCAL_CALL fpcmemdll_get_heap_status(struct fpc_heap_status *status) {
    for (unsigned i = 0; i < sizeof status->figures / sizeof *status->figures; i++)
        status->figures[i] = 0;
    status->error_code = 0;
    return status;
}

struct fpc_status *PASCAL_CALL fpcmemdll_get_fpc_heap_status(struct fpc_status *status) {
    for (unsigned i = 0; i < sizeof status->figures / sizeof *status->figures; i++)
        status->figures[i] = 0;
    return status;
}
