/* SPDX-License-Identifier: MIT */
/* redirect_program.c: a program that redirect_run.sh runs with and without brainmm-run.exe. It prints what it is given,
 * and does what its arguments say:
 *
 *   heap              prints whether its malloc is the heap's
 *   input             prints what it reads
 *   exit=N            ends with that exit code
 *   crash             reads from NULL
 *   shell=COMMAND     runs COMMAND by the command processor, and prints its exit code
 *   narrow=COMMAND, wide=COMMAND      the same by CreateProcessA or CreateProcessW, the latter first suspended
 *   tied=RUNNER       starts itself by RUNNER, ends that by force, and prints whether the program has ended with it
 *   sleep=NAME        takes the mutex NAME, sets the event NAME-ready, and sleeps for a minute
 */
#include "heap_support.h"
#include <direct.h>

static const char *value(const char *argument, const char *name) {
    size_t length = strlen(name);
    return strncmp(argument, name, length) == 0 ? argument + length : NULL;
}

static void print_heap(void) {
    HMODULE library = GetModuleHandleA("brainmm.dll");
    int(__cdecl * contains)(const void *) = NULL;
    void *piece = malloc(10);
    FARPROC found = library ? GetProcAddress(library, "brainmm_contains") : NULL;
    memcpy(&contains, &found, sizeof contains);
    printf("heap: %s\n", contains && contains(piece) ? "yes" : "no");
    free(piece);
}

static void print_input(void) {
    char *line = malloc(100000);
    while (fgets(line, 100000, stdin))
        printf("read: %s", line);
    free(line);
}

static void run_child(const char *command, bool wide) {
    STARTUPINFOA narrow_start = {.cb = sizeof narrow_start};
    STARTUPINFOW wide_start = {.cb = sizeof wide_start};
    PROCESS_INFORMATION process;
    char narrow[1000];
    WCHAR text[1000];
    DWORD code;
    fflush(stdout);
    snprintf(narrow, sizeof narrow, "%s", command);
    MultiByteToWideChar(CP_ACP, 0, command, -1, text, 1000);
    CHECK(wide ? CreateProcessW(NULL, text, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &wide_start, &process)
               : CreateProcessA(NULL, narrow, NULL, NULL, TRUE, 0, NULL, NULL, &narrow_start, &process));
    CHECK(!wide || ResumeThread(process.hThread) == 1); /* how often it was suspended */
    CHECK(process_wait(&process, 60, &code));
    printf("child: %lu\n", code);
}

/* ---- A runner that is ended by force ---------------------------------------------------------------------------- */

static void sleep_with(const char *name) {
    char ready[100];
    snprintf(ready, sizeof ready, "%s-ready", name);
    HANDLE mutex = CreateMutexA(NULL, TRUE, name), set = OpenEventA(EVENT_MODIFY_STATE, FALSE, ready);
    CHECK(mutex && set && SetEvent(set));
    Sleep(60000);
}

/* The mutex is abandoned when its owner ends. */
static void end_runner(const char *runner, const char *program) {
    STARTUPINFOA start = {.cb = sizeof start};
    PROCESS_INFORMATION process;
    char name[50], ready[100], command[3000];
    snprintf(name, sizeof name, "redirect-run-%lu", GetCurrentProcessId());
    snprintf(ready, sizeof ready, "%s-ready", name);
    snprintf(command, sizeof command, "%s \"%s\" sleep=%s", runner, program, name);
    HANDLE running = CreateEventA(NULL, TRUE, FALSE, ready);
    CHECK(running && CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &start, &process));
    CHECK(WaitForSingleObject(running, 30000) == WAIT_OBJECT_0);
    HANDLE mutex = OpenMutexA(SYNCHRONIZE, FALSE, name);
    CHECK(mutex && TerminateProcess(process.hProcess, 1));
    printf("tied: %s\n", WaitForSingleObject(mutex, 30000) == WAIT_ABANDONED ? "yes" : "no");
}

int main(int count, char **arguments) {
    char folder[4096];
    const char *variable = getenv("REDIRECT_VARIABLE"), *text;
    int code = 0;
    printf("%d arguments:", count - 1);
    for (int i = 1; i < count; i++)
        printf(" [%s]", arguments[i]);
    printf("\nfolder: %s\nvariable: %s\n", _getcwd(folder, sizeof folder), variable ? variable : "none");
    fprintf(stderr, "to standard error\n");
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "heap") == 0)
            print_heap();
        else if (strcmp(arguments[i], "input") == 0)
            print_input();
        else if (strcmp(arguments[i], "crash") == 0)
            code = *(volatile char *)NULL;
        else if ((text = value(arguments[i], "exit=")) != NULL)
            code = atoi(text);
        else if ((text = value(arguments[i], "narrow=")) != NULL)
            run_child(text, false);
        else if ((text = value(arguments[i], "wide=")) != NULL)
            run_child(text, true);
        else if ((text = value(arguments[i], "sleep=")) != NULL)
            sleep_with(text);
        else if ((text = value(arguments[i], "tied=")) != NULL)
            end_runner(text, arguments[0]);
        else if ((text = value(arguments[i], "shell=")) != NULL) {
            fflush(stdout);
            code = system(text);
            printf("shell: %d\n", code);
        }
    }
    return code;
}
