/* SPDX-License-Identifier: MIT */
/* rendezvous_party.h: one interface to the different modules of the rendezvous tests.
 *
 * A party is a module that allocates: a copy of the library, a module with the static core, a header-only client, a
 * module that behaves like one of the original, or a foreign owner. Each exports party_get(). The tests load them in
 * different orders, pass memory between them and unload them. They lie in the folder of the program.
 */
#ifndef TESTS_RENDEZVOUS_PARTY_H
#define TESTS_RENDEZVOUS_PARTY_H

#if !defined(_WIN32)
#include <link.h>
#endif
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
#define LIBRARY_FILE "libbrainmm.so.2"
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

/* docs/abi.md describes it. In the tests it holds addresses, on Linux, too: publish() and published() translate. */
struct record {
    uint64_t version1;
    char magic[16];
    uint32_t size, abi_version;
    uint64_t manager;
#if !defined(_WIN32)
    uint64_t image;
#endif
};

#if !defined(_WIN32)

struct image {
    uint64_t name;      /* FNV-1a of the loader's name for it */
    const void *inside; /* if name is 0: any address in the image */
    uint64_t start;
};

/* <link.h> has these only for who asks for more than C before the first header. */
struct image_info { /* the start of struct dl_phdr_info */
    ElfW(Addr) base;
    const char *name;
    const ElfW(Phdr) * segments;
    ElfW(Half) segment_count;
};
extern int image_iterate(int (*visit)(struct image_info *, size_t, void *), void *data) __asm__("dl_iterate_phdr");

SUPPORT_INLINE int image_visit(struct image_info *info, size_t size, void *data) {
    struct image *image = data;
    uint64_t name = 0xcbf29ce484222325u, start = UINT64_MAX, end = 0;
    (void)size;
    for (const char *at = info->name; *at; at++)
        name = (name ^ (unsigned char)*at) * 0x100000001b3u;
    for (unsigned i = 0; i < info->segment_count; i++)
        if (info->segments[i].p_type == PT_LOAD) {
            uint64_t first = info->base + info->segments[i].p_vaddr;
            start = first < start ? first : start;
            end = first + info->segments[i].p_memsz;
        }
    uint64_t inside = (uintptr_t)image->inside;
    if (image->name ? name != image->name : inside < start || inside >= end)
        return 0;
    image->name = name;
    image->start = start;
    return 1;
}

/* Fills the rest of *IMAGE, of which one of the first two members is known. False: there is no such image. */
SUPPORT_INLINE bool image_find(struct image *image) { return image_iterate(image_visit, image) != 0; }

/* What a page holds for the first SIZE bytes of RECORD. The image whose start counts is the caller's module, wherever
 * the addresses are. */
SUPPORT_INLINE struct record page_content(const void *record, size_t size) {
    static const char here = 0;
    struct image image = {.inside = &here};
    struct record content = {0};
    CHECK(image_find(&image) && size <= sizeof content);
    memcpy(&content, record, size);
    content.version1 -= content.version1 ? image.start : 0;
    content.manager -= content.manager ? image.start : 0;
    content.image = image.name;
    return content;
}

/* Puts SIZE bytes into a page at the first place, until the process ends. */
SUPPORT_INLINE void page_publish(const void *content, size_t size) {
    void *page =
        mmap(place_page(0), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(page == place_page(0));
    memcpy(page, content, size);
    mprotect(page, 4096, PROT_READ);
}

#endif

/* Publishes the first SIZE bytes of RECORD as an owner does, until the process ends. */
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
    struct record content = page_content(record, size);
    page_publish(&content, sizeof content);
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
    struct record page;
    memcpy(&page, place_page(0), sizeof page);
    struct image image = {.name = page.image};
    CHECK(image_find(&image) && size <= sizeof page);
    page.version1 += page.version1 ? image.start : 0;
    page.manager += page.manager ? image.start : 0;
    memcpy(record, &page, size);
#endif
    return true;
}

#endif
