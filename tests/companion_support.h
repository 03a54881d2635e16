/* SPDX-License-Identifier: MIT */
/* companion_support.h: what the tests of the companion DLLs share. Windows only. */
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

/* Writes the address of the export NAME of MODULE to *FUNCTION, a pointer to a function. */
SUPPORT_INLINE void companion_export(HMODULE module, const char *name, void *function) {
    FARPROC found = GetProcAddress(module, name);
    CHECK_MSG(found != NULL, "no export %s", name);
    memcpy(function, &found, sizeof found);
}

/* The table of the process's heap, as another module than the companion finds it. */
SUPPORT_INLINE const struct brainmm_manager *the_heap(void) {
    const struct brainmm_manager *heap = brainmm_attach();
    ck_assert_msg(heap != NULL, "%s", brainmm_attach_failure());
    return heap;
}

/* Fills WRONG with addresses that are not the start of a live piece: two inside PIECE, one in static data, one in
 * thread-local data and one that is not mapped. */
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
