/* SPDX-License-Identifier: MIT */
/* give_back_refused.c: a program without privileges has locked as much memory as it may. The system then refuses to
 * take idle memory back. So the heap must not hand it out as memory that reads as zero.
 */
#define _GNU_SOURCE /* setresuid */
#include "heap_whole.h"

#include "brainmm.h"
#include <sys/resource.h>

enum { SIZE = 24 << 20, LOCKED = 6 << 20, LIMIT = 8 << 20 };

int main(void) {
    struct rlimit limit = {LIMIT, LIMIT};
    unsigned char *buffer = brainmm_alloc(SIZE);
    CHECK(buffer != NULL);
    memset(buffer, 0x33, SIZE);
    CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        test_skip("this process cannot give up its privileges");
    watchdog_start(60); /* not before: the change of the user interrupts its sleep */
    if (mlock(buffer + MIB, LOCKED) != 0 || mlockall(MCL_FUTURE) != 0)
        test_skip("this system locks no memory for a process without privileges");
    CHECK(brainmm_free(buffer) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    heap_is_whole("a refused return");
    unsigned char *zeroed = brainmm_alloc_zeroed(SIZE);
    for (size_t i = 0; zeroed && i < SIZE; i++)
        CHECK_MSG(zeroed[i] == 0, "byte %zu is %02x: what the last owner left", i, zeroed[i]);
    CHECK(munlockall() == 0 && munlock(buffer + MIB, LOCKED) == 0);
    CHECK(brainmm_free(zeroed) == BRAINMM_OK);
    heap_is_whole("the release");
    printf("%s\n", zeroed ? "all zero" : "refused");
    return TEST_PASSED;
}
