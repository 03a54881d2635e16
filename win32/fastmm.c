/* SPDX-License-Identifier: MIT */
/* fastmm.c (Windows): publication for modules that share memory the way FastMM does: FastMM 4 and 5 in attaching
 * builds, and Delphi's SimpleShareMem. It is done if the options have the word fastmm, or if a module asks for it.
 *
 * They look for a file mapping "Local\FastMM_PID_%08X" that holds the address of a Delphi TMemoryManagerEx, and check
 * nothing. Slots 14 to 19 of the version-1 table are such a record. Free Pascal modules with FastMM look for the same
 * name and take its content for a record of Free Pascal's. They must not be in such a process, so nobody gets this
 * unasked.
 */
#include "fastmm.h"
#include "base/atomic.h"
#include "base/text.h"
#include "brainmm.h"
#include "os.h"
#include <stdbool.h>
#include <windows.h>

#define LOOKS 50u /* at a name that another thread may be about to fill in, of 1 ms and more each */

/* What the mapping holds that has the name; NULL if that cannot be told. The view is readable as a whole. */
static void *content_of(HANDLE mapping) {
    void *const *view = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, sizeof(void *));
    void *content = view ? word_load_acquire(view) : NULL; /* with the release below */
    if (view)
        UnmapViewOfFile(view);
    return content;
}

/* The name was there. It is ours if another call has published. */
static int compare(HANDLE mapping, void *const *memory_manager) {
    void *content = content_of(mapping);
    for (unsigned i = 0; !content && i < LOOKS; i++) {
        os_sleep();
        content = content_of(mapping);
    }
    return content == (const void *)memory_manager ? BRAINMM_OK : BRAINMM_E_TAKEN;
}

/* The table was complete before. */
static int fill(HANDLE mapping, void *const *memory_manager) {
    void *const **view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, sizeof(void *));
    if (!view)
        return BRAINMM_E_REFUSED;
    word_store_release(view, memory_manager);
    UnmapViewOfFile(view);
    return BRAINMM_OK;
}

/* The handle of the first is not inherited and stays open for the life of the process, whose image is pinned. A name
 * that somebody else has is left to them, whatever kind of object has it. */
int fastmm_publish(void *const *memory_manager) {
    char name[32];
    struct text text = TEXT_IN(name);
    text_add(&text, "Local\\FastMM_PID_");
    text_add_hex_digits(&text, GetCurrentProcessId(), 8);
    SetLastError(ERROR_SUCCESS);
    HANDLE mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(void *), name);
    DWORD error = GetLastError();
    if (!mapping)
        return error == ERROR_INVALID_HANDLE || error == ERROR_ACCESS_DENIED ? BRAINMM_E_TAKEN : BRAINMM_E_REFUSED;
    bool first = error != ERROR_ALREADY_EXISTS;
    int result = first ? fill(mapping, memory_manager) : compare(mapping, memory_manager);
    if (!first || result != BRAINMM_OK)
        CloseHandle(mapping);
    return result;
}
