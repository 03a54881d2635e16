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

struct library *library_at(const void *module) {
    struct library *library;
    for (unsigned i = 0; module && (library = library_number(i)) != NULL; i++)
        if (library->image.base == module)
            return library;
    return NULL;
}

struct library *library_named(const char *dll) {
    struct library *library;
    for (unsigned i = 0; (library = library_number(i)) != NULL; i++)
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

static struct replaced *functions_end(const struct library *library) { return library->functions + library->count; }

static struct replaced *function_named(const struct library *library, const char *name) {
    for (struct replaced *function = library->functions; function < functions_end(library); function++)
        if (text_equal(function->name, name))
            return function;
    return NULL;
}

bool library_is_family(const char *name) { return function_named(&run_times[0], name) != NULL; }

struct replaced *library_original(uintptr_t address, const char *name) {
    struct replaced *found = NULL;
    struct library *library;
    for (unsigned i = 0; (library = library_number(i)) != NULL; i++) {
        if (!library->image.base || address - (uintptr_t)library->image.base >= library->image.size)
            continue;
        for (struct replaced *function = library->functions; function < functions_end(library); function++)
            if (function->offset != 0 && replaced_address(library, function) == address &&
                (!found || (name && text_equal(function->name, name))))
                found = function;
    }
    return found;
}

struct replaced *library_replaced(uintptr_t address, uintptr_t *original) {
    struct library *library;
    for (unsigned i = 0; (library = library_number(i)) != NULL; i++)
        for (struct replaced *function = library->functions; library->image.base && function < functions_end(library);
             function++)
            if (function->offset != 0 &&
                (address == (uintptr_t)function->replacement || address == (uintptr_t)function->stub)) {
                *original = replaced_address(library, function);
                return function;
            }
    return NULL;
}

struct library *library_meant(const char *dll) {
    return stands_for_run_time(dll) ? library_named("ucrtbase.dll") : library_named(dll);
}

struct replaced *library_function(const struct library *library, const char *name) {
    struct replaced *function = library->image.base ? function_named(library, name) : NULL;
    return function && function->offset != 0 ? function : NULL;
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

/* An export that only passes on to another DLL lies in the table of exports itself, where the other DLL's name is.
 * False: it leads out of the image, as only a hook does. */
static bool find_function(const struct pe_image *image, struct replaced *function) {
    const DWORD *offset = pe_export(image, function->name);
    function->offset = offset && !pe_is_forwarder(image, *offset) ? *offset : 0;
    return function->offset < image->size;
}

/* Where it was before, its stubs stay for ever: somebody may have asked for their addresses. */
bool library_open(struct library *library, const struct pe_image *image) {
    bool found = true;
    if (library->last != image->base) {
        library->last = image->base;
        library->stubs = NULL;
    }
    library->image = *image;
    for (struct replaced *function = library->functions; function < functions_end(library); function++) {
        found = find_function(image, function) && found;
        if (!library->stubs)
            function->stub = NULL;
    }
    library->hooked = !found;
    if (found && library->find_originals(library))
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
    for (struct replaced *function = library->functions; function < functions_end(library); function++) {
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
