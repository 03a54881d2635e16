/* SPDX-License-Identifier: MIT */
/* rendezvous_party.h: one interface to the different modules of the rendezvous tests.
 *
 * A party is a module that allocates: a copy of the library, a module with the static core, a header-only client, a
 * module that behaves like one of the original, or a foreign owner. Each exports party_get(). The tests load them in
 * different orders, pass memory between them and unload them. They lie in the folder of the program.
 */
#ifndef TESTS_RENDEZVOUS_PARTY_H
#define TESTS_RENDEZVOUS_PARTY_H

#include "brainmm.h"
#include "heap_support.h"

#if defined(_WIN32)
#define PARTY_EXPORT __declspec(dllexport)
#define MODULE_SUFFIX ".dll"
#define LIBRARY_FILE "brainmm.dll"
#define FOLDER_SEPARATOR '\\'
#else
#define PARTY_EXPORT __attribute__((visibility("default")))
#define MODULE_SUFFIX ".so"
#define LIBRARY_FILE "libbrainmm.so"
#define FOLDER_SEPARATOR '/'
#endif

struct party {
    void *(*alloc)(size_t size);
    int (*free)(void *piece);
    void *(*realloc)(void *piece, size_t size);
    uintptr_t (*heap_id)(void);      /* 0: the party cannot know it */
    int (*state)(const char **text); /* as brainmm_attach_status; -1: the party cannot know it */
};

typedef const struct party *(*party_get_function)(void);

/* The state of a party that cannot know it. */
SUPPORT_INLINE int party_no_state(const char **text) {
    (void)text;
    return -1;
}

/* ---- Modules ---------------------------------------------------------------------------------------------------- */

#if defined(_WIN32)
typedef HMODULE module;
#else
typedef void *module;
#endif

/* The absolute path of FILE in this program's folder. The next call overwrites the result. */
SUPPORT_INLINE const char *path_beside(const char *file) {
    static char path[4096];
#if defined(_WIN32)
    size_t length = GetModuleFileNameA(NULL, path, sizeof path);
#else
    ssize_t read = readlink("/proc/self/exe", path, sizeof path - 1);
    size_t length = read > 0 ? (size_t)read : 0;
#endif
    while (length > 0 && path[length - 1] != FOLDER_SEPARATOR)
        length--;
    CHECK(length > 0 && length + strlen(file) < sizeof path);
    strcpy(path + length, file);
    return path;
}

SUPPORT_INLINE module module_load(const char *path) {
#if defined(_WIN32)
    module loaded = LoadLibraryExA(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    CHECK_MSG(loaded != NULL, "%s: error %lu", path, GetLastError());
#else
    module loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK_MSG(loaded != NULL, "%s", dlerror());
#endif
    return loaded;
}

SUPPORT_INLINE void module_unload(module loaded) {
#if defined(_WIN32)
    CHECK(FreeLibrary(loaded));
#else
    CHECK(dlclose(loaded) == 0);
#endif
}

SUPPORT_INLINE bool module_is_loaded(const char *path) {
#if defined(_WIN32)
    return GetModuleHandleA(path) != NULL;
#else
    void *loaded = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (loaded)
        dlclose(loaded);
    return loaded != NULL;
#endif
}

/* Copies the address of NAME in LOADED to *ADDRESS, a pointer of any kind. */
SUPPORT_INLINE void module_symbol(module loaded, const char *name, void *address) {
#if defined(_WIN32)
    FARPROC found = GetProcAddress(loaded, name);
#else
    void *found = dlsym(loaded, name);
#endif
    CHECK_MSG(found != NULL, "no %s", name);
    memcpy(address, &found, sizeof found);
}

/* ---- The places where owners publish, for tests that read or fill them themselves -------------------------------- */

#if defined(_WIN32)
SUPPORT_INLINE void mapping_name(char name[64], unsigned long process) {
    snprintf(name, 64, "Local\\BrainMM_PID_%08lX", process);
}
#else
SUPPORT_INLINE void *place_page(unsigned place) {
    static const uintptr_t places[] =
#if defined(__LP64__)
        {0x00360000, 0x7fe60000, 0x1f6b6d600000, 0x5f6b6d600000};
#else
        {0x07e60000, 0x1e6b0000, 0x4f6b0000, 0x5f6b0000};
#endif
    return (void *)places[place];
}
#endif

/* Publishes SIZE bytes of RECORD as an owner does, until the process ends. */
SUPPORT_INLINE void publish(const void *record, size_t size) {
#if defined(_WIN32)
    char name[64];
    mapping_name(name, GetCurrentProcessId());
    HANDLE mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, (DWORD)size, name);
    CHECK(mapping != NULL && GetLastError() != ERROR_ALREADY_EXISTS);
    void *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
    CHECK(view != NULL);
    memcpy(view, record, size);
    UnmapViewOfFile(view);
#else
    void *page =
        mmap(place_page(0), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(page == place_page(0));
    memcpy(page, record, size);
    mprotect(page, 4096, PROT_READ);
#endif
}

/* Copies what is published at the first place. False if nothing is. */
SUPPORT_INLINE bool published(void *record, size_t size) {
#if defined(_WIN32)
    char name[64];
    mapping_name(name, GetCurrentProcessId());
    HANDLE mapping = OpenFileMappingA(FILE_MAP_READ, FALSE, name);
    if (!mapping)
        return false;
    void *view = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
    CHECK(view != NULL);
    memcpy(record, view, size);
    UnmapViewOfFile(view);
    CloseHandle(mapping);
#else
    unsigned char resident;
    if (mincore(place_page(0), 4096, &resident) != 0)
        return false;
    memcpy(record, place_page(0), size);
#endif
    return true;
}

#endif
