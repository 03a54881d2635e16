/* SPDX-License-Identifier: MIT */
/* process.h: runs this program again as a process of its own. */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

#include "support/outcome.h"

enum { RUN_CRASHED = -1, RUN_HUNG = -2 };

#if defined(_WIN32)
/* Waits until PROCESS ends, and puts its exit code into *CODE. Ends it after SECONDS; the result is then false. */
SUPPORT_INLINE bool process_wait(const PROCESS_INFORMATION *process, unsigned seconds, DWORD *code) {
    bool ended = WaitForSingleObject(process->hProcess, seconds * 1000) == WAIT_OBJECT_0;
    if (!ended)
        TerminateProcess(process->hProcess, 1);
    WaitForSingleObject(process->hProcess, INFINITE);
    CHECK(GetExitCodeProcess(process->hProcess, code));
    CloseHandle(process->hProcess);
    CloseHandle(process->hThread);
    return ended;
}
#endif

/* Runs PROGRAM with one ARGUMENT. Returns its exit code or one of the above. */
SUPPORT_INLINE int64_t run_again(const char *program, const char *argument, unsigned seconds) {
#if defined(_WIN32)
    char command[MAX_PATH + 64];
    STARTUPINFOA startup;
    PROCESS_INFORMATION process;
    DWORD code = 0;
    memset(&startup, 0, sizeof startup);
    startup.cb = sizeof startup;
    snprintf(command, sizeof command, "\"%s\" %s", program, argument);
    CHECK(CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process));
    bool ended = process_wait(&process, seconds, &code);
    /* the exit code of a crashed process is that of the exception, like 0xC0000005 for an access violation */
    return !ended ? RUN_HUNG : code >= 0x80000000u ? RUN_CRASHED : (int64_t)code;
#else
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(seconds); /* stays set after the exec and ends a program that hangs */
        execl(program, program, argument, (char *)NULL);
        _exit(127);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGALRM ? RUN_HUNG : RUN_CRASHED;
    return WEXITSTATUS(status);
#endif
}

#endif
