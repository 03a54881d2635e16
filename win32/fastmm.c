/* SPDX-License-Identifier: MIT */
/* fastmm.c (Windows): publication for modules that share memory the way FastMM does: FastMM 4 and 5 in attaching
 * builds, and Delphi's SimpleShareMem. Off unless the options have the word fastmm.
 *
 * They look for a file mapping "Local\FastMM_PID_%08X" that holds the address of a Delphi TMemoryManagerEx, and check
 * nothing. Slots 14 to 19 of the version-1 table are such a record. Free Pascal modules with FastMM look for the same
 * name and take its content for a record of Free Pascal's. They must not be in such a process, so this is off by
 * default.
 */
#include "fastmm.h"
#include "base/atomic.h"
#include "base/text.h"
#include "share/options.h"
#include <stdbool.h>
#include <windows.h>

/* The handle is not inherited and stays open for the life of the process, whose image is pinned. A name that somebody
 * has already is left to them. */
void fastmm_publish(void *const *memory_manager) {
    char name[32];
    struct text text = TEXT_IN(name);
    if (!option_is_set(OPTION_FASTMM))
        return;
    text_add(&text, "Local\\FastMM_PID_");
    text_add_hex_digits(&text, GetCurrentProcessId(), 8);
    SetLastError(ERROR_SUCCESS);
    HANDLE mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(void *), name);
    bool first = mapping && GetLastError() != ERROR_ALREADY_EXISTS;
    void *const **view = first ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, sizeof(void *)) : NULL;
    if (view) {
        word_store_release(view, memory_manager); /* the table was complete before */
        UnmapViewOfFile(view);
    } else if (mapping) {
        CloseHandle(mapping);
    }
}
