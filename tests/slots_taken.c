/* SPDX-License-Identifier: MIT */
/* slots_taken.c: the program has taken all of the system's slots of thread-local storage before it loads the heap.
 * Calls then fail, and the status tells why. Once a slot is free, the heap starts, although it is none of the first 64,
 * which the fast paths could read.
 */
#include "heap_support.h"

#include <windows.h>

enum { THREADS = 4, STEPS = 20000, KEPT = 100, FAST_SLOTS = 64, SLOTS_MOST = 4096 };

static void *(__cdecl *heap_alloc)(size_t size);
static int(__cdecl *heap_free)(void *piece);
static int(__cdecl *heap_status)(const char **text);

static void find(HMODULE dll, const char *name, void *function) {
    FARPROC found = GetProcAddress(dll, name);
    CHECK_MSG(found != NULL, "%s", name);
    memcpy(function, &found, sizeof found);
}

static DWORD take_all(void) {
    DWORD last = TLS_OUT_OF_INDEXES, slot;
    for (unsigned i = 0; i < SLOTS_MOST && (slot = TlsAlloc()) != TLS_OUT_OF_INDEXES; i++)
        last = slot;
    CHECK(TlsAlloc() == TLS_OUT_OF_INDEXES && last >= FAST_SLOTS);
    return last;
}

static void use_heap(void *seed) {
    random_source random = {(uintptr_t)seed};
    unsigned char *kept[KEPT] = {NULL};
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned char **slot = &kept[random_below(&random, KEPT)], mark = (unsigned char)(slot - kept);
        CHECK(!*slot || **slot == mark);
        CHECK(heap_free(*slot) == 0);
        *slot = heap_alloc(1 + random_below(&random, step % 50 ? 2000 : 100000));
        CHECK(*slot != NULL);
        **slot = mark;
    }
    for (unsigned i = 0; i < KEPT; i++)
        CHECK(heap_free(kept[i]) == 0);
}

int main(void) {
    const char *text = "";
    thread threads[THREADS];
    watchdog_start(60);
    DWORD last = take_all();
    HMODULE dll = LoadLibraryA("brainmm.dll");
    CHECK(dll != NULL);
    find(dll, "brainmm_alloc", &heap_alloc);
    find(dll, "brainmm_free", &heap_free);
    find(dll, "brainmm_attach_status", &heap_status);
    CHECK(heap_alloc(100) == NULL && heap_alloc(100000) == NULL);
    heap_status(&text);
    CHECK_MSG(strstr(text, "slots of thread-local storage") != NULL, "%s", text);

    CHECK(TlsFree(last));
    for (unsigned i = 0; i < THREADS; i++)
        thread_start(&threads[i], use_heap, (void *)(uintptr_t)(i + 1));
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    use_heap((void *)(uintptr_t)99);
    heap_status(&text);
    CHECK_MSG(strstr(text, "owns the process's heap") != NULL, "%s", text);
    return TEST_PASSED;
}
