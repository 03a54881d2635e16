/* SPDX-License-Identifier: MIT */
/* cxx_later.c: a program in C, with libbrainmm-malloc.so preloaded, loads a library in C++ out of sight of all others,
 * as interpreters and servers do with their extensions. Its operators new fail as they do with libstdc++ alone: they
 * call the new handler, throw std::bad_alloc, or return NULL.
 *
 * Arguments: the library.
 */
#define _GNU_SOURCE
#include "support/outcome.h"
#include "support/thread.h"

#include <dlfcn.h>
#include <sys/resource.h>

enum { LIMITED_BYTES = 64 << 20 };

/* No more addresses than there are, or as many as before. */
static int limit(int on) {
    static struct rlimit before;
    struct rlimit now;
    if (getrlimit(RLIMIT_AS, &now) != 0)
        return -1;
    if (on) {
        before = now;
        now.rlim_cur = 1;
    } else if (before.rlim_max) {
        now = before;
    }
    return setrlimit(RLIMIT_AS, &now);
}

static void call(void *library, const char *name) {
    int (*function)(void) = NULL;
    *(void **)(uintptr_t)&function = dlsym(library, name);
    CHECK_MSG(function != NULL, "%s", name);
    int line = function();
    CHECK_MSG(line == 0, "%s: line %d", name, line);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    watchdog_start(50);
    CHECK_MSG(dlsym(RTLD_DEFAULT, "_ZSt15get_new_handlerv") == NULL, "there is a C++ run-time already");
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    CHECK_MSG(library != NULL, "%s", dlerror());
    CHECK(dlsym(RTLD_DEFAULT, "_ZSt15get_new_handlerv") == NULL);
    call(library, "throws_bad_alloc");
    call(library, "nothrow_returns_null");
    call(library, "calls_the_handler");
    call(library, "the_handler_may_throw");
    int (*met)(int (*)(int), size_t) = NULL;
    *(void **)(uintptr_t)&met = dlsym(library, "the_request_may_be_met_at_last");
    int line = met(limit, LIMITED_BYTES);
    CHECK_MSG(line == 0, "the_request_may_be_met_at_last: line %d", line);
    return TEST_PASSED;
}
