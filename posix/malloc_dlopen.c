/* SPDX-License-Identifier: MIT */
/* malloc_dlopen.c: dlopen() and dlmopen() of libbrainmm-malloc.so, without RTLD_DEEPBIND.
 *
 * That flag would have the library that is loaded, and all that it needs, look into the C library before they look
 * here: what they allocate is the C library's, while others free it by our free(), or the other way round. Without the
 * flag, they share the heap as all others do.
 *
 * The caller's own RUNPATH and namespace hold: the C library finds the caller by the return address, so the last act of
 * these functions must be a jump. The compiler is told so, and tests/dlopen_deepbind.c sees that it is one. What they
 * jump to is in the C library itself since 2.34, the oldest that this library works with.
 */
#define _GNU_SOURCE /* RTLD_DEEPBIND, RTLD_NEXT, dlmopen */
#include "base/atomic.h"
#include <dlfcn.h>
#include <stddef.h>

#define EXPORT __attribute__((visibility("default")))

#ifdef __clang__
#define JUMP __attribute__((musttail)) return
#else
#pragma GCC optimize("O2")
#define JUMP return
#endif

typedef void *load_function(const char *file, int flags);
typedef void *load_into_function(Lmid_t space, const char *file, int flags);

static ATOMIC(load_function *) load;
static ATOMIC(load_into_function *) load_into;

static __attribute__((noinline, cold)) load_function *find_load(void) {
    load_function *found = (load_function *)dlsym(RTLD_NEXT, "dlopen");
    store_relaxed(&load, found);
    return found;
}

static __attribute__((noinline, cold)) load_into_function *find_load_into(void) {
    load_into_function *found = (load_into_function *)dlsym(RTLD_NEXT, "dlmopen");
    store_relaxed(&load_into, found);
    return found;
}

EXPORT void *dlopen(const char *file, int flags) {
    load_function *next = load_relaxed(&load);
    if (!next)
        next = find_load();
    JUMP next(file, flags & ~RTLD_DEEPBIND);
}

/* In a namespace of its own, a library has a C library of its own, too, and none of its memory comes here. */
EXPORT void *dlmopen(Lmid_t space, const char *file, int flags) {
    load_into_function *next = load_relaxed(&load_into);
    if (!next)
        next = find_load_into();
    JUMP next(space, file, space == LM_ID_BASE ? flags & ~RTLD_DEEPBIND : flags);
}
