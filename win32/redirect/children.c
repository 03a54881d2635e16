/* SPDX-License-Identifier: MIT */
#include "redirect/children.h"
#include "companions/companion.h"
#include "redirect/process.h"

unsigned child_library_count;
static char dll[PROCESS_PATH_MAX];
static uint32_t child_wishes;

typedef BOOL(WINAPI *create_wide)(const WCHAR *program, WCHAR *command, SECURITY_ATTRIBUTES *process,
                                  SECURITY_ATTRIBUTES *thread, BOOL inherit, DWORD flags, void *environment,
                                  const WCHAR *folder, STARTUPINFOW *start, PROCESS_INFORMATION *created);
typedef BOOL(WINAPI *create_narrow)(const char *program, char *command, SECURITY_ATTRIBUTES *process,
                                    SECURITY_ATTRIBUTES *thread, BOOL inherit, DWORD flags, void *environment,
                                    const char *folder, STARTUPINFOA *start, PROCESS_INFORMATION *created);

/* A library's own functions. */
struct originals {
    create_wide wide;
    create_narrow narrow;
};

/* A child that cannot have the heap runs without it. */
static BOOL created_suspended(BOOL done, DWORD flags, const PROCESS_INFORMATION *created) {
    DWORD error = GetLastError();
    const char *reason = done ? process_inject(created->hProcess, dll, child_wishes, 0) : NULL;
    if (reason)
        companion_print("a child process runs without the heap, because ", reason);
    if (done && (flags & CREATE_SUSPENDED) == 0)
        ResumeThread(created->hThread);
    SetLastError(error);
    return done;
}

static bool find(struct originals *originals, const struct library *library) {
    for (size_t i = 0; i < library->count; i++)
        if (library->functions[i].offset == 0)
            return false;
    originals->wide = (create_wide)replaced_address(library, &library->functions[0]);
    originals->narrow = (create_narrow)replaced_address(library, &library->functions[1]);
    return true;
}

/* kernel32's functions call kernelbase's, where there is such a DLL. Its own imports are left alone, so no process is
 * treated twice. */
#define LIBRARY(id)                                                                                                    \
    static struct originals id##_originals;                                                                            \
    static bool id##_find(const struct library *library) { return find(&id##_originals, library); }                    \
    static BOOL WINAPI id##_wide(const WCHAR *program, WCHAR *command, SECURITY_ATTRIBUTES *process,                   \
                                 SECURITY_ATTRIBUTES *thread, BOOL inherit, DWORD flags, void *environment,            \
                                 const WCHAR *folder, STARTUPINFOW *start, PROCESS_INFORMATION *created) {             \
        return created_suspended(id##_originals.wide(program, command, process, thread, inherit,                       \
                                                     flags | CREATE_SUSPENDED, environment, folder, start, created),   \
                                 flags, created);                                                                      \
    }                                                                                                                  \
    static BOOL WINAPI id##_narrow(const char *program, char *command, SECURITY_ATTRIBUTES *process,                   \
                                   SECURITY_ATTRIBUTES *thread, BOOL inherit, DWORD flags, void *environment,          \
                                   const char *folder, STARTUPINFOA *start, PROCESS_INFORMATION *created) {            \
        return created_suspended(id##_originals.narrow(program, command, process, thread, inherit,                     \
                                                       flags | CREATE_SUSPENDED, environment, folder, start, created), \
                                 flags, created);                                                                      \
    }                                                                                                                  \
    static struct replaced id##_replaced[] = {                                                                         \
        {.name = "CreateProcessW", .replacement = (void *)id##_wide, .does = STARTS},                                  \
        {.name = "CreateProcessA", .replacement = (void *)id##_narrow, .does = STARTS},                                \
    };
LIBRARY(kernelbase)
LIBRARY(kernel32)

#define ROW(id)                                                                                                        \
    { .file = #id ".dll", .functions = id##_replaced, .count = 2, .find_originals = id##_find, .left_alone = true }
struct library child_libraries[] = {ROW(kernelbase), ROW(kernel32)};

void children_start(uint32_t wishes) {
    child_wishes = wishes;
    if (process_path_beside(&child_wishes, L"brainmm-malloc.dll", dll))
        child_library_count = sizeof child_libraries / sizeof *child_libraries;
    else
        companion_print("child processes run without the heap, because the path of brainmm-malloc.dll is not in ASCII",
                        "");
}
