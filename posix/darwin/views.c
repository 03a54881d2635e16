/* SPDX-License-Identifier: MIT */
/* views.c (macOS): memory for code that is mapped twice: once to be written, once to be executed.
 *
 * On Apple's processors no page is both. A program with the Hardened Runtime may execute only what mmap has given with
 * MAP_JIT. Such memory has one address, and each thread says whether it means to write there or to execute
 * (os_write_code). */
#include "base/atomic.h"
#include "brainmm.h"
#include "os.h"
#include "os_inline.h"
#include <errno.h>
#include <mach/mach.h>
#include <pthread.h>
#include <sys/mman.h>

static bool map_twice(size_t size, void **writable, void **executable) {
    vm_address_t code = 0;
    vm_prot_t rights, most;
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (data == MAP_FAILED)
        return false;
    /* A child of a fork has the same memory, as on Linux. */
    bool mapped = minherit(data, size, VM_INHERIT_SHARE) == 0 &&
                  vm_remap(mach_task_self(), &code, size, 0, VM_FLAGS_ANYWHERE, mach_task_self(), (vm_address_t)data,
                           FALSE, &rights, &most, VM_INHERIT_SHARE) == KERN_SUCCESS;
    if (mapped && mprotect((void *)code, size, PROT_READ | PROT_EXEC) != 0) {
        munmap((void *)code, size);
        mapped = false;
    }
    if (!mapped) {
        munmap(data, size);
        return false;
    }
    *writable = data;
    *executable = (void *)code;
    return true;
}

#if defined(__aarch64__)

static ATOMIC(bool) one_view; /* some memory has been mapped once only */

static bool map_once(size_t size, void **writable, void **executable) {
    void *code = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANON | MAP_JIT, -1, 0);
    if (code == MAP_FAILED)
        return false;
    store_relaxed(&one_view, true);
    *writable = *executable = code;
    return true;
}

void os_write_code(bool write) {
    if (load_relaxed(&one_view) && pthread_jit_write_protect_supported_np())
        pthread_jit_write_protect_np(!write);
}

#else

static bool map_once(size_t size, void **writable, void **executable) {
    (void)size, (void)writable, (void)executable;
    return false;
}

void os_write_code(bool write) { (void)write; }

#endif

bool os_map_views(size_t size, void **writable, void **executable) {
    int error = errno;
    bool mapped = map_twice(size, writable, executable) || map_once(size, writable, executable);
    errno = error;
    return mapped;
}

bool os_unmap_views(size_t size, void *writable, void *executable) {
    int error = errno;
    bool unmapped = munmap(writable, size) == 0;
    if (executable != writable)
        unmapped = munmap(executable, size) == 0 && unmapped;
    errno = error;
    return unmapped;
}
