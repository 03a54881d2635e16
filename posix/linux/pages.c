/* SPDX-License-Identifier: MIT */
/* pages.c (Linux): memory as only Linux has it: exact places, huge pages, pages that move, questions about any page. */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "brainmm.h"
#include "linux/maps.h"
#include "map.h"
#include "os.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* ---- Mapping ---------------------------------------------------------------------------------------------------- */

int map_reserved_rights = PROT_READ | PROT_WRITE;

/* The kernel is to refuse what it thinks impossible. So nothing is mapped with MAP_NORESERVE. Then what is given back
 * becomes one mapping with its neighbours, too.
 *
 * Huge pages are only where os_expect_use() wants them. Else the first touch of a table would cost 2 MiB, and memory
 * would be in use that nobody counts. */
void *map_memory(int protection, void *address, size_t size, int more) {
    void *mapped = mmap(address, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    if (os_facts.huge_pages_everywhere)
        madvise(mapped, size, MADV_NOHUGEPAGE);
    return mapped;
}

/* ThreadSanitizer asks for no place at all in the stead of one that it does not like. With the flag, that is address 0,
 * which root can have where vm.mmap_min_addr is 0. */
#pragma weak __tsan_acquire
void __tsan_acquire(void *address);

enum os_reserved os_reserve_at(void *address, size_t size) {
    if (!address)
        return OS_TAKEN;
    void *mapped = map_memory(map_reserved_rights, address, size, __tsan_acquire ? 0 : MAP_FIXED_NOREPLACE);
    if (mapped == address)
        return OS_RESERVED;
    if (mapped) { /* a kernel before 4.17 takes the address for a wish, and so do instruments */
        munmap(mapped, size);
        return OS_TAKEN;
    }
    return errno == ENOMEM || errno == EAGAIN ? OS_REFUSED : OS_TAKEN;
}

/* The memory is mapped anew. So rights and advice of before are gone, and the kernel has one mapping there again: moved
 * pages stay apart for ever. errno is left as it was, because this may be running inside a free(). */
bool os_decommit(void *address, size_t size) {
    int error = errno;
    bool done = map_memory(map_reserved_rights, address, size, MAP_FIXED) != NULL;
    if (!done) /* the process has as many mappings as it may, or has locked as much as it may */
        done = madvise(address, size, MADV_DONTNEED) == 0 && mprotect(address, size, map_reserved_rights) == 0;
    errno = error;
    if (map_decommitted && done)
        map_decommitted(address, size);
    return done;
}

void os_expect_use(void *address, size_t size) {
    uintptr_t huge = os_facts.huge_page;
    char *first = (char *)(((uintptr_t)address + huge - 1) & ~(huge - 1));
    char *end = (char *)(((uintptr_t)address + size) & ~(huge - 1));
    if (first < end)
        madvise(first, (size_t)(end - first), MADV_HUGEPAGE);
}

void os_flush_code(const void *code, size_t size) {
    __builtin___clear_cache((char *)(uintptr_t)code, (char *)(uintptr_t)code + size);
}

/* The kernel maps from the top down, a bit below the stack, as far as no instrument decides otherwise. */
uintptr_t os_window_end(void) {
    void *mapped = map_memory(PROT_NONE, NULL, os_facts.granule, 0);
    if (mapped)
        munmap(mapped, os_facts.granule);
    return (uintptr_t)mapped;
}

/* ---- Moving ----------------------------------------------------------------------------------------------------- */

/* The kernel moves what is one mapping to it. Where it refuses, it has unmapped the target already. So it is asked
 * first whether [from, from + size) is one mapping. To make that longer in its place, up to the stack of the program,
 * fails in any case, but with EFAULT only if it is not. A length beyond all addresses would do before Linux 6.17. Since
 * then that is refused before the mappings are looked at. */
static bool is_one_mapping(void *from, size_t size) {
    uintptr_t stack = getauxval(AT_RANDOM); /* sixteen bytes at its top */
    if (stack <= (uintptr_t)from + size)
        return false;
    size_t impossible = (stack - (uintptr_t)from + os_facts.granule) & ~(os_facts.granule - 1);
    return mremap(from, size, impossible, 0) == MAP_FAILED && errno != EFAULT;
}

/* After a move to TARGET has failed: whether all of it is still reserved, or can be had again. The kernel may have
 * unmapped all of it, a part, or nothing. */
static bool is_ours_still(void *target, size_t size) {
    return os_reserve_at(target, size) == OS_RESERVED || (errno == EEXIST && os_pages_are_mapped(target, size));
}

/* The longest part from SOURCE on, SIZE at most, that is one mapping: its rights differ, or parts of it were moved
 * before. Parts that are not whole are halved. */
static size_t movable_part(char *source, size_t size) {
    size_t part = size;
    while (part > os_facts.page && !is_one_mapping(source, part)) {
        size_t whole = part > os_facts.huge_page ? os_facts.huge_page : os_facts.page;
        part = (part / 2 + whole - 1) & ~(whole - 1);
    }
    return part;
}

/* Linux 5.7 can move pages and leave the mapping that they were in, so that nobody else's can get between ours. Without
 * that, nothing is moved. */
size_t os_move_pages(void *to, void *from, size_t size, bool *lost) {
    static bool unable;
    size_t moved = 0;
    while (moved < size && !word_load_relaxed(&unable) && map_reserved_rights != PROT_NONE) {
        char *source = (char *)from + moved, *target = (char *)to + moved;
        size_t part = movable_part(source, size - moved);
        if (mremap(source, part, part, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, target) != target) {
            bool refused = errno == EINVAL; /* before anything was done: an older kernel, or valgrind */
            if (refused)
                word_store_relaxed(&unable, true);
            *lost = !refused && !is_ours_still(target, part);
            break;
        }
        moved += part;
    }
    if (moved)
        os_decommit(from, moved);
    return moved;
}

/* ---- Any page --------------------------------------------------------------------------------------------------- */

/* Where process_vm_readv() is forbidden or missing, the kernel can still be had to copy, into a pipe and out of it: a
 * page at a time, which every pipe has room for. */
static bool peek_through_pipe(char *copy, const char *from, size_t size) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    size_t done = 0;
    while (done < size) {
        size_t part = size - done < 4096 ? size - done : 4096;
        if (syscall(SYS_write, ends[1], from + done, part) != (long)part ||
            syscall(SYS_read, ends[0], copy + done, part) != (long)part)
            break;
        done += part;
    }
    syscall(SYS_close, ends[0]); /* a thread could be cancelled in close() */
    syscall(SYS_close, ends[1]);
    return done == size;
}

bool os_peek(void *copy, const void *from, size_t size) {
    int error = errno;
    struct iovec to = {copy, size}, of = {(void *)(uintptr_t)from, size};
    ssize_t done = process_vm_readv(getpid(), &to, 1, &of, 1, 0);
    bool read = done == (ssize_t)size;
    if (done < 0 && errno != EFAULT)
        read = peek_through_pipe(copy, from, size);
    errno = error;
    return read;
}

/* Bytes for the pages that one question is about. */
#define MINCORE_PAGES 1024u

bool os_pages_are_mapped(const void *address, size_t size) {
    unsigned char resident[MINCORE_PAGES];
    size_t most = MINCORE_PAGES * os_facts.page;
    for (size_t done = 0; done < size; done += most) {
        size_t part = size - done < most ? size - done : most;
        if (mincore((char *)(uintptr_t)address + done, part, resident) != 0 && errno != EAGAIN)
            return false;
    }
    return true;
}

bool os_page_rights(const void *page, unsigned *rights) {
    char letters[4];
    if (!maps_rights((uintptr_t)page, letters))
        return false;
    *rights = (letters[0] == 'r' ? BRAINMM_READ : 0u) | (letters[1] == 'w' ? BRAINMM_WRITE : 0u) |
              (letters[2] == 'x' ? BRAINMM_EXECUTE : 0u);
    return true;
}
