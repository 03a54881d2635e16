/* SPDX-License-Identifier: MIT */
/* publish_fastmm.c: brainmm_publish_fastmm puts the heap under FastMM's name when a module asks for it, whichever
 * module that is, and leaves the name alone if somebody else has it. The argument says what has the name before.
 *
 *     nobody      it is published, once, and what attaches as FastMM does gets pieces of the heap
 *     content     another memory manager's mapping stays as it is
 *     nothing     and so does one that is never filled in
 *     event       and an object of another kind
 */
#define BRAINMM_ATTACH_NO_CLIENT
#include "brainmm_attach.h"
#include "heap_support.h"

#if !defined(_WIN32)

int main(void) {
    CHECK(brainmm_publish_fastmm() == BRAINMM_E_UNSUPPORTED);
    return 0;
}

#else

#if defined(__i386__)
#define DELPHI_CALL __attribute__((regparm(3)))
#else
#define DELPHI_CALL
#endif

/* What FastMM copies. */
struct memory_manager_ex {
    void *(DELPHI_CALL *get_mem)(size_t size);
    int(DELPHI_CALL *free_mem)(void *piece);
    void *(DELPHI_CALL *realloc_mem)(void *piece, size_t size);
    void *(DELPHI_CALL *alloc_mem)(size_t size);
    uintptr_t(DELPHI_CALL *register_leak)(void *piece);
    uintptr_t(DELPHI_CALL *unregister_leak)(void *piece);
};

static char name[32];

static HANDLE mapping_create(const void *content) {
    HANDLE mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(void *), name);
    const void **view = mapping ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0) : NULL;
    CHECK(view);
    *view = content;
    return mapping;
}

static const void *published(void) {
    HANDLE mapping = OpenFileMappingA(FILE_MAP_READ, FALSE, name);
    const void *const *view = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : NULL;
    const void *content = view ? *view : NULL;
    if (view)
        UnmapViewOfFile(view);
    if (mapping)
        CloseHandle(mapping);
    return content;
}

/* As a module that was loaded later asks: a copy of the library, which uses this program's heap. */
static int publish_by_another_module(void) {
    HMODULE library = LoadLibraryA("second\\brainmm.dll");
    int (*publish)(void) =
        library ? (int (*)(void))(void (*)(void))GetProcAddress(library, "brainmm_publish_fastmm") : NULL;
    CHECK(publish);
    return publish();
}

static void use(const struct memory_manager_ex *manager) {
    char *piece = manager->get_mem(100);
    CHECK(piece && brainmm_usable_size(piece) >= 100);
    piece = manager->realloc_mem(piece, 100000);
    CHECK(piece && brainmm_usable_size(piece) >= 100000);
    CHECK(manager->free_mem(piece) == 0 && manager->free_mem(piece) != 0);
    piece = manager->alloc_mem(50);
    CHECK(piece && piece[0] == 0 && piece[49] == 0 && brainmm_free(piece) == BRAINMM_OK);
    piece = brainmm_alloc(10);
    CHECK((manager->register_leak(piece) & 0xFF) == 1 && (manager->unregister_leak(piece) & 0xFF) == 1);
    CHECK(manager->free_mem(piece) == 0);
}

static void name_is_free(void) {
    CHECK(!published());
    CHECK(publish_by_another_module() == BRAINMM_OK);
    const void *content = published();
    CHECK(content == (const void *)(brainmm_get_manager()->version1 + 14));
    SetLastError(12345);
    CHECK(brainmm_publish_fastmm() == BRAINMM_OK && GetLastError() == 12345);
    CHECK(publish_by_another_module() == BRAINMM_OK);
    CHECK(published() == content);
    use(content);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    const char *before = arguments[1];
    snprintf(name, sizeof name, "Local\\FastMM_PID_%08lX", (unsigned long)GetCurrentProcessId());
    if (strcmp(before, "nobody") == 0) {
        name_is_free();
        return 0;
    }
    if (strcmp(before, "event") == 0) {
        CHECK(CreateEventA(NULL, FALSE, FALSE, name));
    } else {
        mapping_create(strcmp(before, "content") == 0 ? name : NULL);
    }
    CHECK(brainmm_publish_fastmm() == BRAINMM_E_TAKEN && publish_by_another_module() == BRAINMM_E_TAKEN);
    CHECK(published() == (strcmp(before, "content") == 0 ? name : NULL));
    void *piece = brainmm_alloc(10);
    CHECK(piece && brainmm_free(piece) == BRAINMM_OK);
    return 0;
}

#endif
