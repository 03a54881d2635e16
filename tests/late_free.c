/* SPDX-License-Identifier: MIT */
/* late_free.c: a thread goes on allocating and freeing after the heap's own hook for the end of the thread has run.
 * Code that runs so late: destructors of thread-local data and of pthread keys older and younger than the heap's; on
 * Windows FLS callbacks, and the DLL_THREAD_DETACH code of DLLs that were loaded before and after the heap's
 * (late_free_module.c). Windows calls the detach code of DLLs in the reverse order of loading. late_free_heap_last.c is
 * this program with the library loaded after all else.
 *
 * Nothing may crash, contents must stay whole, and thousands of such thread ends must leave no memory behind.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "late_free_module.h"

enum { THREADS = 1000, SETTLED = 200 };
#define GROWTH_LIMIT (512 * KIB)

#if defined(LATE_FREE_LOADS_HEAP)
#if defined(_WIN32)
static const struct brainmm_manager *join_heap(void) {
    HMODULE dll = LoadLibraryA("brainmm.dll");
    CHECK(dll != NULL);
    FARPROC found = GetProcAddress(dll, "brainmm_get_manager");
    const struct brainmm_manager *(BRAINMM_CALL * get)(void);
    CHECK(found != NULL);
    memcpy(&get, &found, sizeof get);
    return get();
}
#else
static const struct brainmm_manager *join_heap(void) {
    void *library = dlopen("./libbrainmm.so.2", RTLD_NOW | RTLD_LOCAL);
    CHECK_MSG(library != NULL, "%s", dlerror());
    void *found = dlsym(library, "brainmm_get_manager");
    const struct brainmm_manager *(*get)(void);
    CHECK(found != NULL);
    memcpy(&get, &found, sizeof get);
    return get();
}
#endif
#else
static const struct brainmm_manager *join_heap(void) { return brainmm_get_manager(); }
#endif

static const struct brainmm_manager *heap;
static unsigned late_calls; /* by the destructors of threads that have been joined */

/* What the destructors and the module's detach code do: free the thread's memory, allocate some memory, free that, and
 * leave one piece to other threads. */
static void BRAINMM_CALL be_late(void **kept) {
    for (unsigned i = 0; i < LATE_PIECES; i++) {
        CHECK(kept[i] != NULL && pattern_holds(kept[i], late_size(i), i));
        if (i % 2) {
            kept[i] = heap->realloc(kept[i], late_size(i) * 3);
            CHECK(kept[i] != NULL && pattern_holds(kept[i], late_size(i), i));
        }
        CHECK(heap->free(kept[i]) == BRAINMM_OK);
        kept[i] = heap->alloc(late_size(i));
        CHECK(kept[i] != NULL);
        pattern_fill(kept[i], late_size(i), i);
    }
    for (unsigned i = 0; i < LATE_PIECES; i++)
        CHECK(heap->free(kept[i]) == BRAINMM_OK);
    late_calls++;
}

static void fill_kept(void **kept) {
    for (unsigned i = 0; i < LATE_PIECES; i++) {
        kept[i] = heap->alloc(late_size(i));
        CHECK(kept[i] != NULL);
        pattern_fill(kept[i], late_size(i), i);
    }
}

/* ---- Linux: pthread keys ---------------------------------------------------------------------------------------- */

#if !defined(_WIN32)
enum { LATE_WAYS = 2 };
static pthread_key_t older, younger;

static void destroy(void *kept) {
    be_late(kept);
    free(kept);
}

/* Waits for the next round of destructors, after those of all other keys. */
static void destroy_in_second_round(void *kept) {
    static __thread bool came_back;
    if (!came_back) {
        came_back = true;
        CHECK(pthread_setspecific(older, kept) == 0);
        return;
    }
    destroy(kept);
}

static void before_the_heap(const char *unused) {
    (void)unused;
    CHECK(pthread_key_create(&older, destroy_in_second_round) == 0);
}

static void after_the_heap(const char *unused) {
    (void)unused;
    CHECK(pthread_key_create(&younger, destroy) == 0);
}

static void thread_runs(void *unused) {
    (void)unused;
    void **first = calloc(LATE_PIECES, sizeof *first), **second = calloc(LATE_PIECES, sizeof *second);
    CHECK(first && second);
    fill_kept(first);
    fill_kept(second);
    CHECK(pthread_setspecific(older, first) == 0 && pthread_setspecific(younger, second) == 0);
}

/* ---- Windows: FLS callbacks and other DLLs' detach code --------------------------------------------------------- */

#else
enum { LATE_WAYS = 2 }; /* FLS, module */
static DWORD slot;
static late_free_set_kept_function set_kept;

static void WINAPI destroy(void *kept) {
    if (kept) {
        be_late(kept);
        HeapFree(GetProcessHeap(), 0, kept);
    }
}

static void before_the_heap(const char *module) {
    slot = FlsAlloc(destroy);
    CHECK(slot != FLS_OUT_OF_INDEXES);
    HMODULE dll = LoadLibraryA(module);
    CHECK_MSG(dll != NULL, "LoadLibrary %s: %lu", module, GetLastError());
    FARPROC start = GetProcAddress(dll, "late_free_start"), set = GetProcAddress(dll, "late_free_set_kept");
    CHECK(start && set);
    late_free_start_function starts;
    memcpy(&starts, &start, sizeof starts);
    memcpy(&set_kept, &set, sizeof set_kept);
    starts(be_late);
}

static void after_the_heap(const char *unused) { (void)unused; }

static void thread_runs(void *unused) {
    (void)unused;
    void **first = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, LATE_PIECES * sizeof *first);
    void **second = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, LATE_PIECES * sizeof *second);
    CHECK(first && second);
    fill_kept(first);
    fill_kept(second);
    CHECK(FlsSetValue(slot, first));
    set_kept(second); /* the module frees the array */
}
#endif

int main(int argc, char **argv) {
    const char *module = argc > 1 ? argv[1] : "";
    size_t before = 0;
    watchdog_start(240);
    before_the_heap(module);
    heap = join_heap();
    CHECK(heap->free(heap->alloc(1)) == BRAINMM_OK); /* now the heap has its hook for the ends of threads */
    after_the_heap(module);
    for (unsigned i = 0; i < THREADS; i++) {
        thread t;
        if (i == SETTLED) {
            heap->thread_heap_minimize(); /* what is kept for a while is no leak */
            before = resident_bytes();
        }
        thread_start(&t, thread_runs, NULL);
        thread_join(&t);
    }
    CHECK_MSG(late_calls == LATE_WAYS * THREADS, "%u of %u late calls came", late_calls, LATE_WAYS * THREADS);
    heap->thread_heap_minimize();
    size_t growth = resident_growth(before);
    printf("growth over %u threads: %zu KiB\n", THREADS - SETTLED, growth / KIB);
#if !defined(_WIN32) /* on Windows thread creation itself takes memory; memory_thread_churn.c compares */
    CHECK_MSG(UNDER_SANITIZER || under_valgrind() || growth <= GROWTH_LIMIT, "%zu KiB", growth / KIB);
#endif
    return TEST_PASSED;
}
