/* SPDX-License-Identifier: MIT */
/* companion.c: the life of a companion DLL. It has no C runtime; this is the entry point that the loader calls. */
#include "companion.h"
#include "brainmm_attach.h"

const struct brainmm_manager *companion_heap;

BOOL WINAPI companion_entry(HINSTANCE instance, DWORD reason, void *reserved);

static DWORD text_length(const char *text) {
    DWORD length = 0;
    while (text[length])
        length++;
    return length;
}

/* The file name of this DLL. "" if its path is longer than any that we expect. */
static const char *file_name(char *path, DWORD size) {
    HMODULE module = NULL;
    if (!GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            (const char *)&companion_heap, &module))
        return "";
    DWORD length = GetModuleFileNameA(module, path, size);
    if (length == 0 || length >= size)
        return "";
    while (length > 0 && path[length - 1] != '\\')
        length--;
    return path + length;
}

void companion_print(const char *sentence, const char *detail) {
    char path[1024];
    const char *parts[] = {file_name(path, sizeof path), ": ", sentence, detail, "\r\n"};
    HANDLE standard_error = GetStdHandle(STD_ERROR_HANDLE);
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        DWORD written;
        if (standard_error && standard_error != INVALID_HANDLE_VALUE)
            WriteFile(standard_error, parts[i], text_length(parts[i]), &written, NULL);
        OutputDebugStringA(parts[i]);
    }
}

brainmm_stats companion_stats(void) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    if (!BRAINMM_HAS(companion_heap, get_stats) || companion_heap->get_stats(&stats, NULL, 0) != BRAINMM_OK)
        memset(&stats, 0, sizeof stats);
    return stats;
}

/* The loader's lock is held. brainmm.dll may be loaded here all the same, because it needs nothing that is not loaded
 * in every process. A companion stays loaded, as the heap does: run-time libraries keep the addresses of its functions
 * and call them to the very end.
 *
 * Without a heap the DLL does not load, and a program that imports from it does not start. What Windows then shows is a
 * number, 0xC0000142; the reason is in the text. */
BOOL WINAPI companion_entry(HINSTANCE instance, DWORD reason, void *reserved) {
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH)
        return TRUE;
    companion_heap = brainmm_attach();
    if (!companion_heap) {
        companion_print("not loaded, because ", brainmm_attach_failure());
        return FALSE;
    }
    DisableThreadLibraryCalls(instance); /* the end of threads is the heap's business */
    brainmm_attach_pin((const void *)&companion_heap);
    return TRUE;
}
