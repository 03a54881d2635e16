/* SPDX-License-Identifier: MIT */
/* move_at_limit.c: a buffer grows to where its pages have to be moved, while the process is at its limit of addresses.
 * The kernel then unmaps the target and refuses the move. The resize fails, or copies, and the contents are there.
 */
#include "heap_whole.h"

#include "brainmm.h"
#include <sys/resource.h>

enum { FIRST_MIB = 4, WANTED_MIB = 240, ROUNDS = 3 };
static const volatile size_t steps_mib[] = {6, 12, 18, 24};

static void limit_addresses(size_t bytes) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = bytes;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void grow_at_limit(uint64_t seed) {
    size_t size = FIRST_MIB * MIB;
    unsigned char *buffer = brainmm_alloc(size), *behind = brainmm_alloc(3 * MIB);
    CHECK(buffer != NULL && behind != NULL);
    for (unsigned step = 0; step < sizeof steps_mib / sizeof *steps_mib; step++) { /* several mappings come of it */
        size = steps_mib[step] * MIB;
        CHECK((buffer = brainmm_realloc(buffer, size)) != NULL);
        pattern_fill(buffer, size, seed);
    }
    void *idle = brainmm_alloc(300 * MIB), *more = brainmm_alloc(200 * MIB);
    CHECK(idle != NULL && more != NULL && brainmm_free(idle) == BRAINMM_OK);
    limit_addresses(address_bytes() - MIB / 2);
    unsigned char *grown = brainmm_realloc(buffer, WANTED_MIB * MIB);
    CHECK(pattern_holds(grown ? grown : buffer, size, seed));
    heap_is_whole("a resize at the limit");
    limit_addresses(RLIM_INFINITY);
    CHECK(brainmm_free(grown ? grown : buffer) == BRAINMM_OK);
    CHECK(brainmm_free(more) == BRAINMM_OK && brainmm_free(behind) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    heap_is_whole("the release of all");
}

int main(void) {
    watchdog_start(100);
    for (unsigned round = 0; round < ROUNDS; round++)
        grow_at_limit(round);
    return TEST_PASSED;
}
