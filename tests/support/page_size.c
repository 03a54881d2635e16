/* SPDX-License-Identifier: MIT */
/* page_size.c: replaces functions of os.h (the linker's --wrap), so that the core finds pages of TEST_PAGE_SIZE bytes
 * on a system with smaller ones. os_facts.page says that size, and the core must ask the system for whole pages only.
 *
 * In modes without TEST_PAGE_SIZE this file is empty.
 */
typedef int no_empty_file;

#if defined(TEST_PAGE_SIZE)
#include "heap_support.h"
#include "os.h"

void __real_os_facts_start(void);
bool __real_os_commit(void *address, size_t size);
bool __real_os_decommit(void *address, size_t size);
bool __real_os_protect(void *address, size_t size, unsigned rights);
size_t __real_os_move_pages(void *to, void *from, size_t size, bool *lost);
void __wrap_os_facts_start(void);
bool __wrap_os_commit(void *address, size_t size);
bool __wrap_os_decommit(void *address, size_t size);
bool __wrap_os_protect(void *address, size_t size, unsigned rights);
size_t __wrap_os_move_pages(void *to, void *from, size_t size, bool *lost);

static void are_whole_pages(const char *what, const void *address, size_t size) {
    CHECK_MSG((uintptr_t)address % TEST_PAGE_SIZE == 0 && size % TEST_PAGE_SIZE == 0,
              "%s: %zu bytes at %p are not whole pages", what, size, address);
}

void __wrap_os_facts_start(void) {
    __real_os_facts_start();
    CHECK(TEST_PAGE_SIZE % os_facts.page == 0);
    os_facts.page = TEST_PAGE_SIZE;
}

bool __wrap_os_commit(void *address, size_t size) {
    are_whole_pages("os_commit", address, size);
    return __real_os_commit(address, size);
}

bool __wrap_os_decommit(void *address, size_t size) {
    are_whole_pages("os_decommit", address, size);
    return __real_os_decommit(address, size);
}

bool __wrap_os_protect(void *address, size_t size, unsigned rights) {
    are_whole_pages("os_protect", address, size);
    return __real_os_protect(address, size, rights);
}

size_t __wrap_os_move_pages(void *to, void *from, size_t size, bool *lost) {
    are_whole_pages("os_move_pages", to, size);
    are_whole_pages("os_move_pages", from, size);
    return __real_os_move_pages(to, from, size, lost);
}
#endif
