/* rendezvous.c (POSIX): the places, images and pins of rendezvous.h on Linux.
 *
 * A place is one page at an agreed address. An owner maps a memfd named `brainmm` there that holds its record: in one
 * step, and only if nothing is mapped there yet (MAP_FIXED_NOREPLACE), so the kernel decides who comes first. The
 * mapping is private to the process, shows in /proc/self/maps, is inherited by fork and gone with exec.
 *
 * errno is left as it was, because this may be running inside a malloc. Where a sanitizer would take the look at a
 * place for a wild read, the system call is made directly, past its interceptor.
 */
#define _GNU_SOURCE /* dl_iterate_phdr, memfd_create */
#include "rendezvous.h"
#include "lifecycle.h"
#include "os.h"
#include <errno.h>
#include <fcntl.h>
#include <link.h>
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

static const uintptr_t addresses[BRAINMM_PLACE_COUNT] = BRAINMM_PLACES;
const unsigned rendezvous_places = BRAINMM_PLACE_COUNT;

/* Delphi's RTL has hooks of another form here, which take NULL for "none". */
const bool rendezvous_has_thread_hooks = false;

const char *rendezvous_place_name(unsigned place) {
    static char name[] = "address 0x0000000000000000";
    uintptr_t rest = addresses[place];
    for (size_t digit = sizeof name - 2; name[digit] != 'x'; digit--, rest >>= 4)
        name[digit] = "0123456789abcdef"[rest & 15];
    return name;
}

/* ---- Places ----------------------------------------------------------------------------------------------------- */

/* Reads "first-end rights ..." from the system's list of mappings, which is in the order of addresses. True when the
 * mapping that ADDRESS lies in is one that another process may share. */
static bool is_shared(uintptr_t address) {
    char buffer[1024], rights[4] = "";
    enum { FIRST, END, RIGHTS, REST } field = FIRST;
    uintptr_t first = 0, end = 0;
    size_t rights_length = 0;
    ssize_t length;
    bool found = false;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false; /* no /proc here: the checks of what lies there must do */
    while (!found && (length = syscall(SYS_read, fd, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < length && !found; i++) {
            char c = buffer[i];
            if (c == '\n') {
                field = FIRST;
                first = end = 0;
                rights_length = 0;
            } else if (field == RIGHTS) {
                rights[rights_length++] = c;
                found = rights_length == sizeof rights && address >= first && address < end;
                if (rights_length == sizeof rights)
                    field = REST;
            } else if (c == '-' || c == ' ') {
                field = field == FIRST ? END : field == END ? RIGHTS : REST;
            } else if (field != REST) {
                uintptr_t *number = field == FIRST ? &first : &end;
                *number = *number << 4 | (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
            }
        }
    }
    close(fd);
    return found && rights[3] != 'p';
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
    if (write(fd, record, sizeof *record) != (ssize_t)sizeof *record || ftruncate(fd, OS_PAGE) != 0) {
        close(fd);
        return -1;
    }
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return fd;
}

/* A kernel before 4.17 takes the address for a wish: then the result tells that somebody else is there. */
bool rendezvous_claim(unsigned place, const struct brainmm_record *record) {
    void *wanted = (void *)addresses[place];
    int error = errno;
    int fd = record_file(record);
    void *page = MAP_FAILED;
    if (fd >= 0) {
        page = mmap(wanted, OS_PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);
        close(fd);
    }
    if (page != MAP_FAILED && page != wanted)
        munmap(page, OS_PAGE);
    errno = error;
    return page == wanted;
}

/* ---- Images ----------------------------------------------------------------------------------------------------- */

struct image_search {
    uintptr_t from; /* which bytes */
    size_t size;
    ElfW(Word) rights; /* PF_R or PF_X: what their segment must allow */
    void *copy;        /* where to, or NULL */
    const void *image; /* which image they are in: the address of its table of segments */
};

/* The copy is made while the list of images is locked, so that the image cannot go away. Byte by byte, because a
 * sanitizer knows where the variables of the image begin and end, and may not agree that a table lies there. */
#if defined(__clang__)
__attribute__((no_sanitize("address", "thread")))
#endif
static int
image_visit(struct dl_phdr_info *info, size_t info_size, void *data) {
    struct image_search *search = data;
    (void)info_size;
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t skip = search->from - (uintptr_t)(info->dlpi_addr + segment->p_vaddr);
        if (segment->p_type != PT_LOAD || (segment->p_flags & search->rights) != search->rights ||
            skip >= segment->p_memsz || search->size > segment->p_memsz - skip)
            continue;
        const volatile char *from = (const volatile char *)search->from;
        for (size_t byte = 0; search->copy && byte < search->size; byte++)
            ((char *)search->copy)[byte] = from[byte];
        search->image = info->dlpi_phdr;
        return 1;
    }
    return 0;
}

bool rendezvous_read(void *copy, const void *from, size_t size, const void **image) {
    struct image_search search = {.from = (uintptr_t)from, .size = size, .rights = PF_R, .copy = copy};
    dl_iterate_phdr(image_visit, &search);
    *image = search.image;
    return search.image != NULL;
}

bool rendezvous_is_code(const void *function, const void *image) {
    struct image_search search = {.from = (uintptr_t)function, .size = 1, .rights = PF_X};
    dl_iterate_phdr(image_visit, &search);
    return search.image != NULL && search.image == image;
}

/* dlopen, which pins, may not be called from here, since it allocates: the constructor does it. */
bool rendezvous_pin(const void *address) {
    lifecycle_pin_later(address);
    return true;
}
