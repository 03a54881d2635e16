/* SPDX-License-Identifier: MIT */
/* libraries.h (Windows): the DLLs whose functions are replaced: the C run-times (run_times.h), and those that start a
 * process (children.h).
 *
 * A library is known from the moment at which it is loaded. Then its functions' addresses are looked up, and the
 * replacements can pass on to them what is not the heap's.
 */
#ifndef BRAINMM_REDIRECT_LIBRARIES_H
#define BRAINMM_REDIRECT_LIBRARIES_H

#include "redirect/pe.h"

/* What a function does with memory. A set of these chooses functions. */
enum {
    GIVES = 1, /* only gives it */
    TAKES = 2, /* takes some back, or looks at what was given */
    STARTS = 4 /* none of both: it starts a process */
};

/* A function of a library. */
struct replaced {
    const char *name; /* in the table of exports */
    void *replacement;
    unsigned does; /* one of the set */
    DWORD offset;  /* of the function, as the table of exports had it; 0: the library does not have it */
    char *stub;    /* a jump to the replacement near the library; NULL: the library reaches the replacement itself */
    DWORD stub_offset; /* of what takes the function's place in the table of exports */
};

struct library {
    const char *file; /* in lower case */
    struct replaced *functions;
    size_t count;
    /* Looks up what the replacements pass on. False: the library lacks it, so it is not what its name says. */
    bool (*find_originals)(const struct library *library);
    bool run_time;
    bool left_alone;       /* its own imports are */
    struct pe_image image; /* base NULL: the library is not loaded */
    bool hooked;           /* somebody else has changed its table of exports, so it counts as not loaded */
    char *stubs;           /* the page of them, or NULL */
    const void *last;      /* where it was when they were made */
};

/* The libraries, from number 0 on. NULL: there are no more. */
struct library *library_number(unsigned number);

/* The one that MODULE is, and the one whose file name DLL is. NULL: none. */
struct library *library_at(const void *module);
struct library *library_named(const char *dll);

/* Whether DLL is a run-time for debugging. */
bool library_is_debug(const char *dll);

/* Whether NAME is a function of run-times that looks into their heap itself, or frees in a way that is not replaced. */
bool library_looks_into_heap(const char *name);

/* Whether NAME is a function of the malloc family. */
bool library_is_family(const char *name);

/* The address of a function itself. */
static inline uintptr_t replaced_address(const struct library *library, const struct replaced *function) {
    return (uintptr_t)library->image.base + function->offset;
}

/* The function that is at ADDRESS, of a library that is loaded. Several names may have one address: NAME is preferred,
 * if it is not NULL. NULL: there is none. */
struct replaced *library_original(uintptr_t address, const char *name);

/* The library whose functions DLL has: it is one, or a name that Windows has for a part of one. NULL: there is none. */
struct library *library_meant(const char *dll);

/* The function NAME of the library, if that is loaded and has it. */
struct replaced *library_function(const struct library *library, const char *name);

/* The function that ADDRESS replaces. *ORIGINAL becomes the address of the function itself. */
struct replaced *library_replaced(uintptr_t address, uintptr_t *original);

/* Notes that IMAGE is LIBRARY. False: it cannot be worked with, and counts as not loaded. */
bool library_open(struct library *library, const struct pe_image *image);

/* Notes that it is being unloaded. */
void library_close(struct library *library);

/* Replaces the functions in the library's table of exports, for whoever is bound to it or asks for an address from now
 * on. library_restore_exports() puts back what was there, for the functions of the set WHICH. False: the system
 * refused, and everything is as before. */
bool library_replace_exports(struct library *library);
bool library_restore_exports(struct library *library, unsigned which);

#endif
