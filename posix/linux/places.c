/* SPDX-License-Identifier: MIT */
/* places.c (Linux): the places of rendezvous.h.
 *
 * A place is one page at an agreed address. An owner maps a memfd named `brainmm` there that holds its record: in one
 * step, and only if nothing is mapped there yet (MAP_FIXED_NOREPLACE). So the kernel decides who comes first. The
 * mapping is private to the process, shows in /proc/self/maps, is inherited by fork, and is gone after exec. Where the
 * system gives no memfd, the page is new memory, which the owner fills in as soon as it has it.
 *
 * The page holds no address. Else a program that can be made to read one known address would give away where code lies.
 *
 * errno is left as it was, because this may be running inside a malloc. A sanitizer would take the look at a place for
 * a wild read, and a thread could be cancelled in functions of libc. So system calls are made directly.
 */
#define _GNU_SOURCE /* memfd_create */
#include "base/atomic.h"
#include "base/text.h"
#include "images.h"
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
#define RECORD_PAGE_BYTES 4096 /* a mapping of it is one page, however large pages are */
_Static_assert(sizeof(struct brainmm_record) == 48 && offsetof(struct brainmm_record, image) == 40, "docs/abi.md");

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

/* ---- Looking ---------------------------------------------------------------------------------------------------- */

/* Without /proc, the checks of what lies there must do. */
static bool is_shared(uintptr_t address) {
    char rights[4];
    return maps_rights(address, rights) && rights[3] != 'p';
}

/* Puts addresses in the place of what the record says about them. False if its image is not loaded. */
static bool make_absolute(struct brainmm_record *record) {
    struct image image = {.name = record->image};
    if (!image_named(&image))
        return false;
    if (record->version1 != 0)
        record->version1 += image.start;
    if (record->manager != 0)
        record->manager += image.start;
    return true;
}

/* In a page that is being filled in, the word that tells so may be read after what is not there yet. So what comes with
 * a word that is there is read once more. */
static enum rendezvous_look page_look(uintptr_t address, struct brainmm_record *record, const char **reason) {
    if (is_shared(address)) {
        *reason = "it is shared memory";
        return PLACE_REFUSED;
    }
    if (!os_peek(record, (const void *)address, sizeof *record)) {
        *reason = "it cannot be read";
        return PLACE_REFUSED;
    }
    if ((uintptr_t)record->version1 == 0) {
        struct image image;
        if (!image_of((const void *)address, &image))
            return PLACE_UNFILLED;
        *reason = "an image loaded in this process lies there"; /* nobody is filling it in */
        return PLACE_REFUSED;
    }
    if (!os_peek(record, (const void *)address, sizeof *record) || !make_absolute(record)) {
        *reason = "it names no image loaded in this process";
        return PLACE_REFUSED;
    }
    return PLACE_FILLED;
}

/* A filter of system calls may refuse the question whether anything is there. */
enum rendezvous_look rendezvous_look(unsigned place, struct brainmm_record *record, const char **reason) {
    uintptr_t address = addresses[place];
    unsigned char resident;
    int error = errno;
    enum rendezvous_look look = PLACE_EMPTY;
    if (syscall(SYS_mincore, address, (size_t)1, &resident) == 0)
        look = page_look(address, record, reason);
    else if (errno != ENOMEM && os_peek(record, (const void *)address, sizeof *record))
        look = page_look(address, record, reason);
    errno = error;
    return look;
}

/* ---- Claiming --------------------------------------------------------------------------------------------------- */

/* The reverse of make_absolute(). The addresses lie in one image, the owner's. */
static bool make_relative(struct brainmm_record *record) {
    struct image image;
    if (!image_of((const void *)(uintptr_t)record->version1, &image))
        return false;
    record->version1 -= image.start;
    if (record->manager != 0)
        record->manager -= image.start;
    record->image = image.name;
    return true;
}

/* A file in memory with the record in its only page, sealed; -1 if the system has none to give. */
static int record_file(const struct brainmm_record *record) {
    int fd = (int)syscall(SYS_memfd_create, "brainmm", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (fd < 0)
        fd = (int)syscall(SYS_memfd_create, "brainmm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (syscall(SYS_write, fd, record, sizeof *record) != (long)sizeof *record ||
        ftruncate(fd, RECORD_PAGE_BYTES) != 0) {
        syscall(SYS_close, fd);
        return -1;
    }
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return fd;
}

/* A kernel before 4.17 takes the address for a wish. Then the result tells that somebody else is there. */
static bool page_map(void *wanted, int protection, int flags, int fd) {
    void *page = mmap(wanted, RECORD_PAGE_BYTES, protection, MAP_PRIVATE | MAP_FIXED_NOREPLACE | flags, fd, 0);
    if (page != MAP_FAILED && page != wanted)
        munmap(page, RECORD_PAGE_BYTES);
    return page == wanted;
}

static bool claim_with_file(void *wanted, const struct brainmm_record *record) {
    int fd = record_file(record);
    bool claimed = fd >= 0 && page_map(wanted, PROT_READ, 0, fd);
    if (fd >= 0)
        syscall(SYS_close, fd);
    return claimed;
}

/* Others find a page without a record in it, and wait. If the system then refuses to make it read only, it stays as it
 * is: others may be reading it. */
static bool claim_with_memory(void *wanted, const struct brainmm_record *record) {
    struct brainmm_record *page = wanted;
    if (!page_map(wanted, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1))
        return false;
    memcpy((char *)page + sizeof(uintptr_t), (const char *)record + sizeof(uintptr_t),
           sizeof *record - sizeof(uintptr_t));
    /* Pairs with nothing but the order of writes: readers in other modules have the kernel copy the page. */
    word_store_release((uintptr_t *)wanted, (uintptr_t)record->version1);
    mprotect(wanted, RECORD_PAGE_BYTES, PROT_READ);
    return true;
}

bool rendezvous_claim(unsigned place, const struct brainmm_record *record) {
    void *wanted = (void *)addresses[place];
    struct brainmm_record relative = *record;
    int error = errno;
    bool claimed =
        make_relative(&relative) && (claim_with_file(wanted, &relative) || claim_with_memory(wanted, &relative));
    errno = error;
    return claimed;
}

/* FastMM's sharing is one of Windows. */
int BRAINMM_CALL heap_publish_fastmm(void) { return BRAINMM_E_UNSUPPORTED; }
