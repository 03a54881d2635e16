/* SPDX-License-Identifier: MIT */
/* workloads.c: `workloads NAME [THREADS [DIVISOR]]` runs one workload, or the DIVISORth part of it. `workloads` alone
 * lists them, one name a line.
 *
 * It prints the seconds of the workload and the process's peak memory in KiB, and before that what the workload reports
 * itself. bench/run.py uses these figures under
 * Wine, whose start takes longer than most workloads. On Linux it measures the whole process from outside.
 */
#if !defined(_WIN32)
#define _GNU_SOURCE
#endif
#include "workload.h"
#include <stdio.h>
#include <stdlib.h>

static size_t divisor = 1;

size_t workload_steps(size_t full) { return full > divisor ? full / divisor : 1; }

void workload_report_seconds(const char *name, double seconds) { printf("%s: %.6f\n", name, seconds); }

void workload_report_kib(const char *name, unsigned long kib) { printf("%s: %lu\n", name, kib); }

void workload_fail(const char *what) {
    fprintf(stderr, "workloads: %s\n", what);
    exit(1);
}

/* What depends on the system: threads, a clock, peak memory. The record of a thread comes from malloc on every system,
 * so that on Windows the measured allocator gets the workload's calls only. */

struct thread_start_record {
    void (*function)(void *);
    void *argument;
};

#if defined(_WIN32)

#include <windows.h>
#define PSAPI_VERSION 2
#include <psapi.h>

struct thread {
    HANDLE handle;
    struct thread_start_record start;
};

static DWORD WINAPI thread_main(void *argument) {
    struct thread_start_record *start = argument;
    start->function(start->argument);
    return 0;
}

thread_handle thread_start_sized(void (*function)(void *), void *argument, size_t stack) {
    struct thread *thread = malloc(sizeof *thread);
    if (!thread) {
        workload_fail("out of memory");
    }
    thread->start = (struct thread_start_record){function, argument};
    thread->handle =
        CreateThread(NULL, stack, thread_main, &thread->start, stack ? STACK_SIZE_PARAM_IS_A_RESERVATION : 0, NULL);
    if (!thread->handle) {
        workload_fail("no thread");
    }
    return thread;
}

void thread_join(thread_handle thread) {
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
    free(thread);
}

void thread_yield(void) { SwitchToThread(); }

void thread_sleep(unsigned milliseconds) { Sleep(milliseconds); }

double seconds_now(void) {
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (double)count.QuadPart / (double)frequency.QuadPart;
}

static PROCESS_MEMORY_COUNTERS memory_counters(void) {
    PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
    GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters);
    return counters;
}

static unsigned long peak_kib(void) { return (unsigned long)(memory_counters().PeakWorkingSetSize / 1024); }

unsigned long resident_kib(void) { return (unsigned long)(memory_counters().WorkingSetSize / 1024); }

#else

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct thread {
    pthread_t id;
    struct thread_start_record start;
};

static void *thread_main(void *argument) {
    struct thread_start_record *start = argument;
    start->function(start->argument);
    return NULL;
}

thread_handle thread_start_sized(void (*function)(void *), void *argument, size_t stack) {
    struct thread *thread = malloc(sizeof *thread);
    if (!thread) {
        workload_fail("out of memory");
    }
    thread->start = (struct thread_start_record){function, argument};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (stack) {
        pthread_attr_setstacksize(&attributes, stack);
    }
    if (pthread_create(&thread->id, &attributes, thread_main, &thread->start) != 0) {
        workload_fail("no thread");
    }
    pthread_attr_destroy(&attributes);
    return thread;
}

void thread_join(thread_handle thread) {
    pthread_join(thread->id, NULL);
    free(thread);
}

void thread_yield(void) { sched_yield(); }

void thread_sleep(unsigned milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static unsigned long peak_kib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (unsigned long)usage.ru_maxrss;
}

/* Read without stdio, whose buffer would come from the measured allocator. */
unsigned long resident_kib(void) {
    char text[128] = "";
    int file = open("/proc/self/statm", O_RDONLY);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    unsigned long total, resident;
    if (length < 0 || sscanf(text, "%lu %lu", &total, &resident) != 2) {
        workload_fail("the system does not tell how much memory is resident");
    }
    close(file);
    return resident * ((unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

#endif

int main(int count, char **arguments) {
    const struct workload *lists[] = {single_thread_workloads, large_workloads, replace_workloads,
                                      sparse_workloads,        idle_workloads,  multi_thread_workloads};
    const char *wanted = count > 1 ? arguments[1] : NULL;
    unsigned threads = count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 2;
    divisor = count > 3 ? strtoul(arguments[3], NULL, 10) : 1;

    if (!threads || !divisor) {
        workload_fail("THREADS and DIVISOR are at least 1");
    }
    for (size_t list = 0; list < sizeof lists / sizeof *lists; list++) {
        for (const struct workload *workload = lists[list]; workload->name; workload++) {
            if (!wanted) {
                puts(workload->name);
            } else if (strcmp(wanted, workload->name) == 0) {
                double start = seconds_now();
                workload->run(threads);
                printf("seconds: %.4f peak_kib: %lu\n", seconds_now() - start, peak_kib());
                return 0;
            }
        }
    }
    if (wanted) {
        workload_fail("there is no workload of this name");
    }
    return 0;
}
