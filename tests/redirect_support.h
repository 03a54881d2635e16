/* SPDX-License-Identifier: MIT */
/* redirect_support.h: what the tests of brainmm-malloc.dll share. Windows only. */
#ifndef TESTS_REDIRECT_SUPPORT_H
#define TESTS_REDIRECT_SUPPORT_H

#include "brainmm_redirect.h"
#include "rendezvous_party.h"
#include <malloc.h>

/* The functions of brainmm-malloc.dll, and those of brainmm.dll that tell of the heap. */
struct redirect {
    module dll, library;
    int(__cdecl *redirect)(void *module);
    int(__cdecl *restore)(void *module, unsigned parts);
    const char *(__cdecl *text)(int result);
    int(__cdecl *report)(int(__cdecl *write)(void *context, const char *text, size_t length), void *context);
    int(__cdecl *contains)(const void *address);
    size_t(__cdecl *usable_size)(const void *piece);
    const struct brainmm_manager *(__cdecl *get_manager)(void);
};

SUPPORT_INLINE struct redirect redirect_load(void) {
    struct redirect loaded;
    loaded.dll = module_load(path_beside("brainmm-malloc.dll"));
    module_symbol(loaded.dll, "brainmm_redirect_imports", &loaded.redirect);
    module_symbol(loaded.dll, "brainmm_restore_imports", &loaded.restore);
    module_symbol(loaded.dll, "brainmm_redirect_text", &loaded.text);
    module_symbol(loaded.dll, "brainmm_redirect_report", &loaded.report);
    loaded.library = GetModuleHandleA("brainmm.dll");
    CHECK(loaded.library != NULL);
    module_symbol(loaded.library, "brainmm_contains", &loaded.contains);
    module_symbol(loaded.library, "brainmm_usable_size", &loaded.usable_size);
    module_symbol(loaded.library, "brainmm_get_manager", &loaded.get_manager);
    return loaded;
}

/* What the module redirect_module exports. */
struct redirect_module {
    void *(*allocate)(size_t size);
    void (*release)(void *piece);
    void *(*resize)(void *piece, size_t size);
    char *(*duplicate)(const char *text); /* _strdup */
    void *at_start;                       /* what its DllMain has allocated */
    void *(*by_name)(size_t size);        /* malloc, as GetProcAddress has told it in DllMain */
    void *room;                           /* memory of the module for tables, some hundred bytes */
};

typedef const struct redirect_module *(*redirect_module_get)(void);

SUPPORT_INLINE const struct redirect_module *redirect_module_of(module loaded) {
    redirect_module_get get;
    module_symbol(loaded, "redirect_module_get_functions", &get);
    return get();
}

/* The tables of a module's image. */
SUPPORT_INLINE IMAGE_OPTIONAL_HEADER *image_header(void *image) {
    IMAGE_DOS_HEADER *dos = image;
    IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)((char *)image + dos->e_lfanew);
    return &headers->OptionalHeader;
}

/* Makes SIZE bytes of an image writable for good. */
SUPPORT_INLINE void make_writable(void *address, size_t size) {
    DWORD old;
    CHECK(VirtualProtect(address, size, PAGE_READWRITE, &old));
}

/* The descriptor of what IMAGE imports from DLL. */
SUPPORT_INLINE IMAGE_IMPORT_DESCRIPTOR *import_descriptor(void *image, const char *dll) {
    const IMAGE_DATA_DIRECTORY *table = &image_header(image)->DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
    IMAGE_IMPORT_DESCRIPTOR *one = (IMAGE_IMPORT_DESCRIPTOR *)((char *)image + table->VirtualAddress);
    while (one->Name && _stricmp((char *)image + one->Name, dll) != 0)
        one++;
    CHECK_MSG(one->Name != 0, "no import from %s", dll);
    return one;
}

/* The address that IMAGE has for the function NAME of DLL. */
SUPPORT_INLINE void **import_slot(void *image, const char *dll, const char *name) {
    const IMAGE_IMPORT_DESCRIPTOR *from = import_descriptor(image, dll);
    const IMAGE_THUNK_DATA *names = (IMAGE_THUNK_DATA *)((char *)image + from->OriginalFirstThunk);
    for (size_t i = 0; names[i].u1.AddressOfData; i++) {
        const IMAGE_IMPORT_BY_NAME *one = (IMAGE_IMPORT_BY_NAME *)((char *)image + names[i].u1.AddressOfData);
        if (!IMAGE_SNAP_BY_ORDINAL(names[i].u1.Ordinal) && strcmp((const char *)one->Name, name) == 0)
            return (void **)((char *)image + from->FirstThunk) + i;
    }
    CHECK_MSG(false, "%s does not import %s", dll, name);
    return NULL;
}

/* Replaces that address, and returns what was there. */
SUPPORT_INLINE void *import_replace(void *image, const char *dll, const char *name, void *address) {
    void **slot = import_slot(image, dll, name), *old = *slot;
    make_writable(slot, sizeof *slot);
    *slot = address;
    return old;
}

#endif
