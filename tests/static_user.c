/* static_user.c: a program that contains the static core as any user's program does; static_user.sh builds and runs it.
 *
 * It defines functions with names that the core uses inside, which must not meet. Its threads end one after the other:
 * if the core did not notice, each would leave a heap behind.
 */
#include "brainmm.h"
#include <stdio.h>
#include <stdlib.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <pthread.h>
#endif

enum { THREADS = 200, PIECES = 100 };

/* Names of the core's own, and of the compiler's helper functions. */
#define TAKEN(name)                                                                                                    \
    int name(void);                                                                                                    \
    int name(void) { abort(); }
TAKEN(heap_alloc)
TAKEN(heap_free)
TAKEN(heap_thread_exit)
TAKEN(lock_take)
TAKEN(lock_open)
TAKEN(manager_start)
TAKEN(os_commit)
TAKEN(os_reserve)
TAKEN(rendezvous_pin)
TAKEN(slab_take)
TAKEN(unit_of)
TAKEN(__popcountdi2)
TAKEN(__ctzdi2)
int window = 1, region = 2, options = 3;

static int failed; /* written by one thread at a time */

static void work(void) {
    void *pieces[PIECES];
    for (size_t i = 0; i < PIECES; i++)
        if (!(pieces[i] = brainmm_alloc(i * i + 1)))
            failed = 1;
    for (size_t i = 0; i < PIECES; i++)
        if (brainmm_free(pieces[i]) != BRAINMM_OK)
            failed = 1;
}

#ifdef _WIN32
static DWORD WINAPI thread(void *unused) {
    (void)unused;
    work();
    return 0;
}

static void thread_run(void) {
    HANDLE handle = CreateThread(NULL, 0, thread, NULL, 0, NULL);
    if (!handle || WaitForSingleObject(handle, INFINITE) != WAIT_OBJECT_0)
        failed = 1;
    CloseHandle(handle);
}
#else
static void *thread(void *unused) {
    (void)unused;
    work();
    return NULL;
}

static void thread_run(void) {
    pthread_t handle;
    if (pthread_create(&handle, NULL, thread, NULL) != 0 || pthread_join(handle, NULL) != 0)
        failed = 1;
}
#endif

int main(void) {
    const char *text = "";
    brainmm_stats stats = {.struct_size = sizeof stats};
    int state = brainmm_attach_status(&text);
    work();
    for (int i = 0; i < THREADS; i++)
        thread_run();
    int result = brainmm_get_stats(&stats, NULL, 0);
    printf("state %d (%s), statistics %d: %d heaps, %d threads; names %d\n", state, text, result, (int)stats.heaps,
           (int)stats.threads, window + region + options);
    if (failed)
        puts("an allocation, a free or a thread failed");
    return failed || state != BRAINMM_OWNER || result != BRAINMM_OK || stats.heaps > 3 || stats.threads != 1;
}
