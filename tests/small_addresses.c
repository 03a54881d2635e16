/* SPDX-License-Identifier: MIT */
/* small_addresses.c: a small program has few addresses. So it can lock all its memory where an unprivileged process may
 * lock 8 MiB, and goes on working within them. On 32 bit the heap has all its descriptors from the start, 4 MiB, which
 * is too much for that.
 *
 * The program runs itself, once with libbrainmm-malloc.so and once without.
 */
#define _GNU_SOURCE /* setresuid */
#include "heap_support.h"

#include <sys/resource.h>

enum { LOCKABLE = 8 << 20, MORE_MOST_MIB = 16, PIECES = 300, NO_LOCKS = 3, COUNT_MOST = 200 };

static void *volatile pieces[PIECES];

/* The result is the MiB of addresses, COUNT_MOST at most: an exit code has eight bits. */
static int count_main(void) {
    for (unsigned i = 0; i < PIECES; i++)
        CHECK((pieces[i] = malloc(i * 10)) != NULL);
    size_t mib = address_bytes() / MIB;
    return mib < COUNT_MOST ? (int)mib : COUNT_MOST;
}

static int lock_main(void) {
    struct rlimit limit = {LOCKABLE, LOCKABLE};
    CHECK((pieces[0] = malloc(100)) != NULL);
    CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return NO_LOCKS;
    size_t before = address_bytes();
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return before <= LOCKABLE ? NO_LOCKS : TEST_FAILED;
    for (unsigned i = 1; i < PIECES; i++) /* 0.9 MiB */
        CHECK_MSG((pieces[i] = malloc(3000)) != NULL, "piece %u, and %zu KiB of addresses", i, address_bytes() / KIB);
    CHECK(malloc(LOCKABLE) == NULL);
    for (unsigned i = 0; i < PIECES; i++)
        free(pieces[i]);
    CHECK((pieces[0] = malloc(200000)) != NULL);
    return TEST_PASSED;
}

int main(int argc, char **argv) {
    if (argc == 2)
        return strcmp(argv[1], "lock") == 0 ? lock_main() : count_main();
    int64_t ours = run_again(argv[0], "count", 20), locked = TEST_PASSED;
    if (sizeof(void *) > 4)
        locked = run_again(argv[0], "lock", 20);
    CHECK(unsetenv("LD_PRELOAD") == 0);
    int64_t theirs = run_again(argv[0], "count", 20);
    printf("%d MiB of addresses, with the C library %d\n", (int)ours, (int)theirs);
    CHECK(theirs > 0 && ours >= theirs && ours <= theirs + MORE_MOST_MIB);
    if (locked == NO_LOCKS)
        test_skip("this system locks no memory for a process without privileges");
    CHECK(locked == TEST_PASSED);
    return TEST_PASSED;
}
