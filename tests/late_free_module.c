/* SPDX-License-Identifier: MIT */
/* late_free_module.c: a DLL whose DLL_THREAD_DETACH code allocates and frees (see late_free.c). It uses the heap
 * through a function that the program gives it. So it imports no copy of the library and can be loaded before any. */
#include "late_free_module.h"

#include <windows.h>

static late_function be_late;
static DWORD slot;

__declspec(dllexport) void late_free_start(late_function function);
__declspec(dllexport) void late_free_set_kept(void **kept);

void late_free_start(late_function function) { be_late = function; }

void late_free_set_kept(void **kept) { TlsSetValue(slot, kept); }

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved) {
    (void)instance, (void)reserved;
    if (reason == DLL_PROCESS_ATTACH)
        slot = TlsAlloc();
    if (reason == DLL_THREAD_DETACH) {
        void **kept = TlsGetValue(slot);
        if (kept) {
            be_late(kept);
            HeapFree(GetProcessHeap(), 0, kept);
        }
    }
    return TRUE;
}
