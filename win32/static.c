/* SPDX-License-Identifier: MIT */
/* static.c (Windows): the life of the static core, inside a program or a DLL that is not ours.
 *
 * The loader calls the TLS callbacks of an image as it calls a DLL's entry point, before that, and under the same lock.
 * MinGW links them only if the image has a TLS directory: hence the reference to _tls_used. The static core is one
 * object (Makefile.mingw), so no link can leave this file out.
 *
 * Nothing here loads a library. A DLL is pinned if its core becomes the owner of the process's heap (rendezvous_pin).
 * One that uses another's heap may be unloaded.
 */
#include "heap/heap.h"
#include "share/at_exit.h"
#include "share/manager.h"
#include <windows.h>

extern const IMAGE_TLS_DIRECTORY _tls_used; /* the C run-time's */

static void NTAPI image_event(void *image, DWORD reason, void *reserved) {
    (void)image;
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH && manager_start())
        at_exit_start();
    else if (reason == DLL_THREAD_DETACH && manager_start())
        heap_thread_exit();
    else if (reason == DLL_PROCESS_DETACH)
        manager_end(); /* as in dll.c: an owner is pinned */
}

/* Wine tells DLLs alone that the process ends. So a program's C run-time does it, too, after all that the program
 * itself has to run at its end. */
__attribute__((destructor)) static void image_ends(void) { manager_end(); }

/* The linker sorts the sections .CRT$XL*, the callbacks, by name; those of the C runtime are in A and Z. */
__attribute__((section(".CRT$XLB"), used)) static const PIMAGE_TLS_CALLBACK callback = image_event;

/* The linker keeps what this refers to. */
__attribute__((used)) static const IMAGE_TLS_DIRECTORY *const directory = &_tls_used;
