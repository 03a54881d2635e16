/* SPDX-License-Identifier: MIT */
/* run.c (Windows): brainmm-run.exe runs a program that knows nothing of BrainMM with the process's heap as its malloc.
 * docs/windows-programs.md is its manual. It has no C run-time.
 *
 * The program is created suspended, gets brainmm-malloc.dll as its first import (redirect/process.h), and runs on. The
 * command line behind the runner's own words is passed on as it stands, and so are the standard handles, the folder and
 * the environment. Exit codes of its own are those of `env`.
 */
#include "redirect/process.h"
#include <stddef.h>

/* The processor of the programs that this one can run. */
#if defined(__x86_64__)
#define MACHINE IMAGE_FILE_MACHINE_AMD64
#elif defined(__i386__)
#define MACHINE IMAGE_FILE_MACHINE_I386
#else
#define MACHINE IMAGE_FILE_MACHINE_ARM64
#endif

enum { EXIT_OURS = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127, PATH_MAX_LENGTH = 32768 };

void WINAPI __attribute__((noreturn)) run_entry(void);

/* ---- Words to the user ------------------------------------------------------------------------------------------ */

static void print(const WCHAR *text) {
    HANDLE error = GetStdHandle(STD_ERROR_HANDLE);
    DWORD written, mode;
    char narrow[1024];
    int length = lstrlenW(text);
    if (GetConsoleMode(error, &mode)) {
        WriteConsoleW(error, text, (DWORD)length, &written, NULL);
        return;
    }
    for (int done; length > 0; text += done, length -= done) { /* at most three bytes for each */
        done = length < 300 ? length : 300;
        int bytes = WideCharToMultiByte(CP_UTF8, 0, text, done, narrow, sizeof narrow, NULL, NULL);
        WriteFile(error, narrow, (DWORD)bytes, &written, NULL);
    }
}

static void print_narrow(const char *text) {
    WCHAR wide[256];
    if (MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, sizeof wide / sizeof *wide))
        print(wide);
}

static void __attribute__((noreturn)) fail(int code, const WCHAR *program, const WCHAR *sentence) {
    print(L"brainmm-run: ");
    if (program) {
        print(program);
        print(L": ");
    }
    print(sentence);
    print(L"\n");
    ExitProcess((UINT)code);
}

/* Of errors that have no sentence here, the system's. */
static void __attribute__((noreturn)) fail_system(int code, const WCHAR *program, DWORD error) {
    WCHAR text[512];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, error, 0, text,
                                  sizeof text / sizeof *text, NULL);
    while (length > 0 && text[length - 1] <= L' ')
        length--;
    text[length] = 0;
    fail(code, program, length > 0 ? text : L"the system refuses to run it, and gives no reason");
}

static void __attribute__((noreturn)) usage(void) {
    print(L"usage: brainmm-run [--anyway] [--children] [--report] PROGRAM [ARGUMENT...]\n"
          L"Runs PROGRAM with BrainMM as its malloc.\n"
          L"  --anyway    also if no module of the program's own can use it\n"
          L"  --children  also in the processes that it starts\n"
          L"  --report    tells at the end which modules used it\n"
          L"Exit code: PROGRAM's. 125: brainmm-run fails. 126: PROGRAM cannot be run. 127: it is not found.\n");
    ExitProcess(EXIT_OURS);
}

/* ---- The command line ------------------------------------------------------------------------------------------- */

static bool is_blank(WCHAR c) { return c == L' ' || c == L'\t'; }

static const WCHAR *skip_blanks(const WCHAR *text) {
    while (is_blank(*text))
        text++;
    return text;
}

/* Behind the name of a program, which has no quotes inside. */
static const WCHAR *skip_name(const WCHAR *text) {
    if (*text == L'"') {
        do
            text++;
        while (*text && *text != L'"');
        return *text ? text + 1 : text;
    }
    while (*text && !is_blank(*text))
        text++;
    return text;
}

static bool is_word(const WCHAR *text, const WCHAR *word) {
    while (*word && *text == *word)
        text++, word++;
    return !*word && (!*text || is_blank(*text));
}

/* The runner's own words, up to the first that is no option. */
static const WCHAR *parse(const WCHAR *line, uint32_t *wishes) {
    line = skip_blanks(skip_name(line));
    for (; line[0] == L'-'; line = skip_blanks(skip_name(line))) {
        if (is_word(line, L"--anyway"))
            *wishes |= WISH_ANYWAY;
        else if (is_word(line, L"--children"))
            *wishes |= WISH_CHILDREN;
        else if (is_word(line, L"--report"))
            *wishes |= WISH_REPORT;
        else if (is_word(line, L"--"))
            return skip_blanks(skip_name(line));
        else
            usage();
    }
    return line;
}

/* ---- The program's file ----------------------------------------------------------------------------------------- */

static WCHAR name[PATH_MAX_LENGTH], path[PATH_MAX_LENGTH];

/* As the system looks for programs. LINE begins with the name. */
static void find_program(const WCHAR *line) {
    const WCHAR *end = skip_name(line);
    size_t length = (size_t)(end - line);
    if (*line == L'"') {
        line++;
        length -= length > 1 && end[-1] == L'"' ? 2 : 1;
    }
    if (length >= PATH_MAX_LENGTH)
        fail(EXIT_NOT_FOUND, NULL, L"the name of the program is too long");
    for (size_t i = 0; i < length; i++)
        name[i] = line[i];
    DWORD found = SearchPathW(NULL, name, L".exe", PATH_MAX_LENGTH, path, NULL);
    if (found == 0 || found >= PATH_MAX_LENGTH) {
        DWORD attributes = GetFileAttributesW(name);
        if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY))
            fail(EXIT_CANNOT_RUN, name, L"is a folder");
        fail(EXIT_NOT_FOUND, name, L"there is no such program");
    }
    if (GetFileAttributesW(path) & FILE_ATTRIBUTE_DIRECTORY)
        fail(EXIT_CANNOT_RUN, path, L"is a folder");
}

static bool ends_with(const WCHAR *text, const WCHAR *end) {
    int length = lstrlenW(text), end_length = lstrlenW(end);
    return length >= end_length && lstrcmpiW(text + length - end_length, end) == 0;
}

/* What the file is, so that the sentence says more than the system's. */
static void check_program(void) {
    union {
        IMAGE_DOS_HEADER dos;
        char bytes[4096];
    } start;
    IMAGE_NT_HEADERS headers; /* only what is alike for 32 and 64 bit is read */
    DWORD size = 0;
    if (ends_with(path, L".bat") || ends_with(path, L".cmd"))
        fail(EXIT_CANNOT_RUN, path, L"is a batch file; run it by: brainmm-run --children cmd /c ...");
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        fail_system(EXIT_CANNOT_RUN, path, GetLastError());
    BOOL done = ReadFile(file, &start, sizeof start, &size, NULL);
    if (!done || size < sizeof start.dos || start.dos.e_magic != IMAGE_DOS_SIGNATURE)
        fail(EXIT_CANNOT_RUN, path, L"is no program for Windows");
    done = SetFilePointer(file, start.dos.e_lfanew, NULL, FILE_BEGIN) == (DWORD)start.dos.e_lfanew &&
           ReadFile(file, &headers, sizeof headers, &size, NULL);
    CloseHandle(file);
    if (!done || size < offsetof(IMAGE_NT_HEADERS, OptionalHeader) || headers.Signature != IMAGE_NT_SIGNATURE)
        fail(EXIT_CANNOT_RUN, path, L"is a program for DOS or for 16-bit Windows");
    if (headers.FileHeader.Characteristics & IMAGE_FILE_DLL)
        fail(EXIT_CANNOT_RUN, path, L"is a DLL");
    WORD machine = headers.FileHeader.Machine;
    if (machine == MACHINE)
        return;
    fail(EXIT_CANNOT_RUN, path,
         machine == IMAGE_FILE_MACHINE_I386 ? L"is a 32-bit program; run it with the 32-bit brainmm-run.exe"
         : machine == IMAGE_FILE_MACHINE_AMD64 && MACHINE == IMAGE_FILE_MACHINE_I386
             ? L"is a 64-bit program; run it with the 64-bit brainmm-run.exe"
             : L"is a program for another processor");
}

/* ---- The process ------------------------------------------------------------------------------------------------ */

/* The program hears Ctrl+C itself, and decides. */
static BOOL WINAPI console_event(DWORD event) {
    (void)event;
    return TRUE;
}

/* If the runner is ended by force, so is the program; its own children are not. */
static void tie(HANDLE process) {
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    HANDLE job = CreateJobObjectW(NULL, NULL);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    if (job && SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits))
        AssignProcessToJobObject(job, process); /* on Windows 7, not if the runner is in a job itself */
}

static int run(WCHAR *line, uint32_t wishes) {
    STARTUPINFOW start;
    PROCESS_INFORMATION process;
    char dll[PROCESS_PATH_MAX];
    HANDLE theirs = NULL;
    DWORD code = EXIT_OURS;
    if (!process_path_beside((const void *)run_entry, L"brainmm-malloc.dll", dll))
        fail(EXIT_OURS, NULL, L"the path of brainmm-malloc.dll has other letters than those of ASCII, or is too long");
    if (GetFileAttributesA(dll) == INVALID_FILE_ATTRIBUTES)
        fail(EXIT_OURS, NULL, L"brainmm-malloc.dll is not beside brainmm-run.exe");
    HANDLE started = CreateEventW(NULL, TRUE, FALSE, NULL);
    GetStartupInfoW(&start);
    if (!CreateProcessW(path, line, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &start, &process))
        fail_system(EXIT_CANNOT_RUN, path, GetLastError());
    tie(process.hProcess);
    bool shared = started && DuplicateHandle(GetCurrentProcess(), started, process.hProcess, &theirs,
                                             EVENT_MODIFY_STATE, FALSE, 0);
    const char *reason =
        shared ? process_inject(process.hProcess, dll, wishes, (uintptr_t)theirs) : "the system gives no event";
    if (reason) {
        TerminateProcess(process.hProcess, EXIT_OURS);
        print(L"brainmm-run: ");
        print(path);
        print(L" does not run, because ");
        print_narrow(reason);
        print(L"\n");
        return EXIT_OURS;
    }
    SetConsoleCtrlHandler(console_event, TRUE);
    ResumeThread(process.hThread);
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    if (WaitForSingleObject(started, 0) != WAIT_OBJECT_0) {
        print(L"brainmm-run: ");
        print(path);
        print(L" ended before brainmm-malloc.dll was loaded into it\n");
        return EXIT_OURS;
    }
    return (int)code;
}

void WINAPI run_entry(void) {
    uint32_t wishes = 0;
    const WCHAR *line = parse(GetCommandLineW(), &wishes);
    if (!*line)
        usage();
    find_program(line);
    check_program();
    ExitProcess((UINT)run((WCHAR *)(uintptr_t)line, wishes));
}
