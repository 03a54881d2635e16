/* SPDX-License-Identifier: MIT */
/* tables.c (POSIX): memory that is written during the module's start only.
 *
 * OS_TABLE places a variable among what an ELF linker keeps together because it is constant once the loader has put
 * addresses into it (PT_GNU_RELRO). The loader makes those pages read-only before any code of the module runs. Here
 * they become writable for the start. Nothing else that is ever written lies on them, whatever the size of a page, and
 * whichever program or library contains the static core.
 */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "os_inline.h"
#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

struct tables {
    uintptr_t first, end;
    bool are_constant; /* to the loader, in pages of their own */
};

/* The loader protects whole pages. What is left at the end shares its page with variables. */
static int image_visit(struct dl_phdr_info *info, size_t size, void *data) {
    struct tables *tables = data;
    uintptr_t page = getauxval(AT_PAGESZ);
    (void)size;
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t first = (uintptr_t)(info->dlpi_addr + segment->p_vaddr), end = first + segment->p_memsz;
        if (segment->p_type == PT_GNU_RELRO && tables->first >= first && tables->end <= (end & ~(page - 1))) {
            tables->first &= ~(page - 1);
            tables->end = (tables->end + page - 1) & ~(page - 1);
            tables->are_constant = true;
            return 1;
        }
    }
    return 0;
}

/* A program that is linked with -z norelro has no such pages. The tables are then variables like others. */
bool os_protect_tables(void *first, size_t size, bool writable) {
    struct tables tables = {.first = (uintptr_t)first, .end = (uintptr_t)first + size};
    dl_iterate_phdr(image_visit, &tables);
    return !tables.are_constant || mprotect((void *)tables.first, tables.end - tables.first,
                                            writable ? PROT_READ | PROT_WRITE : PROT_READ) == 0;
}
