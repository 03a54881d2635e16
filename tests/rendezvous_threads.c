/* SPDX-License-Identifier: MIT */
/* rendezvous_threads.c: several threads each load a module at the same time. One of the modules starts the heap, and
 * all are on it. The test repeats this in many processes, because the race is over in microseconds.
 *
 *   rendezvous_threads-plain [PROCESSES]     default 40
 */
#include "rendezvous_party.h"

enum { THREADS = 6 };
static const char *const files[THREADS] = {
    LIBRARY_FILE,
#if defined(_WIN32)
    "second\\" LIBRARY_FILE,
#else
    "second/" LIBRARY_FILE,
#endif
    "rendezvous_module-core" MODULE_SUFFIX,
    "attach_module-plain" MODULE_SUFFIX,
    "rendezvous_module-shared" MODULE_SUFFIX,
    "attach_module-plain" MODULE_SUFFIX,
};

static char paths[THREADS][4096];
static uintptr_t heaps[THREADS];
static event go;

static void arrive(void *argument) {
    int number = (int)(intptr_t)argument;
    while (!event_is_raised(&go))
        thread_yield();
    module loaded = module_load(paths[number]);
    if (number < 2) {
        const struct brainmm_manager *(BRAINMM_CALL * get_manager)(void);
        module_symbol(loaded, "brainmm_get_manager", &get_manager);
        heaps[number] = get_manager()->heap_id;
    } else {
        party_get_function get;
        module_symbol(loaded, "party_get", &get);
        heaps[number] = get()->heap_id();
        void *piece = get()->alloc(100);
        CHECK(piece != NULL && get()->free(piece) == BRAINMM_OK);
    }
}

static int child(void) {
    thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        strcpy(paths[i], path_beside(files[i]));
        thread_start(&threads[i], arrive, (void *)(intptr_t)i);
    }
    event_raise(&go);
    for (int i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    for (int i = 0; i < THREADS; i++)
        CHECK_MSG(heaps[i] == heaps[0] && heaps[i] != 0, "%s is on heap %p, %s on %p", files[i], (void *)heaps[i],
                  files[0], (void *)heaps[0]);
    return TEST_PASSED;
}

int main(int argc, char **argv) {
    int processes = argc > 1 ? atoi(argv[1]) : 40;
    if (argc > 1 && strcmp(argv[1], "--child") == 0)
        return child();
    for (int i = 0; i < processes; i++) {
        int64_t code = run_again(argv[0], "--child", 20);
        CHECK_MSG(code == 0, "process %d: exit code %" PRId64, i, code);
    }
    return TEST_PASSED;
}
