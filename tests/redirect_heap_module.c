/* SPDX-License-Identifier: MIT */
/* redirect_heap_module.c: a module that looks into its run-time's heap itself, so it is not redirected. */
#include "redirect_support.h"

static void *allocate(size_t size) {
    _HEAPINFO info = {NULL, 0, 0};
    return _heapwalk(&info) == _HEAPBADBEGIN ? NULL : malloc(size);
}
static void release(void *piece) { free(piece); }

static const struct redirect_module functions = {allocate, release, NULL, NULL, NULL, NULL, NULL};

__declspec(dllexport) const struct redirect_module *redirect_module_get_functions(void);
__declspec(dllexport) const struct redirect_module *redirect_module_get_functions(void) { return &functions; }
