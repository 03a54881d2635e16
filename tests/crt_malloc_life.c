/* SPDX-License-Identifier: MIT */
/* crt_malloc_life.c: a program that is linked with libbrainmm-malloc.a allocates before its constructors and frees
 * after its exit handlers. Its threads, and what the C run-time does with the program's memory, work.
 *
 * TLS callbacks and constructors run before main(). What runs after it ends the process with another exit code if
 * something did not hold. tests/crt_malloc.sh looks for the last line of the output, too.
 */
#include "heap_support.h"
#include "brainmm.h"
#include <process.h>
#if !defined(_UCRT) /* Debian's library is made for msvcrt.dll */
#define HAS_PTHREAD
#include <pthread.h>
#endif

static char *of_callback, *of_constructor, *of_main, *of_exit;
static volatile LONG threads_ended;
static void (*volatile give)(void *) = free; /* no compiler sees what it does */

static bool is_ours(const void *piece) { return brainmm_get_options(piece, NULL) == 1; }

/* ---- The beginning and the end ----------------------------------------------------------------------------------- */

/* The system calls this before the C run-time's start, and at the end of each thread. */
static void NTAPI image_event(void *image, DWORD reason, void *reserved) {
    static __thread char *of_thread;
    (void)image, (void)reserved, (void)of_thread;
    if (reason == DLL_PROCESS_ATTACH)
        of_callback = malloc(100);
    if (reason == DLL_THREAD_DETACH) {
        void *late = malloc(1000);
        free(realloc(late, 5000));
        InterlockedIncrement(&threads_ended);
    }
    if (reason == DLL_PROCESS_DETACH) {
        free(of_exit);
        free(malloc(100));
    }
}

__attribute__((section(".CRT$XLY"), used)) static const PIMAGE_TLS_CALLBACK callback = image_event;

__attribute__((constructor)) static void begin(void) {
    of_constructor = strcpy(malloc(20), "constructor");
    of_constructor = realloc(of_constructor, 10000);
    free(strdup("a piece of the run-time"));
}

/* Runs after the exit handlers. */
__attribute__((destructor)) static void end(void) {
    if (!is_ours(of_exit))
        _exit(21);
    give(of_main);
    if (is_ours(of_main))
        _exit(22);
    of_exit = realloc(of_exit, 200);
    if (!is_ours(of_exit))
        _exit(23);
    fputs("destructor\n", stdout);
    fflush(stdout);
}

static void at_exit(void) {
    free(of_constructor);
    of_exit = malloc(10);
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

enum { THREADS = 8, PIECES = 2000 };
static void *handed_over[THREADS][PIECES];

static void work(unsigned number) {
    for (unsigned i = 0; i < PIECES; i++) {
        char *piece = i % 3 == 0 ? _strdup("a piece of the run-time") : malloc(i % 700 + 1);
        CHECK(piece);
        piece[0] = (char)number;
        free(handed_over[(number + 1) % THREADS][i]); /* another thread's */
        handed_over[(number + 1) % THREADS][i] = NULL;
        piece = realloc(piece, i % 500 + 1);
        CHECK(piece && piece[0] == (char)number);
        handed_over[number][i] = piece;
    }
}

static unsigned __stdcall run_time_thread(void *number) {
    work((unsigned)(uintptr_t)number);
    return 0;
}

#if defined(HAS_PTHREAD)
enum { KINDS_OF_THREADS = 2 };

static void *posix_thread(void *number) {
    work((unsigned)(uintptr_t)number);
    return malloc(50);
}

static void run_posix_thread(unsigned number) {
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, posix_thread, (void *)(uintptr_t)number) == 0);
    CHECK(pthread_join(thread, &result) == 0 && is_ours(result));
    free(result);
}
#else
enum { KINDS_OF_THREADS = 1 };
static void run_posix_thread(unsigned number) { (void)number; }
#endif

/* One after the other, so that no two touch the same piece. The next one frees what this one leaves. */
static void run_threads(void) {
    for (unsigned round = 0; round < 5; round++)
        for (unsigned i = 0; i < THREADS; i++) {
            HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, run_time_thread, (void *)(uintptr_t)i, 0, NULL);
            CHECK(thread && WaitForSingleObject(thread, 60000) == WAIT_OBJECT_0);
            CloseHandle(thread);
            run_posix_thread(i);
        }
    CHECK(threads_ended == KINDS_OF_THREADS * 5 * THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned j = 0; j < PIECES; j++)
            free(handed_over[i][j]);
}

static volatile LONG stop;

static unsigned __stdcall churn(void *unused) {
    (void)unused;
    for (unsigned i = 0; !stop; i++)
        free(realloc(malloc(i % 5000), i % 3000 + 1));
    return 0;
}

/* ---- What the run-time does with the program's memory ------------------------------------------------------------ */

static void streams(void) {
    char name[] = "crt_malloc_life.tmp", line[100];
    char *buffer = malloc(4096);
    FILE *file = fopen(name, "w+");
    CHECK(buffer && file && setvbuf(file, buffer, _IOFBF, 4096) == 0);
    for (unsigned i = 0; i < 10000; i++)
        CHECK(fprintf(file, "line %u\n", i) > 0);
    rewind(file);
    for (unsigned i = 0; i < 10000; i++) {
        unsigned number;
        CHECK(fgets(line, sizeof line, file) && sscanf(line, "line %u", &number) == 1 && number == i);
    }
    CHECK(fclose(file) == 0 && is_ours(buffer));
    free(buffer);
    file = fopen(name, "r"); /* with a buffer of the run-time's own */
    CHECK(file && fgets(line, sizeof line, file) && fclose(file) == 0 && remove(name) == 0);
}

static void environment(void) {
    char *text = malloc(100);
    strcpy(text, "CRT_MALLOC_LIFE=value");
    CHECK(_putenv(text) == 0);
    memset(text, 'x', 100);
    free(text);
    CHECK(strcmp(getenv("CRT_MALLOC_LIFE"), "value") == 0);
    CHECK(_putenv("CRT_MALLOC_LIFE=") == 0 && !getenv("CRT_MALLOC_LIFE"));
}

int main(int count, char **arguments) {
    CHECK(is_ours(of_callback) && is_ours(of_constructor) && strcmp(of_constructor, "constructor") == 0);
    free(of_callback);
    CHECK(count == 2 && strcmp(arguments[1], "an argument") == 0);
    run_threads();
    streams();
    environment();
    CHECK(atexit(at_exit) == 0);
    of_main = malloc(123);
    for (unsigned i = 0; i < 2; i++) /* the process ends while they work */
        CHECK(_beginthreadex(NULL, 0, churn, NULL, 0, NULL) != 0);
    puts("main");
    return 0;
}
