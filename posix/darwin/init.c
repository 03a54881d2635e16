/* SPDX-License-Identifier: MIT */
/* init.c (macOS): the library's beginning, as posix/init.c has it for ELF. Heaps outlive every dlclose: the image that
 * owns one is pinned here. For the program itself dlopen fails, which is as good. */
#include "checked/stacks.h"
#include "darwin/images.h"
#include "share/at_exit.h"
#include "share/manager.h"
#include <dlfcn.h>

static void image_pin(const void *address) {
    Dl_info info;
    if (dladdr(address, &info) != 0 && info.dli_fname)
        dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

__attribute__((constructor)) static void library_start(void) {
    bool owns = manager_start();
    if (owns)
        at_exit_start();
    if (images_pinned())
        image_pin(images_pinned());
    if (owns) {
        image_pin(&image_pin);
        stacks_load();
    }
}

/* Runs when the process ends, after the program's own handlers: this one was there before. */
__attribute__((destructor)) static void library_end(void) { manager_end(); }
