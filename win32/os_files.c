/* SPDX-License-Identifier: MIT */
/* os_files.c (Windows): texts from outside, and files, by kernel32. Its texts have units of 16 bits. Ours are UTF-8. */
#include "os.h"
#include <windows.h>

static WCHAR wide[OS_PATH_MAX + 1]; /* a text on its way from or to the system; a thread's stack may be small */

/* Copies the first LENGTH units of `wide`. What does not fit is SIZE long. */
static size_t narrow(size_t length, char *text, size_t size) {
    int done = length == 0 ? 0 : WideCharToMultiByte(CP_UTF8, 0, wide, (int)length, text, (int)size - 1, NULL, NULL);
    if (length != 0 && done == 0)
        return size;
    text[done] = 0;
    return (size_t)done;
}

bool os_is_privileged(void) { return false; }

size_t os_environment(const char *name, char *text, size_t size) {
    WCHAR wide_name[64];
    DWORD error = GetLastError(); /* changed where there is no such variable */
    size_t at = 0;
    for (; name[at] && at < sizeof wide_name / sizeof *wide_name - 1; at++)
        wide_name[at] = (WCHAR)name[at];
    wide_name[at] = 0;
    size_t length = GetEnvironmentVariableW(wide_name, wide, sizeof wide / sizeof *wide);
    length = length < sizeof wide / sizeof *wide ? narrow(length, text, size) : size;
    SetLastError(error);
    return length;
}

const char *os_program_options(void) {
    DWORD error = GetLastError();
    HMODULE program = GetModuleHandleW(NULL);
    const char *options = program ? (const char *)(uintptr_t)GetProcAddress(program, "brainmm_program_options") : NULL;
    SetLastError(error);
    return options;
}

static bool ends_with_exe(const char *path, size_t length) {
    const char *ending = path + length - 4;
    return length > 4 && ending[0] == '.' && (ending[1] | 32) == 'e' && (ending[2] | 32) == 'x' &&
           (ending[3] | 32) == 'e';
}

size_t os_program_path(char *path, size_t size) {
    DWORD error = GetLastError();
    size_t length = GetModuleFileNameW(NULL, wide, OS_PATH_MAX);
    length = length < OS_PATH_MAX ? narrow(length, path, size) : 0;
    SetLastError(error);
    if (length >= size)
        return 0;
    if (ends_with_exe(path, length))
        length -= 4;
    path[length] = 0;
    return length;
}

size_t os_text_file(const char *path, char *text, size_t size) {
    DWORD error = GetLastError(), done = 0, length = 0;
    HANDLE file = INVALID_HANDLE_VALUE;
    if (MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, OS_PATH_MAX) != 0)
        file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING,
                           FILE_ATTRIBUTE_NORMAL, NULL);
    if (file != INVALID_HANDLE_VALUE) {
        while (length < size && ReadFile(file, text + length, (DWORD)size - length, &done, NULL) && done != 0)
            length += done;
        CloseHandle(file);
    }
    if (length < size)
        text[length] = 0;
    SetLastError(error);
    return length;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

uintptr_t os_process_id(void) { return GetCurrentProcessId(); }

intptr_t os_file_open(const char *path, bool append) {
    DWORD error = GetLastError();
    HANDLE file = INVALID_HANDLE_VALUE;
    if (MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, OS_PATH_MAX) != 0)
        file = CreateFileW(wide, append ? FILE_APPEND_DATA : GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                           append ? OPEN_ALWAYS : CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    SetLastError(error);
    return (intptr_t)file; /* INVALID_HANDLE_VALUE is -1 */
}

bool os_file_write(intptr_t file, const void *bytes, size_t length) {
    DWORD error = GetLastError(), written = 0;
    bool done = WriteFile((HANDLE)file, bytes, (DWORD)length, &written, NULL) && written == length;
    SetLastError(error);
    return done;
}

void os_file_close(intptr_t file) {
    DWORD error = GetLastError();
    CloseHandle((HANDLE)file);
    SetLastError(error);
}
