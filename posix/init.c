/* SPDX-License-Identifier: MIT */
/* init.c (POSIX): the library's beginning.
 *
 * The module finds its heap when it is loaded, or earlier when something allocates before its constructor runs. Heaps
 * outlive every dlclose: libbrainmm.so is linked with -z nodelete, and an image that contains the static core and owns
 * the heap is pinned here.
 */
#define _GNU_SOURCE /* dladdr */
#include "checked/stacks.h"
#include "images.h"
#include "share/at_exit.h"
#include "share/manager.h"
#include <dlfcn.h>
#include <link.h>

/* Only glibc's headers declare it. */
extern ElfW(Dyn) _DYNAMIC[];

/* A static program has none of these, and needs none. */
#pragma weak dlopen
#pragma weak dladdr
#pragma weak _DYNAMIC

static bool is_never_unloaded(void) {
    for (const ElfW(Dyn) *entry = _DYNAMIC; entry && entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_FLAGS_1 && (entry->d_un.d_val & (DF_1_NODELETE | DF_1_PIE)) != 0)
            return true;
    return false;
}

/* To load an image that is loaded already only changes its flags. For the program itself dlopen has no such name and
 * fails, which is as good. */
static void image_pin(const void *address) {
    Dl_info info;
    if (dlopen && dladdr && dladdr(address, &info) != 0 && info.dli_fname)
        dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

__attribute__((constructor)) static void library_start(void) {
    bool owns = manager_start();
    if (owns)
        at_exit_start();
    const void *pinned = images_pinned();
    if (pinned && !(owns && is_never_unloaded()))
        image_pin(pinned);
    if (owns)
        stacks_load();
}

/* Runs after the destructors of all that uses the library, and in a program after its own: those without a priority
 * come first. */
__attribute__((destructor(101))) static void library_end(void) { manager_end(); }
