/* SPDX-License-Identifier: MIT */
/* places.c (Linux): the places of rendezvous.h.
 *
 * A place is one page at an agreed address. An owner maps a memfd named `brainmm` there that holds its record: in one
 * step, and only if nothing is mapped there yet (MAP_FIXED_NOREPLACE). So the kernel decides who comes first. The
 * mapping is private to the process, shows in /proc/self/maps, is inherited by fork, and is gone after exec.
 *
 * errno is left as it was, because this may be running inside a malloc. A sanitizer would take the look at a place for
 * a wild read. So the system call is made directly, past its interceptor. Others are made so because a thread could be
 * cancelled in the functions of libc.
 */
#define _GNU_SOURCE /* memfd_create */
#include "base/text.h"
#include "linux/maps.h"
#include "os.h"
#include "share/rendezvous.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* Linux 6.3; a system can be set up to demand it */
#endif
#define RECORD_FILE_BYTES 4096 /* a mapping of it is one page, however large pages are */

static const uintptr_t addresses[BRAINMM_PLACE_COUNT] = BRAINMM_PLACES;
const unsigned rendezvous_places = BRAINMM_PLACE_COUNT;

/* Delphi's RTL has hooks of another form here, which take NULL for "none". */
const bool rendezvous_has_thread_hooks = false;

const char *rendezvous_place_name(unsigned place) {
    static char name[32];
    struct text text = TEXT_IN(name);
    text_add(&text, "address 0x");
    text_add_hex(&text, addresses[place]);
    return name;
}

/* Without /proc, the checks of what lies there must do. */
static bool is_shared(uintptr_t address) {
    char rights[4];
    return maps_rights(address, rights) && rights[3] != 'p';
}

enum rendezvous_look rendezvous_look(unsigned place, struct brainmm_record *record, const char **reason) {
    uintptr_t address = addresses[place];
    unsigned char resident;
    int error = errno;
    enum rendezvous_look look = PLACE_EMPTY;
    if (syscall(SYS_mincore, address, (size_t)1, &resident) == 0) {
        look = PLACE_REFUSED;
        if (is_shared(address))
            *reason = "it is shared memory";
        else if (!os_peek(record, (const void *)address, sizeof *record))
            *reason = "it cannot be read";
        else
            look = PLACE_FILLED;
    }
    errno = error;
    return look;
}

/* A file in memory with the record in its only page, sealed; -1 if the system has none to give. */
static int record_file(const struct brainmm_record *record) {
    int fd = (int)syscall(SYS_memfd_create, "brainmm", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (fd < 0)
        fd = (int)syscall(SYS_memfd_create, "brainmm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    bool written = syscall(SYS_write, fd, record, sizeof *record) == (long)sizeof *record;
    if (!written || ftruncate(fd, RECORD_FILE_BYTES) != 0) {
        syscall(SYS_close, fd);
        return -1;
    }
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return fd;
}

/* A kernel before 4.17 takes the address for a wish. Then the result tells that somebody else is there. */
bool rendezvous_claim(unsigned place, const struct brainmm_record *record) {
    void *wanted = (void *)addresses[place];
    int error = errno;
    int fd = record_file(record);
    void *page = MAP_FAILED;
    if (fd >= 0) {
        page = mmap(wanted, RECORD_FILE_BYTES, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);
        syscall(SYS_close, fd);
    }
    if (page != MAP_FAILED && page != wanted)
        munmap(page, RECORD_FILE_BYTES);
    errno = error;
    return page == wanted;
}
