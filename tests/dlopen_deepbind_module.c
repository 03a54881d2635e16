/* SPDX-License-Identifier: MIT */
/* dlopen_deepbind_module.c: the library that dlopen_deepbind.c loads, in two copies. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MODULE __attribute__((visibility("default")))

MODULE void *module_malloc(size_t size);
MODULE void module_free(void *piece);
MODULE char *module_strdup(const char *text);
MODULE void *module_load(const char *name);
MODULE void *module_load_into_base(const char *name);

void *module_malloc(size_t size) { return malloc(size); }
void module_free(void *piece) { free(piece); }
char *module_strdup(const char *text) { return strdup(text); }

/* In the name of this library, whose RUNPATH is its own folder. It would be in the program's if the last act of these
 * functions were a jump. */
void *module_load(const char *name) {
    void *volatile library = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    return library;
}

void *module_load_into_base(const char *name) {
    void *volatile library = dlmopen(LM_ID_BASE, name, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    return library;
}
