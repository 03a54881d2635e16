/* SPDX-License-Identifier: MIT */
#include "redirect/imports.h"
#include "brainmm_redirect.h"
#include "redirect/libraries.h"
#include "redirect/patch.h"

/* What an entry of the tables is. */
enum entry {
    ENTRY_OTHER,    /* nothing of ours */
    ENTRY_ORIGINAL, /* a function that can be replaced */
    ENTRY_REPLACED, /* it is already */
    ENTRY_LATER,    /* a function of a library; it gets its address later */
    ENTRY_HOOKED,   /* a function of a library, whose address is somebody else's */
    ENTRY_HEAP      /* a function that looks into the run-time's heap */
};

struct found {
    struct replaced *function; /* of ENTRY_ORIGINAL and ENTRY_REPLACED */
    uintptr_t original;        /* of both: the address of the function itself */
};

static bool lies_inside(const struct pe_image *image, uintptr_t address) {
    return address - (uintptr_t)image->base < image->size;
}

/* An entry that has the address of a replaced function is one, whatever the module calls it: it may have come through a
 * DLL that only passes the function on. The name tells what an entry should be that has another address. A delayed
 * entry points into its own module until it is called first. One that a linker has bound may point anywhere until the
 * loader comes to it. */
static enum entry entry_of(const struct pe_image *image, const struct pe_imports *imports, size_t slot,
                           struct found *found) {
    uintptr_t address = imports->slots[slot];
    const char *name = pe_import_name(image, imports, slot);
    const struct library *library = library_meant(imports->dll);
    bool run_time = name && library && library->run_time;
    if (run_time && library_looks_into_heap(name))
        return ENTRY_HEAP;
    found->original = address;
    found->function = library_original(address, name);
    if (found->function)
        return ENTRY_ORIGINAL;
    found->function = library_replaced(address, &found->original);
    if (found->function)
        return ENTRY_REPLACED;
    if (!run_time || !library_is_family(name))
        return ENTRY_OTHER;
    if (library->hooked)
        return ENTRY_HOOKED;
    bool uncalled = imports->delayed && lies_inside(image, address);
    if (pe_import_is_unbound(imports, slot))
        return ENTRY_LATER;
    found->function = library_function(library, name);
    if (!found->function)
        return uncalled ? ENTRY_LATER : ENTRY_OTHER;
    found->original = replaced_address(library, found->function);
    return uncalled ? ENTRY_ORIGINAL : imports->bound ? ENTRY_LATER : ENTRY_HOOKED;
}

int imports_judge(const struct pe_image *image, bool exports_too) {
    struct pe_position position = {0, 0};
    struct pe_imports imports;
    struct found found;
    int result = BRAINMM_REDIRECT_NOTHING;
    enum pe_step step;
    while ((step = pe_next_imports(image, &position, &imports)) == PE_IMPORTS) {
        if (library_is_debug(imports.dll))
            return BRAINMM_REDIRECT_E_DEBUG;
        for (size_t slot = 0; slot < imports.count; slot++)
            switch (entry_of(image, &imports, slot, &found)) {
            case ENTRY_OTHER: break;
            case ENTRY_HEAP: return BRAINMM_REDIRECT_E_HEAP;
            case ENTRY_HOOKED: return BRAINMM_REDIRECT_E_HOOKED;
            case ENTRY_LATER:
                if (!exports_too)
                    return BRAINMM_REDIRECT_E_DELAYED;
                result = BRAINMM_REDIRECTED;
                break;
            case ENTRY_ORIGINAL:
            case ENTRY_REPLACED:
                if (found.function->does != STARTS)
                    result = BRAINMM_REDIRECTED;
                break;
            }
    }
    return step == PE_BROKEN ? BRAINMM_REDIRECT_E_IMAGE : result;
}

/* Writes the originals' replacements, or the other way round. False: some could not be written. */
static bool write_all(const struct pe_image *image, enum entry from, unsigned which, bool *changed) {
    struct pe_position position = {0, 0};
    struct pe_imports imports;
    struct found found;
    bool written = true;
    while (pe_next_imports(image, &position, &imports) == PE_IMPORTS)
        for (size_t slot = 0; slot < imports.count; slot++) {
            if (entry_of(image, &imports, slot, &found) != from || (found.function->does & which) == 0)
                continue;
            uintptr_t to = from == ENTRY_ORIGINAL ? (uintptr_t)found.function->replacement : found.original;
            if (patch_slot(&imports.slots[slot], to))
                *changed = true;
            else
                written = false;
        }
    return written;
}

int imports_redirect(const struct pe_image *image, bool exports_too) {
    bool changed = false;
    int result = imports_judge(image, exports_too);
    if (result != BRAINMM_REDIRECTED || write_all(image, ENTRY_ORIGINAL, GIVES | TAKES, &changed))
        return result;
    imports_restore(image, GIVES | TAKES);
    return BRAINMM_REDIRECT_E_SYSTEM;
}

void imports_redirect_starts(const struct pe_image *image) {
    bool changed = false;
    write_all(image, ENTRY_ORIGINAL, STARTS, &changed); /* if it fails, a child runs without the heap */
}

int imports_restore(const struct pe_image *image, unsigned which) {
    bool changed = false;
    if (!write_all(image, ENTRY_REPLACED, which, &changed))
        return BRAINMM_REDIRECT_E_SYSTEM;
    return changed ? BRAINMM_REDIRECTED : BRAINMM_REDIRECT_NOTHING;
}
