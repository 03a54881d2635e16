/* SPDX-License-Identifier: MIT */
/* dll.c (Windows): the life of brainmm-malloc.dll. It finds the heap as a companion does, and does not load without
 * one. */
#include "companions/companion.h"
#include "malloc/crt_malloc.h"
#include "redirect/redirect.h"
#include "redirect/started.h"
#include <windows.h>

BOOL WINAPI companion_entry(HINSTANCE instance, DWORD reason, void *reserved);
BOOL WINAPI malloc_dll_entry(HINSTANCE instance, DWORD reason, void *reserved);

BOOL WINAPI malloc_dll_entry(HINSTANCE instance, DWORD reason, void *reserved) {
    if (!companion_entry(instance, reason, reserved))
        return FALSE;
    if (reason == DLL_PROCESS_ATTACH) {
        if (!crt_heap_tells_pieces(companion_heap)) {
            companion_print("not loaded, because the heap belongs to a module that cannot tell its pieces from others",
                            "");
            return FALSE;
        }
        redirect_start(instance);
        started_by_runner();
    } else if (reason == DLL_PROCESS_DETACH) {
        started_end();
    }
    return TRUE;
}
