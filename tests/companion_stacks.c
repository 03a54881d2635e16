/* SPDX-License-Identifier: MIT */
/* companion_stacks.c: in checked mode, call stacks of what a companion DLL or the heap's IMalloc allocates and frees
 * lead back through the program's functions without a gap. On 32 bit that takes frame pointers in the DLLs. Run with
 * BRAINMM_OPTIONS=checked,stacks,on_error=return.
 */
#include "brainmm_attach.h"
#include "heap_support.h"

#include <objidl.h>

/* Pascal's `register` convention: arguments in EAX, EDX, ECX. */
#if defined(__i386__)
#define PASCAL_CALL __attribute__((regparm(3)))
#else
#define PASCAL_CALL
#endif

/* A function that keeps a frame pointer, and is not left before what it calls. */
#define KEEPS_FRAME() __asm__ volatile("" : : "r"(__builtin_frame_address(0)))

static void *(PASCAL_CALL *delphi_get)(intptr_t size);
static void *(PASCAL_CALL *delphi_get_zeroed)(intptr_t size);
static void *(PASCAL_CALL *delphi_resize)(void *piece, intptr_t size);
static int32_t(PASCAL_CALL *delphi_free)(void *piece);
static void *(__cdecl *c_get)(intptr_t size);
static int32_t(__cdecl *c_free)(void *piece);
static void *(PASCAL_CALL *fpc_get)(size_t size);
static void *(PASCAL_CALL *fpc_get_zeroed)(size_t size);
static size_t(PASCAL_CALL *fpc_free)(void *piece);
static IMalloc *com;

/* Each is a call from a function of the program. */
#define CALL(name, result, call)                                                                                       \
    static __attribute__((noinline)) void *name(void *piece) {                                                         \
        KEEPS_FRAME();                                                                                                 \
        result(call);                                                                                                  \
        KEEPS_FRAME();                                                                                                 \
        return piece;                                                                                                  \
    }
#define TAKE(call) piece = call
#define DROP(call) (void)call
CALL(by_delphi, TAKE, delphi_get(100))
CALL(by_delphi_zeroed, TAKE, delphi_get_zeroed(100))
CALL(by_delphi_resized, TAKE, delphi_resize(delphi_get(10), 100))
CALL(freed_by_delphi, DROP, delphi_free(piece))
CALL(by_c, TAKE, c_get(100))
CALL(freed_by_c, DROP, c_free(piece))
CALL(by_fpc, TAKE, fpc_get(100))
CALL(by_fpc_zeroed, TAKE, fpc_get_zeroed(100))
CALL(freed_by_fpc, DROP, fpc_free(piece))
CALL(by_com, TAKE, com->lpVtbl->Alloc(com, 100))
CALL(freed_by_com, DROP, com->lpVtbl->Free(com, piece))

/* The function above it, and where it was called from. */
static __attribute__((noinline)) void *called(void *(*volatile call)(void *piece), void *piece, const void **from) {
    KEEPS_FRAME();
    *from = __builtin_return_address(0);
    piece = call(piece);
    KEEPS_FRAME();
    return piece;
}

static const struct brainmm_manager *heap;
static unsigned reports;
static uint32_t allocated, freed;

static void BRAINMM_CALL note(void *context, const brainmm_error *error) {
    (void)context;
    CHECK(error->kind == BRAINMM_ERROR_DOUBLE_FREE);
    reports++;
    allocated = error->alloc_stack;
    freed = error->free_stack;
}

/* The stack has FROM, and before it two frames of this program, of called() and what that has called. Before them may
 * be one of a DLL. */
static void leads_back(unsigned number, const char *what, uint32_t stack, const void *from) {
    enum { FRAMES = 16 };
    brainmm_frame frames[FRAMES];
    unsigned count = heap->stack_frames(stack, frames, FRAMES), at = 0;
    CHECK_MSG(count > 0 && count <= FRAMES, "%u, %s: %u frames", number, what, count);
    while (at < count && frames[at].address != from)
        at++;
    CHECK_MSG(at < count, "%u, %s: the caller is not among %u frames", number, what, count);
    CHECK_MSG(at == 2 || at == 3, "%u, %s: %u frames before the caller", number, what, at);
    for (unsigned i = at - 2; i < at; i++)
        CHECK_MSG(frames[i].module && frames[at].module && strcmp(frames[i].module, frames[at].module) == 0,
                  "%u, %s: frame %u is of another module", number, what, i);
    CHECK_MSG(at == 2 || strcmp(frames[0].module, frames[at].module) != 0, "%u, %s: the first frame", number, what);
}

static HMODULE library(const char *name) {
    HMODULE loaded = LoadLibraryA(name);
    CHECK_MSG(loaded != NULL, "%s: error %lu", name, GetLastError());
    return loaded;
}

/* Writes the address of the export NAME of MODULE to *FUNCTION, a pointer to a function. */
static void find(HMODULE module, const char *name, void *function) {
    FARPROC found = GetProcAddress(module, name);
    CHECK_MSG(found != NULL, "no export %s", name);
    memcpy(function, &found, sizeof found);
}

int main(void) {
    static const struct {
        void *(*get)(void *piece), *(*release)(void *piece);
    } ways[] = {{by_delphi, freed_by_delphi},
                {by_delphi_zeroed, freed_by_delphi},
                {by_delphi_resized, freed_by_delphi},
                {by_c, freed_by_c},
                {by_fpc, freed_by_fpc},
                {by_fpc_zeroed, freed_by_fpc},
                {by_com, freed_by_com}};
    HMODULE delphi = library("borlndmm.dll"), fpc = library("fpcmemdll.dll");
    find(delphi, "@Borlndmm@SysGetMem$qqri", &delphi_get);
    find(delphi, "@Borlndmm@SysAllocMem$qqri", &delphi_get_zeroed);
    find(delphi, "@Borlndmm@SysReallocMem$qqrpvi", &delphi_resize);
    find(delphi, "@Borlndmm@SysFreeMem$qqrpv", &delphi_free);
    find(delphi, "GetMemory", &c_get);
    find(delphi, "FreeMemory", &c_free);
    find(fpc, "SysGetmem", &fpc_get);
    find(fpc, "SysAllocMem", &fpc_get_zeroed);
    find(fpc, "SysFreemem", &fpc_free);
    int(BRAINMM_CALL * create_malloc)(IMalloc * *object);
    find(library("brainmm.dll"), "brainmm_create_malloc", &create_malloc);
    CHECK(create_malloc(&com) == BRAINMM_OK);
    CHECK((heap = brainmm_attach()) != NULL);
    CHECK(heap->set_error_handler(note, NULL) == BRAINMM_OK);
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        const void *from, *freed_from;
        void *piece = called(ways[i].get, NULL, &from);
        CHECK(piece != NULL);
        called(ways[i].release, piece, &freed_from);
        CHECK_MSG(heap->free(piece) == BRAINMM_E_DOUBLE_FREE && reports == 1, "%u: %u reports", i, reports);
        leads_back(i, "allocated", allocated, from);
        leads_back(i, "freed", freed, freed_from);
        reports = 0;
    }
    return TEST_PASSED;
}
