/* SPDX-License-Identifier: MIT */
/* dll.c (Windows): the life of brainmm-malloc.dll. It finds the heap as a companion does, and does not load without one.
 */
#include "companions/companion.h"
#include "redirect/redirect.h"
#include "redirect/started.h"
#include <windows.h>

BOOL WINAPI companion_entry(HINSTANCE instance, DWORD reason, void *reserved);
BOOL WINAPI malloc_dll_entry(HINSTANCE instance, DWORD reason, void *reserved);

BOOL WINAPI malloc_dll_entry(HINSTANCE instance, DWORD reason, void *reserved) {
    if (!companion_entry(instance, reason, reserved))
        return FALSE;
    if (reason == DLL_PROCESS_ATTACH) {
        redirect_start(instance);
        started_by_runner();
    } else if (reason == DLL_PROCESS_DETACH) {
        started_end();
    }
    return TRUE;
}
