/* SPDX-License-Identifier: MIT */
/* redirect_module.c: a module that knows nothing of BrainMM. It allocates already in its DllMain. */
#include "redirect_support.h"

static void *allocate(size_t size) { return malloc(size); }
static void release(void *piece) { free(piece); }
static void *resize(void *piece, size_t size) { return realloc(piece, size); }
static char *duplicate(const char *text) { return _strdup(text); }

static uintptr_t room[128];

static struct redirect_module functions = {allocate, release, resize, duplicate, NULL, NULL, room};

__declspec(dllexport) const struct redirect_module *redirect_module_get_functions(void);
__declspec(dllexport) const struct redirect_module *redirect_module_get_functions(void) { return &functions; }

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved) {
    (void)instance;
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH)
        return TRUE;
    functions.at_start = malloc(100);
    module_symbol(GetModuleHandleA("msvcrt.dll"), "malloc", &functions.by_name);
    return functions.at_start != NULL;
}
