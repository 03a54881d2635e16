/* SPDX-License-Identifier: MIT */
/* rendezvous_fork.c: a plug-in that a forked child loads finds the child's copy of its parent's heap. The child can
 * resize and free what the parent allocated before. The same holds in the child's child. A process that was started
 * anew must find nothing of that heap. */
#include "rendezvous_party.h"

static void *piece;
static uintptr_t heap;

static int wait_for(pid_t process) {
    int status = -1;
    CHECK(process > 0 && waitpid(process, &status, 0) == process);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void plugin_meets(const char *file) {
    party_get_function get;
    const char *text = "";
    module_symbol(module_load(path_beside(file)), "party_get", &get);
    int state = get()->state(&text);
    CHECK_MSG(state == -1 || state == BRAINMM_ATTACHED, "%s: %d, %s", file, state, text);
    CHECK_MSG(get()->heap_id() == heap, "%s is on heap %p, its parent on %p", file, (void *)get()->heap_id(),
              (void *)heap);
    CHECK(pattern_holds(piece, 1000, 1));
    piece = get()->realloc(piece, 3000);
    CHECK(piece != NULL && pattern_holds(piece, 1000, 1));
}

int main(int argc, char **argv) {
    const struct brainmm_manager *(BRAINMM_CALL * get_manager)(void);
    unsigned char resident;
    if (argc > 1 && strcmp(argv[1], "--exec") == 0)
        return mincore(place_page(0), 4096, &resident) != 0 ? TEST_PASSED : TEST_FAILED;
    module_symbol(module_load(path_beside(LIBRARY_FILE)), "brainmm_get_manager", &get_manager);
    heap = get_manager()->heap_id;
    piece = get_manager()->alloc(1000);
    CHECK(piece != NULL);
    pattern_fill(piece, 1000, 1);

    pid_t process = fork();
    if (process == 0) {
        alarm(20);
        plugin_meets("rendezvous_module-core.so");
        process = fork();
        if (process == 0) {
            alarm(20);
            plugin_meets("attach_module-plain.so");
            CHECK(get_manager()->free(piece) == BRAINMM_OK);
            test_end(TEST_PASSED);
        }
        CHECK(wait_for(process) == TEST_PASSED);
        CHECK(pattern_holds(piece, 1000, 1)); /* the grandchild freed its own copy */
        CHECK(get_manager()->free(piece) == BRAINMM_OK);
        test_end(TEST_PASSED);
    }
    CHECK(wait_for(process) == TEST_PASSED);
    CHECK(pattern_holds(piece, 1000, 1) && get_manager()->free(piece) == BRAINMM_OK);

    process = fork();
    if (process == 0) {
        alarm(20);
        execl("/proc/self/exe", argv[0], "--exec", NULL);
        _exit(97);
    }
    CHECK(wait_for(process) == TEST_PASSED);
    return TEST_PASSED;
}
