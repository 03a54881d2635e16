/* SPDX-License-Identifier: MIT */
#include "redirect/modules.h"
#define PSAPI_VERSION 2 /* the functions of kernel32, not of psapi.dll */
#include <psapi.h>
#include <winternl.h>

enum { LIST_SIZE = 1 << 16 }; /* bytes at first; it grows */

/* ---- The list --------------------------------------------------------------------------------------------------- */

bool module_take(void *module) {
    HMODULE taken;
    return module && GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)module, &taken) != 0 &&
           (taken == module || (FreeLibrary(taken), false));
}

void module_release(void *module) { FreeLibrary(module); }

/* A module that is being unloaded cannot be taken, and is left out. */
bool modules_take(struct modules *modules) {
    DWORD size = LIST_SIZE, needed = 0;
    for (;;) {
        modules->list = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
        if (!modules->list)
            return false;
        if (!EnumProcessModules(GetCurrentProcess(), modules->list, size, &needed)) {
            VirtualFree(modules->list, 0, MEM_RELEASE);
            return false;
        }
        if (needed <= size)
            break;
        VirtualFree(modules->list, 0, MEM_RELEASE);
        size = needed + LIST_SIZE;
    }
    modules->count = 0;
    for (size_t i = 0; i < needed / sizeof *modules->list; i++)
        if (module_take(modules->list[i]))
            modules->list[modules->count++] = modules->list[i];
    return true;
}

void modules_release(struct modules *modules) {
    for (size_t i = 0; i < modules->count; i++)
        module_release(modules->list[i]);
    VirtualFree(modules->list, 0, MEM_RELEASE);
}

/* ---- Names ------------------------------------------------------------------------------------------------------ */

void *module_named(const char *file) { return GetModuleHandleA(file); }

void module_name(void *module, char *name, size_t size) {
    WCHAR path[1024];
    DWORD length = GetModuleFileNameW(module, path, sizeof path / sizeof *path), start = length;
    while (start > 0 && path[start - 1] != L'\\')
        start--;
    int done = WideCharToMultiByte(CP_UTF8, 0, path + start, (int)(length - start), name, (int)size - 1, NULL, NULL);
    name[done > 0 ? done : 0] = 0;
}

/* ---- News ------------------------------------------------------------------------------------------------------- */

/* What ntdll tells of a module. No header declares it. */
struct notice {
    ULONG flags;
    const UNICODE_STRING *full_name, *base_name;
    void *base;
    ULONG size;
};
enum { NOTICE_LOADED = 1, NOTICE_UNLOADED = 2 };
typedef void(CALLBACK *notice_function)(ULONG reason, const struct notice *notice, void *context);
typedef NTSTATUS(NTAPI *register_function)(ULONG flags, notice_function function, void *context, void **cookie);
typedef NTSTATUS(NTAPI *unregister_function)(void *cookie);

static void *cookie;

static FARPROC ntdll_function(const char *name) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll ? GetProcAddress(ntdll, name) : NULL;
}

/* At the end of the process nothing is unloaded, but some systems say so. */
static bool process_ends(void) {
    BOOLEAN(NTAPI * ends)(void) = (BOOLEAN(NTAPI *)(void))(void (*)(void))ntdll_function("RtlDllShutdownInProgress");
    return ends && ends();
}

static void CALLBACK notify(ULONG reason, const struct notice *notice, void *context) {
    const struct module_watcher *watcher = context;
    if (reason == NOTICE_LOADED)
        watcher->loaded(notice->base);
    else if (reason == NOTICE_UNLOADED && !process_ends())
        watcher->unloaded(notice->base);
}

bool modules_watch(const struct module_watcher *watcher) {
    register_function start = (register_function)(void (*)(void))ntdll_function("LdrRegisterDllNotification");
    if (cookie)
        return true;
    if (!start || start(0, notify, (void *)(uintptr_t)watcher, &cookie) < 0) {
        cookie = NULL;
        return false;
    }
    return true;
}

void modules_unwatch(void) {
    unregister_function end = (unregister_function)(void (*)(void))ntdll_function("LdrUnregisterDllNotification");
    if (cookie && end && end(cookie) >= 0)
        cookie = NULL;
}
