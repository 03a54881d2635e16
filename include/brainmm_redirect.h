/* SPDX-License-Identifier: MIT */
/* brainmm_redirect.h: the malloc family of C run-times over the process's heap, for modules that were not built for it.
 * Windows only. brainmm-malloc.dll has these functions. brainmm-run.exe does the same for a whole program that knows
 * nothing of it. docs/windows-programs.md tells what both can do and what not.
 *
 * A module imports malloc, free and their kin from a run-time's DLL: msvcrt.dll, ucrtbase.dll or msvcr71.dll to
 * msvcr120.dll. Windows keeps their addresses in a table of the module. To redirect the module is to write other
 * addresses to that table. No code is changed.
 *
 *   - The functions are malloc, calloc, realloc, free, _msize, _expand, _recalloc, the nine of _aligned_malloc, and the
 *     operators new and delete of run-times that export them. They do what Microsoft's documentation says, with the
 *     run-time's own errno and handlers.
 *   - The run-time itself goes on to use its own heap: what _strdup, _wgetcwd or _dupenv_s return is its own. Everybody
 *     may free or resize any piece: one that is not the heap's goes to the run-time that the caller imports from.
 *   - A module is redirected as a whole or not at all. Then the result says why, and nothing has changed.
 *   - The process's heap is that which a module has published, else that of the brainmm.dll beside brainmm-malloc.dll.
 *     Without a heap brainmm-malloc.dll does not load.
 *   - Threads: any thread may call these functions at any time, but not from DllMain. Other threads may run meanwhile.
 *   - brainmm-malloc.dll stays loaded until the process ends. To load it alone changes nothing.
 */
#ifndef BRAINMM_REDIRECT_H
#define BRAINMM_REDIRECT_H

#include <stddef.h>

#if defined(BRAINMM_BUILD)
#define BRAINMM_REDIRECT_API
#else
#define BRAINMM_REDIRECT_API __declspec(dllimport)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a module. Negative: the module was refused, and is as before. */
enum brainmm_redirect_result {
    BRAINMM_REDIRECTED = 0,          /* what it imports of the malloc family is the heap's now, or was before */
    BRAINMM_REDIRECT_NOTHING = 1,    /* it imports nothing of it: its C run-time is a part of it, or it has none */
    BRAINMM_REDIRECT_NOT_LATER = 2,  /* only for NULL: run-times that are loaded later are not noticed */
    BRAINMM_REDIRECT_E_MODULE = -1,  /* there is no such module */
    BRAINMM_REDIRECT_E_OWN = -2,     /* it is a run-time, or belongs to BrainMM or to the system's core */
    BRAINMM_REDIRECT_E_DEBUG = -3,   /* it imports from a run-time for debugging, whose pieces have another form */
    BRAINMM_REDIRECT_E_HOOKED = -4,  /* somebody else has replaced a function of the family in it */
    BRAINMM_REDIRECT_E_HEAP = -5,    /* it imports functions that look into the run-time's heap themselves */
    BRAINMM_REDIRECT_E_DELAYED = -6, /* it imports from a run-time that is loaded when it is first called */
    BRAINMM_REDIRECT_E_IMAGE = -7,   /* its tables of imports are damaged, or lie outside of it */
    BRAINMM_REDIRECT_E_SYSTEM = -8   /* the system did not allow to write to its tables, or gave no memory */
};

/* Redirects MODULE, an HMODULE. Its delayed imports are redirected, too. What it asks GetProcAddress for is not.
 *
 * NULL: redirects every module that is loaded, and every one that is loaded later, before its own code runs. Then
 * GetProcAddress gives the heap's functions as well. The modules that cannot be redirected are left alone;
 * brainmm_redirect_report() tells which. BRAINMM_REDIRECT_NOT_LATER: this Windows has no LdrRegisterDllNotification.
 * All the same, modules that are loaded later are bound to the heap's functions if their run-time is loaded already.
 * BRAINMM_REDIRECT_E_SYSTEM: nothing has changed. */
BRAINMM_REDIRECT_API int __cdecl brainmm_redirect_imports(void *module);

/* What is put back. */
enum brainmm_restore {
    BRAINMM_RESTORE_GIVING = 0, /* what only gives memory. What takes pieces goes on to serve both heaps' pieces */
    BRAINMM_RESTORE_ALL = 1     /* everything, as it was. A piece of the heap must not reach the module any more */
};

/* Undoes brainmm_redirect_imports(MODULE). After BRAINMM_RESTORE_GIVING the module allocates from its run-time, and can
 * still free and resize what it has: live pieces are not lost. NULL: in all modules, also in those that were redirected
 * one by one, in GetProcAddress, and no module is redirected that is loaded later. Addresses that the program has got
 * from GetProcAddress before, and keeps, go on to work, and are not put back.
 *
 * Results: BRAINMM_REDIRECTED: done. BRAINMM_REDIRECT_NOTHING: there was nothing to undo. BRAINMM_REDIRECT_E_MODULE,
 * BRAINMM_REDIRECT_E_IMAGE; BRAINMM_REDIRECT_E_SYSTEM: some is not put back, and goes on to work redirected. */
BRAINMM_REDIRECT_API int __cdecl brainmm_restore_imports(void *module, unsigned parts);

/* A sentence that says what RESULT means. The text is constant. */
BRAINMM_REDIRECT_API const char *__cdecl brainmm_redirect_text(int result);

/* Writes a line for each loaded module: its file name and what brainmm_redirect_imports() would return for it now, as
 * text. WRITE gets CONTEXT and LENGTH bytes at TEXT, as for brainmm_dump(); if it returns anything but 0, the report
 * ends. Returns what the last WRITE has returned. */
BRAINMM_REDIRECT_API int __cdecl brainmm_redirect_report(int(__cdecl *write)(void *context, const char *text,
                                                                             size_t length),
                                                         void *context);

#ifdef __cplusplus
}
#endif

#endif
