/* SPDX-License-Identifier: MIT */
/* dll.c (Windows): the life of brainmm.dll. It has no C run-time, so this is the entry point that the loader calls.
 *
 * The loader's lock is held here: nothing below loads a library or waits for a thread. The DLL pins itself, because the
 * pointers that it gives out, to memory or to functions, are good for the life of the process.
 */
#include "heap/heap.h"
#include "share/at_exit.h"
#include "share/manager.h"
#include "share/rendezvous.h"
#include <windows.h>

BOOL WINAPI brainmm_dll_entry(HINSTANCE instance, DWORD reason, void *reserved);

BOOL WINAPI brainmm_dll_entry(HINSTANCE instance, DWORD reason, void *reserved) {
    (void)instance;
    (void)reserved;
    switch (reason) {
    case DLL_PROCESS_ATTACH:
        rendezvous_pin(&manager_active);
        if (manager_start()) /* without a heap the DLL loads all the same, and each call tries again */
            at_exit_start();
        break;
    case DLL_THREAD_DETACH:
        if (manager_start())
            heap_thread_exit();
        break;
    case DLL_PROCESS_DETACH:
        /* A pinned DLL is not unloaded, so the process ends. The other threads are gone, perhaps in the midst of the
         * heap, and the system takes the memory. Nothing is freed. A report takes their locks from them. */
        manager_end();
        break;
    }
    return TRUE;
}
