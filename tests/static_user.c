/* SPDX-License-Identifier: MIT */
/* static_user.c: a program that is linked with the static core, as any user's program may be. static_user.sh builds and
 * runs it.
 *
 * It defines functions and data with names that the core uses inside. The two must not clash. Its threads end one after
 * the other: if the core did not notice, each would leave a heap behind.
 */
#include "brainmm.h"
#include <stdio.h>
#include <stdlib.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <pthread.h>
#endif

#ifndef TABLE_RIGHTS
#define TABLE_RIGHTS BRAINMM_READ /* of the heap's tables, which nobody may write to after the start */
#endif

enum { THREADS = 200, PIECES = 100 };

/* Names inside the core, and names of the compiler's helper functions. */
#define TAKEN(name)                                                                                                    \
    int name(void);                                                                                                    \
    int name(void) { abort(); }
#define TAKEN_DATA(name)                                                                                               \
    extern int name;                                                                                                   \
    int name = 1;
TAKEN(heap_alloc)
TAKEN(heap_free)
TAKEN(heap_thread_exit)
TAKEN(lock_acquire)
TAKEN(manager_start)
TAKEN(os_commit)
TAKEN(os_reserve)
TAKEN(region_add)
TAKEN(rendezvous_pin)
TAKEN(run_take)
TAKEN(slab_alloc)
TAKEN(units_take)
TAKEN(__popcountdi2)
TAKEN(__ctzdi2)
TAKEN_DATA(os_facts)
TAKEN_DATA(space)
TAKEN_DATA(totals)
TAKEN_DATA(window)

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
           (int)stats.threads, os_facts + space + totals + window);
    unsigned rights = 0;
    const void *page = (const void *)((uintptr_t)brainmm_get_manager() & ~(uintptr_t)(BRAINMM_PAGE_SIZE - 1));
    if (brainmm_pages_get_rights(page, &rights) != BRAINMM_OK || rights != TABLE_RIGHTS) {
        printf("the heap's table has the rights %u\n", rights);
        failed = 1;
    }
    if (failed)
        puts("an allocation, a free or a thread failed");
    return failed || state != BRAINMM_OWNER || result != BRAINMM_OK || stats.heaps > 3 || stats.threads != 1;
}
