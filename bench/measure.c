/* SPDX-License-Identifier: MIT */
/* measure.c: `measure FD LIBRARY WARM COMMAND...` runs a command and writes one line to the open file FD:
 *
 *     wall-seconds user-seconds system-seconds peak-KiB minor-faults exit-code
 *
 * LIBRARY is preloaded into the command; "-" means none. Before that, WARM MiB of memory are used and given back. The
 * host of a virtual machine may take back memory that its guest has not used for a while. Then the first use of a page
 * costs ten times the second, and the result would depend on the order of the allocators.
 *
 * This is a program of its own because the kernel adds the parent's memory at the fork to the child's peak. The memory
 * of a Python interpreter would hide that of every small program.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void warm(size_t bytes) {
    pid_t child = bytes ? fork() : 0;
    if (child == 0 && bytes) {
        char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            _exit(1);
        }
        madvise(memory, bytes, MADV_HUGEPAGE);
        for (size_t at = 0; at < bytes; at += 4096) {
            memory[at] = 1;
        }
        _exit(0);
    }
    int status;
    if (bytes && (child < 0 || waitpid(child, &status, 0) != child || status != 0)) {
        fputs("measure: memory could not be warmed\n", stderr);
        exit(1);
    }
}

static double seconds_of(struct timeval time) { return (double)time.tv_sec + 1e-6 * (double)time.tv_usec; }

int main(int count, char **arguments) {
    if (count < 5) {
        fputs("usage: measure FD LIBRARY|- WARM-MIB COMMAND...\n", stderr);
        return 2;
    }
    int report = atoi(arguments[1]);
    struct timespec start, end;
    warm(strtoul(arguments[3], NULL, 10) << 20);
    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t child = fork();
    if (child == 0) {
        close(report);
        if (strcmp(arguments[2], "-") != 0) {
            setenv("LD_PRELOAD", arguments[2], 1);
        }
        execv(arguments[4], arguments + 4);
        perror(arguments[4]);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("measure");
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double wall = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    dprintf(report, "%.6f %.6f %.6f %ld %ld %d\n", wall, seconds_of(usage.ru_utime), seconds_of(usage.ru_stime),
            usage.ru_maxrss, usage.ru_minflt, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
