/* SPDX-License-Identifier: MIT */
/* charged_memory.c: a small program stays small also where the system charges reserved memory like used memory.
 * `ulimit -d` and strict accounting (vm.overcommit_memory 2) charge all memory that may be written. mlockall makes all
 * of it resident at once.
 */
#include "heap_support.h"

#include "brainmm.h"
#include <sys/resource.h>

/* The bytes of the process that may be written and belong to no file: what RLIMIT_DATA counts, and the stacks. */
static size_t writable_bytes(void) {
    char line[512], rights[8];
    size_t sum = 0;
    unsigned long inode;
    uintptr_t first, end;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %lu", &first, &end, rights, &inode) == 4 &&
            rights[1] == 'w' && inode == 0)
            sum += end - first;
    fclose(maps);
    return sum;
}

static void use(size_t bytes) {
    enum { SIZE = 1000 };
    for (size_t done = 0; done < bytes; done += SIZE) {
        void *piece = brainmm_alloc(SIZE);
        CHECK_MSG(piece != NULL, "after %zu KiB", done / KIB);
        memset(piece, 1, SIZE);
    }
}

static void check_writable(size_t limit, const char *when) {
    size_t writable = writable_bytes();
    CHECK_MSG(writable <= limit, "%s: %zu KiB may be written", when, writable / KIB);
}

static void what_may_be_written(void) {
    use(1 * MIB);
    check_writable(40 * MIB, "a small program"); /* 8 MiB are the stack of this test's watchdog */
    use(200 * MIB);
    check_writable(340 * MIB, "201 MiB in use");
}

static void limited_data(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_DATA, &limit) == 0);
    limit.rlim_cur = writable_bytes() + 48 * MIB;
    CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
    use(24 * MIB);
}

/* Does nothing where the process may not lock so much memory. */
static void locked_memory(void) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    size_t before = resident_bytes();
    use(1 * MIB);
    setrlimit(RLIMIT_MEMLOCK, &limit);
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return;
    use(1 * MIB);
    size_t growth = resident_growth(before);
    CHECK_MSG(growth <= 40 * MIB, "%zu KiB are locked", growth / KIB);
    void *large = brainmm_alloc(20 * MIB);
    CHECK(large != NULL && brainmm_free(large) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    use(20 * MIB);
}

/* Runs TEST in a process of its own, which has not used the heap before. */
static void apart(void (*test)(void)) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        test();
        test_end(TEST_PASSED);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == TEST_PASSED);
}

int main(void) {
    watchdog_start(50);
    apart(what_may_be_written);
    apart(limited_data);
    apart(locked_memory);
    return TEST_PASSED;
}
