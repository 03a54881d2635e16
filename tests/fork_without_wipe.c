/* SPDX-License-Identifier: MIT */
/* fork_without_wipe.c: the system cannot wipe a page in the child of a fork, as before Linux 4.14. The child of fork()
 * is noticed all the same.
 *
 * White box: linked with the linker's --wrap for madvise() (tests.mk).
 */
#include "heap_support.h"
#include "heap_whole.h"

#include "brainmm.h"
#include <errno.h>
#include <sys/mman.h>

enum { WIPE_ON_FORK = 18 };

static unsigned refused;
static event stop;

int __real_madvise(void *address, size_t size, int advice);
int __wrap_madvise(void *address, size_t size, int advice);

int __wrap_madvise(void *address, size_t size, int advice) {
    if (advice != WIPE_ON_FORK)
        return __real_madvise(address, size, advice);
    refused++;
    errno = EINVAL;
    return -1;
}

static void use_heap(void) {
    void *pieces[10];
    for (unsigned i = 0; i < 10; i++)
        CHECK((pieces[i] = brainmm_alloc(40000 * (i + 1))) != NULL);
    for (unsigned i = 0; i < 10; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
}

static void busy_thread(void *unused) {
    (void)unused;
    while (!event_is_raised(&stop))
        use_heap();
}

int main(void) {
    thread busy[2];
    alarm(50);
    use_heap();
    CHECK(refused == 1);
    for (unsigned i = 0; i < 2; i++)
        thread_start(&busy[i], busy_thread, NULL);
    for (unsigned i = 0; i < 60; i++) {
        int status;
        pid_t process = fork();
        CHECK(process >= 0);
        if (process == 0) {
            brainmm_options options;
            void *piece = brainmm_alloc(100);
            alarm(20);
            use_heap();
            CHECK(brainmm_get_options(piece, &options) && options.thread_id == current_thread_id());
            heap_is_whole("a fork");
            _exit(TEST_PASSED);
        }
        CHECK(waitpid(process, &status, 0) == process);
        CHECK_MSG(status == 0, "the child's status is %x", status);
    }
    event_raise(&stop);
    for (unsigned i = 0; i < 2; i++)
        thread_join(&busy[i]);
    return TEST_PASSED;
}
