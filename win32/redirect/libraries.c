/* SPDX-License-Identifier: MIT */
#include "redirect/libraries.h"
#include "base/text.h"
#include "redirect/children.h"
#include "redirect/patch.h"
#include "redirect/run_times.h"

/* ---- Which there are -------------------------------------------------------------------------------------------- */

struct library *library_number(unsigned number) {
    if (number < run_time_count)
        return &run_times[number];
    number -= run_time_count;
    return number < child_library_count ? &child_libraries[number] : NULL;
}

#define FOR_EACH_LIBRARY(library)                                                                                      \
    struct library *library;                                                                                           \
    for (unsigned number = 0; (library = library_number(number)) != NULL; number++)
#define FOR_EACH_FUNCTION(library, function)                                                                           \
    for (struct replaced *function = (library)->functions; function < (library)->functions + (library)->count;         \
         function++)

struct library *library_at(const void *module) {
    FOR_EACH_LIBRARY(library)
    if (module && library->image.base == module)
        return library;
    return NULL;
}

struct library *library_named(const char *dll) {
    FOR_EACH_LIBRARY(library)
    if (pe_is_file(dll, library->file))
        return library;
    return NULL;
}

static bool starts_with(const char *dll, const char *beginning) {
    for (; *beginning; dll++, beginning++)
        if ((*dll >= 'A' && *dll <= 'Z' ? *dll + ('a' - 'A') : *dll) != *beginning)
            return false;
    return true;
}

/* Windows has these names for the parts of ucrtbase.dll. */
static bool stands_for_run_time(const char *dll) {
    return starts_with(dll, "api-ms-win-crt-") || starts_with(dll, "ext-ms-win-crt-");
}

bool library_is_run_time(const char *dll) {
    const struct library *library = library_named(dll);
    return stands_for_run_time(dll) || (library && library->run_time);
}

bool library_is_debug(const char *dll) {
    static const char *const files[] = {"ucrtbased.dll", "msvcrtd.dll",   "msvcr70d.dll",
                                        "msvcr71d.dll",  "msvcr80d.dll",  "msvcr90d.dll",
                                        "msvcr100d.dll", "msvcr110d.dll", "msvcr120d.dll"};
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
        if (pe_is_file(dll, files[i]))
            return true;
    return false;
}

/* ---- Which functions -------------------------------------------------------------------------------------------- */

/* The run-time's heap itself, a walk through it, and operators that name a line of source. */
bool library_looks_into_heap(const char *name) {
    static const char *const names[] = {"_get_heap_handle",
                                        "_heapwalk",
                                        "_heapused",
                                        "_heapset",
                                        "_heapadd",
                                        "_o__get_heap_handle",
                                        "??2@YAPEAX_KHPEBDH@Z",
                                        "??_U@YAPEAX_KHPEBDH@Z",
                                        "??2@YAPAXIHPBDH@Z",
                                        "??_U@YAPAXIHPBDH@Z",
                                        "__p__crtheap"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (text_equal(name, names[i]))
            return true;
    return false;
}

bool library_is_family(const char *name) {
    for (unsigned i = 0; i < run_time_count; i++)
        FOR_EACH_FUNCTION(&run_times[i], function)
    if (text_equal(function->name, name))
        return true;
    return false;
}

struct replaced *library_original(uintptr_t address, const char *name) {
    struct replaced *found = NULL;
    FOR_EACH_LIBRARY(library)
    if (address - (uintptr_t)library->image.base < library->image.size)
        FOR_EACH_FUNCTION(library, function)
    if (function->offset != 0 && replaced_address(library, function) == address &&
        (!found || (name && text_equal(function->name, name))))
        found = function;
    return found;
}

struct library_function library_function(const char *dll, const char *name) {
    FOR_EACH_LIBRARY(library)
    if (library->image.base && (pe_is_file(dll, library->file) || (library->run_time && stands_for_run_time(dll))))
        FOR_EACH_FUNCTION(library, function)
    if (function->offset != 0 && text_equal(function->name, name))
        return (struct library_function){function, replaced_address(library, function)};
    return (struct library_function){NULL, 0};
}

struct replaced *library_replaced(uintptr_t address, uintptr_t *original) {
    FOR_EACH_LIBRARY(library)
    if (library->image.base)
        FOR_EACH_FUNCTION(library, function)
    if (function->offset != 0 &&
        (address == (uintptr_t)function->replacement || address == (uintptr_t)function->stub)) {
        *original = replaced_address(library, function);
        return function;
    }
    return NULL;
}

/* ---- A library comes and goes ----------------------------------------------------------------------------------- */

/* On 64 bit, a table of exports reaches what lies behind its image. */
static bool make_stubs(struct library *library) {
    if (library->stubs)
        return true;
    const void *targets[PATCH_STUBS];
    bool reached = library->count <= PATCH_STUBS;
    for (size_t i = 0; i < library->count && i < PATCH_STUBS; i++) {
        targets[i] = library->functions[i].replacement;
        reached = reached && patch_reaches(&library->image, targets[i], &library->functions[i].stub_offset);
    }
    if (reached)
        return true;
    library->stubs = library->count <= PATCH_STUBS ? patch_stubs(&library->image, targets, library->count) : NULL;
    if (!library->stubs)
        return false;
    for (size_t i = 0; i < library->count; i++) {
        library->functions[i].stub = patch_stub(library->stubs, i);
        patch_reaches(&library->image, library->functions[i].stub, &library->functions[i].stub_offset);
    }
    return true;
}

/* An export that only passes on to another DLL lies in the table of exports itself, where the other DLL's name is. */
static DWORD function_offset(const struct pe_image *image, const char *name) {
    const DWORD *offset = pe_export(image, name);
    return offset && !pe_is_forwarder(image, *offset) ? *offset : 0;
}

/* Another library may have had the place before; its stubs may be used for ever by who has asked for an address. */
bool library_open(struct library *library, const struct pe_image *image) {
    if (library->image.base != image->base)
        library->stubs = NULL;
    library->image = *image;
    FOR_EACH_FUNCTION(library, function) {
        function->offset = function_offset(image, function->name);
        if (!library->stubs)
            function->stub = NULL;
    }
    if (library->find_originals(library))
        return true;
    library_close(library);
    return false;
}

void library_close(struct library *library) { library->image.base = NULL; }

/* ---- The table of exports --------------------------------------------------------------------------------------- */

static bool put(const struct library *library, const struct replaced *function, bool replaced) {
    DWORD *place = pe_export(&library->image, function->name);
    return place && patch_offset(place, replaced ? function->stub_offset : function->offset);
}

/* If one fails, those before it become what they were. */
static bool put_all(struct library *library, bool replaced, unsigned which) {
    FOR_EACH_FUNCTION(library, function) {
        if (function->offset == 0 || (function->does & which) == 0 || put(library, function, replaced))
            continue;
        while (function-- > library->functions)
            if (function->offset != 0 && (function->does & which) != 0)
                put(library, function, !replaced);
        return false;
    }
    return true;
}

bool library_replace_exports(struct library *library) {
    return make_stubs(library) && put_all(library, true, GIVES | TAKES | STARTS);
}

bool library_restore_exports(struct library *library, unsigned which) { return put_all(library, false, which); }
