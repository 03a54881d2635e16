/* SPDX-License-Identifier: MIT */
/* system.h: what the demo needs from the operating system besides threads: modules, paths and memory figures. */
#ifndef DEMO_SYSTEM_H
#define DEMO_SYSTEM_H

#if defined(_WIN32)
#include <windows.h>
/* windows.h first: psapi.h needs its types */
#include <psapi.h>
#else
#include <dlfcn.h>
#include <unistd.h>
#endif
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SYSTEM_PATH_MAX 4096
#define SYSTEM_INLINE static inline __attribute__((unused))

#if defined(_WIN32)
typedef HMODULE system_module;
#define SYSTEM_BRAINMM_FILE "brainmm.dll"
#define SYSTEM_SUFFIX ".dll"
#define SYSTEM_SEPARATOR '\\'
#else
typedef void *system_module;
#define SYSTEM_BRAINMM_FILE "libbrainmm.so.2"
#define SYSTEM_SUFFIX ".so"
#define SYSTEM_SEPARATOR '/'
#endif

/* Loads a module; NULL if that fails. PATH must be a full path: a bare name may be found in another folder. */
SYSTEM_INLINE system_module system_load(const char *path) {
#if defined(_WIN32)
    return LoadLibraryExA(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
#else
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
#endif
}

SYSTEM_INLINE void system_unload(system_module module) {
#if defined(_WIN32)
    FreeLibrary(module);
#else
    dlclose(module);
#endif
}

SYSTEM_INLINE bool system_is_loaded(const char *path) {
#if defined(_WIN32)
    return GetModuleHandleA(path) != NULL;
#else
    void *module = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (module)
        dlclose(module);
    return module != NULL;
#endif
}

/* Copies the address of NAME to *ADDRESS, a pointer to a function of any type. */
SYSTEM_INLINE bool system_symbol(system_module module, const char *name, void *address) {
#if defined(_WIN32)
    FARPROC found = GetProcAddress(module, name);
#else
    void *found = dlsym(module, name);
#endif
    memcpy(address, &found, sizeof found);
    return found != NULL;
}

/* The base address of the module that contains ADDRESS, and the path of its file. NULL if no module contains it. */
SYSTEM_INLINE const void *system_module_at(const void *address, char path[SYSTEM_PATH_MAX]) {
#if defined(_WIN32)
    HMODULE module = NULL;
    DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (!GetModuleHandleExA(flags, address, &module))
        return NULL;
    DWORD length = GetModuleFileNameA(module, path, SYSTEM_PATH_MAX);
    return length > 0 && length < SYSTEM_PATH_MAX ? module : NULL;
#else
    Dl_info info;
    if (!dladdr(address, &info))
        return NULL;
    if (info.dli_fname[0] == '/') {
        snprintf(path, SYSTEM_PATH_MAX, "%s", info.dli_fname);
    } else { /* the program has the path by which it was started; the demo loads modules by full path */
        ssize_t length = readlink("/proc/self/exe", path, SYSTEM_PATH_MAX - 1);
        if (length <= 0)
            return NULL;
        path[length] = 0;
    }
    return info.dli_fbase;
#endif
}

/* The path of FILE, or FOLDER/FILE, in the folder of the module that contains ADDRESS. */
SYSTEM_INLINE bool system_path_beside(const void *address, const char *file, char path[SYSTEM_PATH_MAX]) {
    char *end;
    if (!system_module_at(address, path))
        return false;
    end = strrchr(path, SYSTEM_SEPARATOR);
    if (!end || (size_t)(end + 1 - path) + strlen(file) >= SYSTEM_PATH_MAX)
        return false;
    for (end++; *file; file++)
        *end++ = *file == '/' ? SYSTEM_SEPARATOR : *file;
    *end = 0;
    return true;
}

/* The bytes of this process in physical memory; 0 if the system does not tell. */
SYSTEM_INLINE size_t system_resident_bytes(void) {
#if defined(_WIN32)
    PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
    return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters) ? counters.WorkingSetSize : 0;
#else
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r"); /* exact; statm lags behind */
    while (file && fgets(line, sizeof line, file) && sscanf(line, "Rss: %lu kB", &kib) != 1)
        ;
    if (file)
        fclose(file);
    return (size_t)kib * 1024;
#endif
}

#endif
