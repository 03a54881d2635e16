/* SPDX-License-Identifier: MIT */
/* pages.c (macOS): memory as Mach has it: exact places, memory given back in its place, pages that move, questions
 * about any page.
 *
 * To the kernel, a region is a few objects with pages, and the mappings of parts of them. Pages belong to the object.
 * If a part is unmapped, its pages stay in the object until nothing of that is mapped any more. So memory that is given
 * back stays mapped, and what is in it is discarded.
 */
#include "brainmm.h"
#include "map.h"
#include "os.h"
#include <errno.h>
#include <libkern/OSCacheControl.h>
#include <mach/mach.h>

int map_reserved_rights = PROT_READ | PROT_WRITE;

#if !defined(MADV_ZERO)
#define MADV_ZERO 11 /* macOS 14 */
#endif

/* ---- Mapping ---------------------------------------------------------------------------------------------------- */

void *map_memory(int protection, void *address, size_t size, int more) {
    void *mapped = mmap(address, size, protection, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE | more, -1, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

/* VM_FLAGS_FIXED without VM_FLAGS_OVERWRITE: exactly there, and only if nothing is there yet. mmap has no such flag. */
enum os_reserved os_reserve_at(void *address, size_t size) {
    vm_address_t place = (vm_address_t)address;
    if (!address)
        return OS_TAKEN;
    kern_return_t result = vm_map(mach_task_self(), &place, size, 0, VM_FLAGS_FIXED, MEMORY_OBJECT_NULL, 0, FALSE,
                                  map_reserved_rights == PROT_NONE ? VM_PROT_NONE : VM_PROT_READ | VM_PROT_WRITE,
                                  VM_PROT_ALL, VM_INHERIT_COPY);
    return result == KERN_SUCCESS ? OS_RESERVED : result == KERN_RESOURCE_SHORTAGE ? OS_REFUSED : OS_TAKEN;
}

/* What MADV_FREE_REUSABLE discards may be read until the kernel needs the memory. So it is zeroed first: by the kernel,
 * which leaves out what is not there. Before macOS 14 it cannot, and after a fork it may refuse to. Then the memory is
 * mapped anew. */
bool os_decommit(void *address, size_t size) {
    int error = errno;
    bool done = mprotect(address, size, PROT_READ | PROT_WRITE) == 0 && madvise(address, size, MADV_ZERO) == 0;
    madvise(address, size, MADV_FREE_REUSABLE);
    if (!done)
        done = map_memory(map_reserved_rights, address, size, MAP_FIXED) != NULL;
    else if (map_reserved_rights == PROT_NONE)
        done = mprotect(address, size, PROT_NONE) == 0;
    errno = error;
    if (map_decommitted && done)
        map_decommitted(address, size);
    return done;
}

void os_expect_use(void *address, size_t size) { (void)address, (void)size; }

void os_flush_code(const void *code, size_t size) { sys_icache_invalidate((void *)(uintptr_t)code, size); }

/* The kernel maps from the bottom up. The window lies high, below the addresses that the system's own malloc wants. */
uintptr_t os_window_end(void) { return (uintptr_t)6 << 44; }

/* ---- Moving ----------------------------------------------------------------------------------------------------- */

/* After a move to TARGET has failed: whether all of it is still reserved, or can be had again. */
static bool is_ours_still(void *target, size_t size) {
    return os_pages_are_mapped(target, size) || os_reserve_at(target, size) == OS_RESERVED;
}

/* The target becomes another mapping of the source's pages, which keep their rights. Then the source is mapped anew.
 * Who is killed in between leaves the pages in both places, and uses neither. */
size_t os_move_pages(void *to, void *from, size_t size, bool *lost) {
    vm_address_t target = (vm_address_t)to;
    vm_prot_t rights, most;
    if (map_reserved_rights == PROT_NONE)
        return 0;
    int error = errno;
    madvise(to, size, MADV_FREE_REUSABLE); /* what may be there already is not needed */
    kern_return_t result = vm_remap(mach_task_self(), &target, size, 0, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE,
                                    mach_task_self(), (vm_address_t)from, FALSE, &rights, &most, VM_INHERIT_COPY);
    bool moved = result == KERN_SUCCESS && map_memory(map_reserved_rights, from, size, MAP_FIXED) != NULL;
    if (result != KERN_SUCCESS)
        *lost = !is_ours_still(to, size);
    else if (!moved) /* both are the same memory now: the target must become another one, or be left alone */
        *lost = map_memory(map_reserved_rights, to, size, MAP_FIXED) == NULL;
    errno = error;
    if (map_decommitted && moved)
        map_decommitted(from, size);
    return moved ? size : 0;
}

/* ---- Any page --------------------------------------------------------------------------------------------------- */

bool os_peek(void *copy, const void *from, size_t size) {
    vm_size_t done = 0;
    return vm_read_overwrite(mach_task_self(), (vm_address_t)from, size, (vm_address_t)copy, &done) == KERN_SUCCESS &&
           done == size;
}

/* The mapping that ADDRESS lies in: its end and its rights. */
static bool region_at(vm_address_t address, vm_address_t *end, vm_prot_t *rights) {
    vm_region_basic_info_data_64_t info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    vm_address_t start = address;
    vm_size_t size = 0;
    mach_port_t object = MACH_PORT_NULL;
    if (vm_region_64(mach_task_self(), &start, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count,
                     &object) != KERN_SUCCESS ||
        start > address)
        return false;
    *end = start + size;
    *rights = info.protection;
    return true;
}

bool os_pages_are_mapped(const void *address, size_t size) {
    vm_address_t at = (vm_address_t)address, end = at + size;
    vm_prot_t rights;
    while (at < end)
        if (!region_at(at, &at, &rights))
            return false;
    return true;
}

bool os_page_rights(const void *page, unsigned *rights) {
    vm_address_t end;
    vm_prot_t known;
    if (!region_at((vm_address_t)page, &end, &known))
        return false;
    *rights = (known & VM_PROT_READ ? BRAINMM_READ : 0u) | (known & VM_PROT_WRITE ? BRAINMM_WRITE : 0u) |
              (known & VM_PROT_EXECUTE ? BRAINMM_EXECUTE : 0u);
    return true;
}
