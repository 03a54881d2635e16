/* SPDX-License-Identifier: MIT */
/* fpcmemdll_errors.c: a failed request ends the program with exit code 203 or 204 and a sentence on standard error, as
 * Free Pascal's own manager does. No exception reaches the caller's run-time library, and no function returns NULL. */
#include "heap_support.h"

#if defined(__i386__)
#define PASCAL_CALL __attribute__((regparm(3)))
#else
#define PASCAL_CALL
#endif

enum { SECONDS = 20 };

static const struct {
    const char *name;
    int code;
    const char *text;
} mistakes[] = {
    {"get-negative", 203, "fpcmemdll.dll: Runtime error 203, out of memory\r\n"},
    {"get-huge", 203, "fpcmemdll.dll: Runtime error 203, out of memory\r\n"},
    {"alloc-huge", 203, "fpcmemdll.dll: Runtime error 203, out of memory\r\n"},
    {"realloc-huge", 203, "fpcmemdll.dll: Runtime error 203, out of memory\r\n"},
    {"realloc-nil-huge", 203, "fpcmemdll.dll: Runtime error 203, out of memory\r\n"},
    {"realloc-freed", 204, "fpcmemdll.dll: Runtime error 204, invalid pointer\r\n"},
    {"realloc-foreign-to-0", 204, "fpcmemdll.dll: Runtime error 204, invalid pointer\r\n"},
    {"free-twice", 204, "fpcmemdll.dll: Runtime error 204, invalid pointer\r\n"},
    {"free-size-twice", 204, "fpcmemdll.dll: Runtime error 204, invalid pointer\r\n"},
    {"free-foreign", 204, "fpcmemdll.dll: Runtime error 204, invalid pointer\r\n"},
};
enum { MISTAKES = sizeof mistakes / sizeof *mistakes };

static HMODULE companion;

static FARPROC find(const char *name) {
    FARPROC found = GetProcAddress(companion, name);
    CHECK_MSG(found != NULL, "%s", name);
    return found;
}

/* Makes one mistake. Returns only if the mistake had no consequence. */
static void make(const char *name) {
    companion = LoadLibraryA("fpcmemdll.dll");
    CHECK(companion != NULL);
    void *(PASCAL_CALL * get_mem)(size_t) = (void *(PASCAL_CALL *)(size_t))(void (*)(void))find("SysGetmem");
    void *(PASCAL_CALL * alloc_mem)(size_t) = (void *(PASCAL_CALL *)(size_t))(void (*)(void))find("SysAllocMem");
    size_t(PASCAL_CALL * free_mem)(void *) = (size_t(PASCAL_CALL *)(void *))(void (*)(void))find("SysFreemem");
    size_t(PASCAL_CALL * free_mem_size)(void *, size_t) =
        (size_t(PASCAL_CALL *)(void *, size_t))(void (*)(void))find("SysFreememSize");
    void *(PASCAL_CALL * realloc_mem)(void **, size_t) =
        (void *(PASCAL_CALL *)(void **, size_t))(void (*)(void))find("SysReAllocMem");
    void *piece = get_mem(100), *freed = get_mem(100), *nil = NULL, *foreign = &piece;
    free_mem(freed);
    if (!strcmp(name, "get-negative"))
        get_mem((size_t)-1);
    else if (!strcmp(name, "get-huge"))
        get_mem(SIZE_MAX / 2);
    else if (!strcmp(name, "alloc-huge"))
        alloc_mem(SIZE_MAX / 2);
    else if (!strcmp(name, "realloc-huge"))
        realloc_mem(&piece, SIZE_MAX / 2);
    else if (!strcmp(name, "realloc-nil-huge"))
        realloc_mem(&nil, SIZE_MAX / 2);
    else if (!strcmp(name, "realloc-freed"))
        realloc_mem(&freed, 10);
    else if (!strcmp(name, "realloc-foreign-to-0"))
        realloc_mem(&foreign, 0);
    else if (!strcmp(name, "free-twice"))
        free_mem(freed);
    else if (!strcmp(name, "free-size-twice"))
        free_mem_size(freed, 100);
    else if (!strcmp(name, "free-foreign"))
        free_mem(foreign);
}

/* Runs this program again and copies what it writes to standard error to TEXT. Returns the exit code. */
static int64_t make_in_child(const char *program, const char *mistake, char *text, size_t size) {
    HANDLE reader, writer, previous = GetStdHandle(STD_ERROR_HANDLE);
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    STARTUPINFOA startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    char command[MAX_PATH + 64];
    DWORD code, length = 0, got;
    CHECK(CreatePipe(&reader, &writer, &inherited, 0));
    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = writer;
    snprintf(command, sizeof command, "\"%s\" %s", program, mistake);
    CHECK(CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process));
    CloseHandle(writer);
    while (length < size - 1 && ReadFile(reader, text + length, (DWORD)size - 1 - length, &got, NULL) && got > 0)
        length += got;
    text[length] = 0;
    CloseHandle(reader);
    bool ended = process_wait(&process, SECONDS, &code);
    SetStdHandle(STD_ERROR_HANDLE, previous);
    return ended ? (int64_t)code : -1;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        make(argv[1]);
        return TEST_PASSED;
    }
    char text[1000];
    CHECK_MSG(make_in_child(argv[0], "none", text, sizeof text) == TEST_PASSED, "%s", text);
    for (unsigned i = 0; i < MISTAKES; i++) {
        int64_t code = make_in_child(argv[0], mistakes[i].name, text, sizeof text);
        CHECK_MSG(code == mistakes[i].code, "%s: exit code %" PRId64 ": %s", mistakes[i].name, code, text);
        CHECK_MSG(strcmp(text, mistakes[i].text) == 0, "%s: %s", mistakes[i].name, text);
    }
    return TEST_PASSED;
}
