/* SPDX-License-Identifier: MIT */
/* tables.c (macOS): memory that is written during the module's start only. OS_TABLE places it in a segment, which
 * begins and ends with a page. The loader leaves the segment writable, and nothing else lies there. */
#include "os.h"
#include "os_inline.h"
#include <sys/mman.h>

bool os_protect_tables(void *first, size_t size, bool writable) {
    uintptr_t page = os_facts.page, start = (uintptr_t)first & ~(page - 1);
    uintptr_t end = ((uintptr_t)first + size + page - 1) & ~(page - 1);
    return mprotect((void *)start, end - start, writable ? PROT_READ | PROT_WRITE : PROT_READ) == 0;
}
