/* SPDX-License-Identifier: MIT */
/* system.c (Linux): the facts of the system, the clock, the program. */
#define _GNU_SOURCE
#include "map.h"
#include "os.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct os_facts os_facts;

/* The file says "[always] madvise never", or has the brackets elsewhere. What cannot be read may say so. The system
 * calls are made directly: a thread could be cancelled in the functions of libc. */
static bool huge_pages_are_everywhere(void) {
    char first;
    long file = syscall(SYS_openat, AT_FDCWD, "/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return true;
    bool everywhere = syscall(SYS_read, file, &first, 1) != 1 || first == '[';
    syscall(SYS_close, file);
    return everywhere;
}

/* On 32 bit there are no addresses to begin what is large where huge pages do, and little is reserved at a time. */
void os_facts_start(void) {
    bool wide = sizeof(void *) > 4;
    os_facts.page = getauxval(AT_PAGESZ);
    os_facts.granule = 65536;
    os_facts.huge_page = (size_t)2 << 20;
    os_facts.frame_pointers = true;
    os_facts.takes_advice = wide;
    os_facts.moves_pages = wide;
    os_facts.huge_pages_everywhere = huge_pages_are_everywhere();
    os_facts.charges_reserved = wide;
}

const char *os_start(void) {
    bool possible = os_facts.page > 0 && os_facts.page <= os_facts.granule;
    return possible ? NULL : "The system's pages are not of a size that the heap can use";
}

uint64_t os_clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool os_is_privileged(void) { return getauxval(AT_SECURE) != 0; }

size_t os_program_path(char *path, size_t size) {
    int error = errno;
    long length = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, size);
    errno = error;
    if (length <= 0 || (size_t)length >= size)
        return 0;
    path[length] = 0;
    return (size_t)length;
}
