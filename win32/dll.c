/* dll.c (Windows): the life of brainmm.dll. It has no C runtime, so this is the entry point the loader calls.
 *
 * The loader's lock is held here: nothing below loads a library or waits for a thread. The DLL pins itself when it has
 * found its heap, because the pointers it has given out, to memory or to functions, are good for the life of the
 * process.
 */
#include "heap.h"
#include "manager.h"
#include "rendezvous.h"
#include <windows.h>

BOOL WINAPI brainmm_dll_entry(HINSTANCE instance, DWORD reason, void *reserved);

void rendezvous_bind_lifecycle(void) { rendezvous_pin(&manager_active); }

BOOL WINAPI brainmm_dll_entry(HINSTANCE instance, DWORD reason, void *reserved) {
    (void)instance;
    (void)reserved;
    switch (reason) {
    case DLL_PROCESS_ATTACH:
        manager_start(); /* without a heap the DLL loads all the same, and each call tries again */
        break;
    case DLL_THREAD_DETACH:
        if (manager_start())
            heap_thread_exit();
        break;
    case DLL_PROCESS_DETACH:
        /* The process ends, since a pinned DLL is not unloaded: the other threads are gone, perhaps in the middle of
         * the heap, and the system takes the memory. So nothing is locked, and nothing freed. */
        break;
    }
    return TRUE;
}
