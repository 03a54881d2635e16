/* SPDX-License-Identifier: MIT */
/* malloc_cxx.c: see malloc_cxx.h. */
#define _GNU_SOURCE /* dladdr, RTLD_NEXT */
#include "malloc_cxx.h"
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

static const void *image_of(const void *address) {
    Dl_info info;
    return dladdr(address, &info) != 0 ? info.dli_fbase : NULL;
}

static bool is_ours(const void *function) { return image_of(function) == image_of((const void *)cxx_function); }

static void *found_in(void *where, const char *name) {
    void *function = dlsym(where, name);
    return function && !is_ours(function) ? function : NULL;
}

/* Another handle for an image that is loaded. Its symbols are those of the image and of all that it needs. For the
 * program itself there is no such name, but the default order of search does as well. */
static void *found_from(const void *caller, const char *name) {
    Dl_info info;
    void *image = dladdr(caller, &info) != 0 && info.dli_fname ? dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    void *function = image ? found_in(image, name) : NULL;
    if (image)
        dlclose(image);
    return function;
}

void *cxx_function(const void *caller, const char *name) {
    void *function = found_from(caller, name);
    if (!function)
        function = found_in(RTLD_DEFAULT, name);
    return function ? function : found_in(RTLD_NEXT, name);
}
