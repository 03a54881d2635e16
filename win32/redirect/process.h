/* SPDX-License-Identifier: MIT */
/* process.h (Windows): how brainmm-malloc.dll gets into a process before any code of the program's DLLs runs.
 *
 * The process has been created suspended: the program's image is there, and nothing is loaded yet. The image gets a
 * longer table of imports, whose first entry is brainmm-malloc.dll. It lies in a block of memory behind the image, and
 * the image's headers tell where. So the loader loads and starts that DLL before the other imports. The DLL puts the
 * headers back (started.h), and finds in the block what it shall do.
 *
 * This file is for the runner and for brainmm-malloc.dll, which does it to child processes.
 */
#ifndef BRAINMM_REDIRECT_PROCESS_H
#define BRAINMM_REDIRECT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

/* What is wished, in process_note.wishes. */
enum {
    WISH_ANYWAY = 1,   /* the program runs even if none of its own modules can be redirected */
    WISH_CHILDREN = 2, /* the same for all processes that it starts */
    WISH_REPORT = 4    /* at the end of the process, a line for each module goes to standard error */
};

#define PROCESS_NOTE_MAGIC "BrainMM-process1" /* 16 bytes, without a terminating zero */
enum { PROCESS_PATH_MAX = 512 };              /* the longest path of the DLL, with its zero */

/* The beginning of the block. The descriptors follow. */
struct process_note {
    char magic[16];
    uint32_t wishes;
    IMAGE_DATA_DIRECTORY imports, bound, addresses; /* what the image's headers had */
    uint64_t started;                               /* an event of the process that the DLL sets; 0: none */
    uintptr_t names[2], slots[2];                   /* what is imported from the DLL */
    struct {
        uint16_t hint;
        char name[30];
    } function;
    char dll[PROCESS_PATH_MAX];
};

/* The path of the file NAME beside the module that ADDRESS lies in, as a table of imports can have it: in ASCII, if
 * need be with short names. False: there is none. */
bool process_path_beside(const void *address, const WCHAR *name, char path[PROCESS_PATH_MAX]);

/* Gives the suspended PROCESS the import of DLL, an absolute path. STARTED: a handle of that process, or 0. NULL: done.
 * Otherwise a sentence that says why not; then the process is as it was. */
const char *process_inject(HANDLE process, const char *dll, uint32_t wishes, uint64_t started);

#endif
