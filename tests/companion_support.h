/* companion_support.h: how the tests of the companion DLLs load one and find out that it is on the one heap. Windows. */
#ifndef TESTS_COMPANION_SUPPORT_H
#define TESTS_COMPANION_SUPPORT_H

#include "brainmm_attach.h"
#include "heap_support.h"
#include "suite.h"

/* Pascal's `register` convention: arguments in EAX, EDX, ECX. */
#if defined(__i386__)
#define PASCAL_CALL __attribute__((regparm(3)))
#else
#define PASCAL_CALL
#endif

/* The address of export NAME of MODULE, to *FUNCTION, a pointer to a function. */
SUPPORT_INLINE void companion_export(HMODULE module, const char *name, void *function) {
    FARPROC found = GetProcAddress(module, name);
    CHECK_MSG(found != NULL, "no export %s", name);
    memcpy(function, &found, sizeof found);
}

/* The table of the process's heap, as a module finds it that is not the companion. */
SUPPORT_INLINE const struct brainmm_manager *the_heap(void) {
    const struct brainmm_manager *heap = brainmm_attach();
    ck_assert_msg(heap != NULL, "%s", brainmm_attach_failure());
    return heap;
}

/* What is no live piece: a stack address, a static one, the middle of a piece, a misaligned one, nonsense. The piece
 * they belong to is the first of the list. */
enum { WRONG_POINTERS = 5 };
SUPPORT_INLINE void wrong_pointers(char *piece, void *wrong[WRONG_POINTERS]) {
    static char statics[64];
    static _Thread_local char *kept;
    kept = piece;
    wrong[0] = piece + 16;
    wrong[1] = piece + 1;
    wrong[2] = statics;
    wrong[3] = (void *)&kept;
    wrong[4] = (void *)(uintptr_t)0x1000;
}

#endif
