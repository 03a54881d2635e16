/* fastmm.c (Windows): publication for modules that share memory the way FastMM does: FastMM 4 and 5 in attaching builds,
 * and Delphi's SimpleShareMem. Off unless the environment variable BRAINMM_OPTIONS has the word fastmm.
 *
 * What they look for is a file mapping "Local\FastMM_PID_%08X" that holds the address of a Delphi TMemoryManagerEx. They
 * check nothing, so whoever publishes that must be sure of it: slots 14 to 19 of the version-1 table are such a record.
 * Free Pascal modules with FastMM look for the same name and take its content for a record of Free Pascal's; they must
 * not be in such a process, which is why this is off by default.
 */
#include "fastmm.h"
#include "options.h"
#include <stdbool.h>
#include <windows.h>

/* The handle is not inherited and stays open for the life of the process, whose image is pinned. If somebody has that
 * name already, it is his. */
void fastmm_publish(void *const *memory_manager) {
    char name[] = "Local\\FastMM_PID_00000000";
    DWORD process = GetCurrentProcessId();
    if (!option_is_set(OPTION_FASTMM))
        return;
    for (char *digit = name + sizeof name - 2; process > 0; digit--, process >>= 4)
        *digit = "0123456789ABCDEF"[process & 15];
    SetLastError(ERROR_SUCCESS);
    HANDLE mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(void *), name);
    bool first = mapping && GetLastError() != ERROR_ALREADY_EXISTS;
    void *const **view = first ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, sizeof(void *)) : NULL;
    if (view) {
        __atomic_store_n(view, memory_manager, __ATOMIC_RELEASE); /* the table was complete before */
        UnmapViewOfFile(view);
    } else if (mapping) {
        CloseHandle(mapping);
    }
}
