/* SPDX-License-Identifier: MIT */
/* addresses.c (Linux): how many addresses a process may have, and by what chance it takes them. */
#define _GNU_SOURCE
#include "os.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- Limits ----------------------------------------------------------------------------------------------------- */

static size_t limit_of(bool known, const struct rlimit *limit) {
    bool finite = known && limit->rlim_cur != RLIM_INFINITY;
    return finite && limit->rlim_cur < SIZE_MAX ? (size_t)limit->rlim_cur : SIZE_MAX;
}

static bool data_is_limited; /* when somebody last asked */

size_t os_address_limit(void) {
    int error = errno;
    struct rlimit limit;
    size_t addresses = limit_of(getrlimit(RLIMIT_AS, &limit) == 0, &limit);
    size_t data = limit_of(getrlimit(RLIMIT_DATA, &limit) == 0, &limit);
    data_is_limited = data != SIZE_MAX;
    errno = error;
    return addresses < data ? addresses : data;
}

/* RLIMIT_DATA counts only what may be written. Where that has no limit, the attempt is not to be writable: if all
 * memory is locked, the system would fill it. */
bool os_has_room(size_t size) {
    int error = errno, rights = data_is_limited ? PROT_READ | PROT_WRITE : PROT_NONE;
    void *mapped = mmap(NULL, size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped != MAP_FAILED)
        munmap(mapped, size);
    errno = error;
    return mapped != MAP_FAILED;
}

/* The kernel's own value for a process that it does not tell, or where the file cannot be read. */
#define MAPPINGS_USUAL 65530u

size_t os_mappings_most(void) {
    char digits[24];
    size_t most = 0;
    int error = errno;
    long file = syscall(SYS_openat, AT_FDCWD, "/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    long length = file < 0 ? 0 : syscall(SYS_read, file, digits, sizeof digits);
    if (file >= 0)
        syscall(SYS_close, file);
    for (long i = 0; i < length && digits[i] >= '0' && digits[i] <= '9'; i++)
        most = most * 10 + (size_t)(digits[i] - '0');
    errno = error;
    return most ? most : MAPPINGS_USUAL;
}

/* ---- Chance ----------------------------------------------------------------------------------------------------- */

#ifndef GRND_NONBLOCK
#define GRND_NONBLOCK 1
#endif

static uint64_t mix(uint64_t bits) {
    bits = (bits ^ bits >> 32) * 0xD6E8FEB86659FD93u;
    bits = (bits ^ bits >> 32) * 0xD6E8FEB86659FD93u;
    return bits ^ bits >> 32;
}

/* The kernel gives each program sixteen bytes. They are also the secrets of the C library. So they are used only where
 * the kernel gives no others, and nobody can compute them from the result, which has half as many bits. */
static uint64_t random_of_start(void) {
    uint64_t secret[2] = {0};
    struct timespec now = {0};
    const void *given = (const void *)getauxval(AT_RANDOM);
    if (given)
        memcpy(secret, given, sizeof secret);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return mix(secret[0] ^ mix(secret[1] ^ mix((uint64_t)now.tv_nsec)));
}

/* The system calls are made directly: a thread could be cancelled in the functions of libc. */
uint64_t os_random(void) {
    int error = errno;
    uint64_t bits = 0;
    long personality = syscall(SYS_personality, 0xFFFFFFFFul);
    if (personality == -1 || (personality & ADDR_NO_RANDOMIZE) == 0)
        if (syscall(SYS_getrandom, &bits, sizeof bits, GRND_NONBLOCK) != (long)sizeof bits)
            bits = random_of_start();
    errno = error;
    return bits;
}
