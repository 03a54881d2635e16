/* SPDX-License-Identifier: MIT */
/* companion_alone.c: a companion DLL needs a published heap or a brainmm.dll in its own folder. With neither it does
 * not load and says why. It never takes a brainmm.dll of another folder or of the current folder. Once a module has
 * published a heap, the companion loads without any brainmm.dll. */
#include "rendezvous_party.h"

static void copy_beside(const char *file, const char *copy) {
    char from[4096];
    strcpy(from, path_beside(file));
    CHECK_MSG(CopyFileA(from, path_beside(copy), FALSE), "%s: error %lu", file, GetLastError());
}

int main(void) {
    static const char *const files[] = {"borlndmm.dll", "fpcmemdll.dll"};
    party_get_function get;
    CreateDirectoryA(path_beside("companion-alone"), NULL); /* the folder may exist */
    SetEnvironmentVariableA("PATH", path_beside("second"));
    SetCurrentDirectoryA(path_beside(""));
    for (unsigned i = 0; i < 2; i++) {
        char copy[64];
        snprintf(copy, sizeof copy, "companion-alone\\%s", files[i]);
        copy_beside(files[i], copy);
        SetLastError(0);
        CHECK(LoadLibraryA(path_beside(copy)) == NULL);
        CHECK_MSG(GetLastError() == ERROR_DLL_INIT_FAILED, "%s: error %lu", copy, GetLastError());
        CHECK(GetModuleHandleA("brainmm.dll") == NULL);
    }
    module_symbol(module_load(path_beside("rendezvous_module-core" MODULE_SUFFIX)), "party_get", &get);
    for (unsigned i = 0; i < 2; i++) {
        char copy[64];
        snprintf(copy, sizeof copy, "companion-alone\\%s", files[i]);
        module_load(path_beside(copy));
    }
    void *(*get_memory)(intptr_t size);
    module_symbol(GetModuleHandleA("borlndmm.dll"), "GetMemory", &get_memory);
    void *piece = get_memory(100);
    CHECK(piece != NULL && get()->free(piece) == BRAINMM_OK);
    CHECK(GetModuleHandleA("brainmm.dll") == NULL);
    return TEST_PASSED;
}
