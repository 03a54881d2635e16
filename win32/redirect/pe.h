/* SPDX-License-Identifier: MIT */
/* pe.h (Windows): reading the image of a loaded module: its imports, also delayed ones, and its exports.
 *
 * A module's own headers say where everything is, and a packer may have broken them. So each address is checked to lie
 * inside the image before it is followed.
 */
#ifndef BRAINMM_REDIRECT_PE_H
#define BRAINMM_REDIRECT_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

struct pe_image {
    char *base;
    size_t size; /* of the image in memory, in bytes */
    IMAGE_NT_HEADERS *headers;
};

/* False if MODULE does not start with the headers of an image. MODULE must be readable. */
bool pe_open(struct pe_image *image, void *module);

/* The address of OFFSET in the image. NULL if not all of the SIZE bytes there lie inside of it. */
void *pe_at(const struct pe_image *image, size_t offset, size_t size);

/* The text at OFFSET. NULL if it does not end inside the image. */
const char *pe_text(const struct pe_image *image, size_t offset);

/* An entry of a table of imports. Some linkers do not align the tables. */
typedef uintptr_t pe_slot __attribute__((aligned(4)));

/* All that a module imports from one DLL. */
struct pe_imports {
    const char *dll;
    volatile pe_slot *slots; /* the addresses of the functions, with a zero behind the last */
    const pe_slot *names;    /* for each slot, what it is called. NULL: the module does not keep that */
    size_t count;            /* of the slots */
    bool bound;              /* a linker has written addresses, which may be those of other versions of the DLL */
    bool delayed;            /* a slot gets its address when it is first called */
};

/* Where a loop over a module's imports is. Zero before the first. */
struct pe_position {
    unsigned table, index;
};

enum pe_step { PE_IMPORTS, PE_END, PE_BROKEN };
enum pe_step pe_next_imports(const struct pe_image *image, struct pe_position *position, struct pe_imports *imports);

/* The name of slot number SLOT. NULL if it is imported by a number, or if the name is not known. */
const char *pe_import_name(const struct pe_image *image, const struct pe_imports *imports, size_t slot);

/* Whether slot number SLOT has not got an address yet. */
bool pe_import_is_unbound(const struct pe_imports *imports, size_t slot);

/* The place in the table of exports that holds the offset of the function NAME. NULL: there is no such export. */
DWORD *pe_export(const struct pe_image *image, const char *name);

/* Whether the export at OFFSET only names a function of another DLL. */
bool pe_is_forwarder(const struct pe_image *image, DWORD offset);

/* Whether DLL names the file FILE, with or without ".dll", in any case. FILE is in lower case and ends with ".dll". */
bool pe_is_file(const char *dll, const char *file);

#endif
