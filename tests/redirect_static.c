/* SPDX-License-Identifier: MIT */
/* redirect_static.c: a program that imports nothing of a C run-time, like one that contains its own. Exit code 7. With
 * WITH_MODULE it imports redirect_module, which does, and the exit code is 8 if that module's malloc is the heap's. */
#include "redirect_support.h"

void WINAPI start(void);

#if defined(WITH_MODULE)
__declspec(dllimport) const struct redirect_module *redirect_module_get_functions(void);

void WINAPI start(void) {
    HMODULE library = GetModuleHandleA("brainmm.dll");
    FARPROC found = library ? GetProcAddress(library, "brainmm_contains") : NULL;
    int(__cdecl * contains)(const void *) = (int(__cdecl *)(const void *))(void (*)(void))found;
    ExitProcess(contains && contains(redirect_module_get_functions()->at_start) ? 8 : 9);
}
#else
void WINAPI start(void) { ExitProcess(7); }
#endif
