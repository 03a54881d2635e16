/* SPDX-License-Identifier: MIT */
/* system.c (macOS): the facts of the system, the clock, the program, limits, chance. */
#include "base/atomic.h"
#include "darwin/threads.h"
#include "map.h"
#include "os.h"
#include <errno.h>
#include <mach-o/dyld.h>
#include <mach/mach.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct os_facts os_facts;

/* Pages have 16 KiB on ARM, and 4 KiB for a program that is translated from x86. The system decides by itself about
 * tables of pages, and charges memory when it is touched. */
void os_facts_start(void) {
    os_facts.page = vm_page_size;
    os_facts.granule = 65536;
    os_facts.huge_page = (size_t)2 << 20;
    os_facts.frame_pointers = true; /* its ABI demands them */
    os_facts.takes_advice = false;
    os_facts.moves_pages = true;
    os_facts.huge_pages_everywhere = false;
    os_facts.charges_reserved = false;
}

const char *os_start(void) {
    bool possible = os_facts.page > 0 && os_facts.page <= os_facts.granule;
    return possible ? threads_start() : "The system's pages are not of a size that the heap can use";
}

uint64_t os_clock_ms(void) { return clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW_APPROX) / 1000000; }

bool os_is_privileged(void) { return issetugid() != 0; }

size_t os_program_path(char *path, size_t size) {
    uint32_t room = (uint32_t)size;
    return _NSGetExecutablePath(path, &room) == 0 ? strlen(path) : 0;
}

/* ---- Limits ----------------------------------------------------------------------------------------------------- */

static size_t limit_of(int resource) {
    struct rlimit limit;
    bool finite = getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return finite && limit.rlim_cur < SIZE_MAX ? (size_t)limit.rlim_cur : SIZE_MAX;
}

size_t os_address_limit(void) {
    int error = errno;
    size_t addresses = limit_of(RLIMIT_AS), data = limit_of(RLIMIT_DATA);
    errno = error;
    return addresses < data ? addresses : data;
}

size_t os_mappings_most(void) { return SIZE_MAX; }

bool os_has_room(size_t size) {
    int error = errno;
    void *mapped = map_memory(PROT_READ | PROT_WRITE, NULL, size, 0);
    if (mapped)
        munmap(mapped, size);
    errno = error;
    return mapped != NULL;
}

/* ---- Chance ----------------------------------------------------------------------------------------------------- */

/* A program that is started without chance (a debugger does that) lies where its file says. */
uint64_t os_random(void) {
    int error = errno;
    uint64_t bits = 0;
    if (_dyld_get_image_vmaddr_slide(0) != 0 && getentropy(&bits, sizeof bits) != 0)
        bits = os_clock_ms() * 0x9E3779B97F4A7C15u;
    errno = error;
    return bits;
}
