/* heap_support.h: what the heap's test programs share: a check that ends the program, threads, time, memory figures, random
 * numbers and contents that give away a byte copied from or to the wrong place.
 *
 * Header only, so that each test is one source file. A program exits with 0 when everything held, 1 when something did
 * not (the line says what), 77 when the machine cannot run the test (the line says why). Tests in which other threads
 * check something use CHECK; Check's own assertions jump, which only the main thread may do.
 */
#ifndef TESTS_HEAP_SUPPORT_H
#define TESTS_HEAP_SUPPORT_H

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
/* windows.h first: psapi.h needs its types */
#include <psapi.h>
#else
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUPPORT_INLINE static inline __attribute__((unused))

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

enum { TEST_PASSED = 0, TEST_FAILED = 1, TEST_SKIPPED = 77 };

/* Ends the process when COND does not hold, without running exit handlers: other threads may be in the heap. */
#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);                                  \
            test_end(TEST_FAILED);                                                                                     \
        }                                                                                                              \
    } while (0)

/* The same with a printf text about the values at hand. */
#define CHECK_MSG(cond, ...)                                                                                           \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: does not hold: %s: ", __FILE__, __LINE__, #cond);                                  \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fprintf(stderr, "\n");                                                                                     \
            test_end(TEST_FAILED);                                                                                     \
        }                                                                                                              \
    } while (0)

_Noreturn SUPPORT_INLINE void test_end(int status) {
    fflush(stdout);
    fflush(stderr);
#if defined(_WIN32)
    TerminateProcess(GetCurrentProcess(), (UINT)status);
    abort(); /* not reached; the declaration of TerminateProcess does not say so */
#else
    _exit(status);
#endif
}

_Noreturn SUPPORT_INLINE void test_skip(const char *why) {
    printf("skipped: %s\n", why);
    test_end(TEST_SKIPPED);
}

/* True when the program runs under valgrind, whose slowness some loops must respect. Asks no client request, so that
 * the tests need no valgrind headers: valgrind preloads a library of its own. */
SUPPORT_INLINE bool under_valgrind(void) {
#if defined(_WIN32)
    return false;
#else
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload") != NULL;
#endif
}

/* True in builds whose instrumentation changes memory figures and times. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

/* ---- Time ------------------------------------------------------------------------------------------------------- */

SUPPORT_INLINE uint64_t now_ms(void) {
#if defined(_WIN32)
    return GetTickCount64();
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
#endif
}

SUPPORT_INLINE void sleep_ms(unsigned ms) {
#if defined(_WIN32)
    Sleep(ms);
#else
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
#endif
}

SUPPORT_INLINE void thread_yield(void) {
#if defined(_WIN32)
    Sleep(0);
#else
    sched_yield();
#endif
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

typedef struct thread {
    void (*run)(void *argument);
    void *argument;
#if defined(_WIN32)
    HANDLE handle;
#else
    pthread_t handle;
#endif
} thread;

#if defined(_WIN32)
SUPPORT_INLINE DWORD WINAPI thread_entry(void *self) {
    thread *t = self;
    t->run(t->argument);
    return 0;
}
#else
SUPPORT_INLINE void *thread_entry(void *self) {
    thread *t = self;
    t->run(t->argument);
    return NULL;
}
#endif

/* T must stay where it is until the thread has been joined. */
SUPPORT_INLINE void thread_start(thread *t, void (*run)(void *), void *argument) {
    t->run = run;
    t->argument = argument;
#if defined(_WIN32)
    t->handle = CreateThread(NULL, 256 * 1024, thread_entry, t, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    CHECK(t->handle != NULL);
#else
    int error = pthread_create(&t->handle, NULL, thread_entry, t);
    CHECK_MSG(error == 0, "pthread_create: %s", strerror(error));
#endif
}

SUPPORT_INLINE void thread_join(thread *t) {
#if defined(_WIN32)
    CHECK(WaitForSingleObject(t->handle, INFINITE) == WAIT_OBJECT_0);
    CloseHandle(t->handle);
#else
    CHECK(pthread_join(t->handle, NULL) == 0);
#endif
}

/* The id that brainmm_options.thread_id is documented to hold: the system's. */
SUPPORT_INLINE uintptr_t current_thread_id(void) {
#if defined(_WIN32)
    return GetCurrentThreadId();
#else
    return (uintptr_t)syscall(SYS_gettid);
#endif
}

/* A one-way signal between threads. Spins with yields: the waits are short, and a condition variable would bring the
 * C library's allocator into programs that measure memory. */
typedef struct event {
    int raised;
} event;

SUPPORT_INLINE void event_raise(event *e) {
    __atomic_store_n(&e->raised, 1, __ATOMIC_RELEASE); /* pairs with event_is_raised */
}

SUPPORT_INLINE bool event_is_raised(const event *e) { return __atomic_load_n(&e->raised, __ATOMIC_ACQUIRE) != 0; }

/* False when E was not raised within MS. */
SUPPORT_INLINE bool event_wait(const event *e, uint64_t ms) {
    uint64_t end = now_ms() + ms;
    while (!event_is_raised(e)) {
        if (now_ms() > end)
            return false;
        sleep_ms(1);
    }
    return true;
}

/* Ends the whole process with a message when the test takes longer than SECONDS: a hang is a result, too. */
SUPPORT_INLINE void watchdog_run(void *seconds) {
    sleep_ms((unsigned)(uintptr_t)seconds * 1000);
    fprintf(stderr, "the test did not end within %u seconds\n", (unsigned)(uintptr_t)seconds);
    test_end(TEST_FAILED);
}

SUPPORT_INLINE void watchdog_start(unsigned seconds) {
    static thread dog;
    thread_start(&dog, watchdog_run, (void *)(uintptr_t)seconds);
}

/* ---- Processes -------------------------------------------------------------------------------------------------- */

enum { RUN_CRASHED = -1, RUN_HUNG = -2 };

/* Runs this program once more with one ARGUMENT; returns its exit code, or one of the above. */
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
    bool ended = WaitForSingleObject(process.hProcess, seconds * 1000) == WAIT_OBJECT_0;
    if (!ended)
        TerminateProcess(process.hProcess, 1);
    CHECK(GetExitCodeProcess(process.hProcess, &code));
    CloseHandle(process.hProcess);
    CloseHandle(process.hThread);
    /* exception codes, like 0xC0000005 for an access violation, are what crashed processes end with */
    return !ended ? RUN_HUNG : code >= 0x80000000u ? RUN_CRASHED : (int64_t)code;
#else
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(seconds); /* outlives the exec; ends what hangs */
        execl(program, program, argument, (char *)NULL);
        _exit(127);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGALRM ? RUN_HUNG : RUN_CRASHED;
    return WEXITSTATUS(status);
#endif
}

/* ---- Memory figures --------------------------------------------------------------------------------------------- */

/* Bytes of this process in physical memory. On Linux from a walk of the page tables (smaps_rollup): the counters behind
 * statm lag by some hundred pages. */
SUPPORT_INLINE size_t resident_bytes_once(void) {
#if defined(_WIN32)
    PROCESS_MEMORY_COUNTERS counters;
    memset(&counters, 0, sizeof counters);
    counters.cb = sizeof counters;
    CHECK(K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters));
    return counters.WorkingSetSize;
#else
    char line[256];
    unsigned long long kib = 0;
    bool found = false;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    CHECK(file != NULL);
    while (!found && fgets(line, sizeof line, file))
        found = sscanf(line, "Rss: %llu kB", &kib) == 1;
    fclose(file);
    CHECK(found);
    return (size_t)kib * KIB;
#endif
}

/* The same; the first call is made twice, so that the code and buffers it brings in are not taken for growth. */
SUPPORT_INLINE size_t resident_bytes(void) {
    static bool warm;
    if (!warm)
        resident_bytes_once();
    warm = true;
    return resident_bytes_once();
}

/* How much resident memory grew since BEFORE; 0 when it shrank. */
SUPPORT_INLINE size_t resident_growth(size_t before) {
    size_t now = resident_bytes();
    return now > before ? now - before : 0;
}

/* Whether the system lets code at ADDRESS run. */
SUPPORT_INLINE bool is_executable(const void *address) {
#if defined(_WIN32)
    MEMORY_BASIC_INFORMATION info;
    CHECK(VirtualQuery(address, &info, sizeof info) != 0);
    return info.State == MEM_COMMIT &&
           (info.Protect & (PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY)) != 0;
#else
    char line[512];
    bool executable = false;
    FILE *file = fopen("/proc/self/maps", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file)) {
        uintptr_t first, end;
        char rights[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &first, &end, rights) == 3 && (uintptr_t)address >= first &&
            (uintptr_t)address < end)
            executable = rights[2] == 'x';
    }
    fclose(file);
    return executable;
#endif
}

/* Pages from the system, not from the heap: for foreign pointers and for arrays that must not disturb a measurement. */
SUPPORT_INLINE void *system_pages(size_t size) {
#if defined(_WIN32)
    void *pages = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    CHECK(pages != NULL);
#else
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
#endif
    return pages;
}

/* Addresses that nobody else can get, because the test holds them until it ends, and behind which there is no memory. */
SUPPORT_INLINE void *system_addresses(size_t size) {
#if defined(_WIN32)
    void *addresses = VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_NOACCESS);
    CHECK(addresses != NULL);
#else
    void *addresses = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(addresses != MAP_FAILED);
#endif
    return addresses;
}

SUPPORT_INLINE void system_pages_free(void *pages, size_t size) {
#if defined(_WIN32)
    (void)size;
    CHECK(VirtualFree(pages, 0, MEM_RELEASE));
#else
    CHECK(munmap(pages, size) == 0);
#endif
}

/* Makes such pages inaccessible. */
SUPPORT_INLINE void system_pages_forbid(void *pages, size_t size) {
#if defined(_WIN32)
    DWORD before;
    CHECK(VirtualProtect(pages, size, PAGE_NOACCESS, &before));
#else
    CHECK(mprotect(pages, size, PROT_NONE) == 0);
#endif
}

/* ---- Random numbers and contents -------------------------------------------------------------------------------- */

SUPPORT_INLINE uint64_t mix64(uint64_t x) { /* the finalizer of SplitMix64 */
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

typedef struct random_source {
    uint64_t state;
} random_source;

SUPPORT_INLINE uint64_t random_next(random_source *r) { return mix64(r->state++); }

/* Uniform enough in 0 .. LIMIT - 1. */
SUPPORT_INLINE size_t random_below(random_source *r, size_t limit) { return (size_t)(random_next(r) % limit); }

/* Fills SIZE bytes so that every aligned 8 bytes differ by SEED and by position. */
SUPPORT_INLINE void pattern_fill(void *memory, size_t size, uint64_t seed) {
    unsigned char *bytes = memory;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word = mix64(seed ^ ((uint64_t)i << 32));
        memcpy(bytes + i, &word, 8);
    }
    uint64_t last = mix64(seed ^ ((uint64_t)i << 32));
    memcpy(bytes + i, &last, size - i);
}

/* Whether the first SIZE bytes are what pattern_fill with the same SEED wrote, whatever size it filled. */
SUPPORT_INLINE bool pattern_holds(const void *memory, size_t size, uint64_t seed) {
    const unsigned char *bytes = memory;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word = mix64(seed ^ ((uint64_t)i << 32));
        if (memcmp(bytes + i, &word, 8) != 0)
            return false;
    }
    uint64_t last = mix64(seed ^ ((uint64_t)i << 32));
    return memcmp(bytes + i, &last, size - i) == 0;
}

SUPPORT_INLINE bool all_zero(const void *memory, size_t size) {
    const unsigned char *bytes = memory;
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

SUPPORT_INLINE bool is_aligned(const void *address, size_t alignment) {
    return ((uintptr_t)address & (alignment - 1)) == 0;
}

#endif
