/* SPDX-License-Identifier: MIT */
/* views.c (Linux): memory that is mapped twice: once to be written, once to be executed. */
#define _GNU_SOURCE
#include "os.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

/* The C library has a function for it only from glibc 2.27 on. */
static int new_file(void) {
    int file = (int)syscall(SYS_memfd_create, "jit", MFD_CLOEXEC | MFD_EXEC);
    if (file < 0 && errno == EINVAL) /* a kernel before 6.3 */
        file = (int)syscall(SYS_memfd_create, "jit", MFD_CLOEXEC);
    return file;
}

bool os_map_views(size_t size, void **writable, void **executable) {
    int file = new_file();
    if (file < 0)
        return false;
    void *data = MAP_FAILED, *code = MAP_FAILED;
    if ((size <= INT32_MAX || sizeof(off_t) > 4) && ftruncate(file, (off_t)size) == 0) {
        data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        code = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
    }
    syscall(SYS_close, file); /* a thread could be cancelled in close() */
    if (data != MAP_FAILED && code != MAP_FAILED) {
        *writable = data;
        *executable = code;
        return true;
    }
    if (data != MAP_FAILED)
        munmap(data, size);
    if (code != MAP_FAILED)
        munmap(code, size);
    return false;
}

bool os_unmap_views(size_t size, void *writable, void *executable) {
    bool unmapped = munmap(writable, size) == 0;
    return munmap(executable, size) == 0 && unmapped;
}
