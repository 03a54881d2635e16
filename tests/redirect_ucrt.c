/* SPDX-License-Identifier: MIT */
/* redirect_ucrt.c: a program with the Universal C Run-Time, which it imports by the names api-ms-win-crt-*, or from a
 * DLL that only passes them on. It begins
 * without MinGW's start-up code, which is for msvcrt.dll. Its exit code is 0 if what brainmm-run.exe promises holds,
 * the number of a check that does not hold, and 100 if its malloc is not the heap's. */
#include <direct.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

void WINAPI start(void);

static int(__cdecl *contains)(const void *address);

static UINT check(void) {
    wchar_t *folder, *value;
    size_t size;
    char *piece = malloc(100), *copy = _strdup("copy"), *aligned = _aligned_malloc(100, 1024);
    if (!contains || !contains(piece))
        return 100;
    if (contains(copy) || !contains(aligned) || (ULONG_PTR)aligned % 1024 != 0)
        return 1;
    if (_msize(piece) < 100 || _msize(copy) < 5)
        return 2;
    piece = _recalloc(piece, 100, 100);
    copy = realloc(copy, 5000);
    if (!contains(piece) || piece[9999] != 0 || contains(copy) || copy[0] != 'c')
        return 3;
    folder = _wgetcwd(NULL, 0);
    if (!folder || contains(folder) || _wdupenv_s(&value, &size, L"SystemRoot") != 0 || !value)
        return 4;
    free(folder);
    free(value);
    free(piece);
    free(copy);
    _aligned_free(aligned);
    return 0;
}

void WINAPI start(void) {
    HMODULE library = GetModuleHandleA("brainmm.dll");
    FARPROC found = library ? GetProcAddress(library, "brainmm_contains") : NULL;
    contains = (int(__cdecl *)(const void *))(void (*)(void))found;
    ExitProcess(check());
}
