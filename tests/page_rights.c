/* SPDX-License-Identifier: MIT */
/* page_rights.c: the unit of access rights is the system's page, whatever its size. The library tells that size, sets
 * the rights of whole pages, and refuses parts of pages. Pages and blocks stay multiples of 4 KiB.
 */
#include "heap_support.h"

#include "brainmm.h"

#define READ_WRITE (BRAINMM_READ | BRAINMM_WRITE)

static unsigned rights_of(const void *page) {
    unsigned rights = 99;
    CHECK(brainmm_pages_get_rights(page, &rights) == BRAINMM_OK);
    return rights;
}

static void pages_of_the_system_change(size_t page) {
    size_t count = 4 * page / BRAINMM_PAGE_SIZE;
    char *pages = brainmm_pages_get(count, BRAINMM_USER);
    CHECK(pages != NULL && is_aligned(pages, page));
    memset(pages, 7, 4 * page);
    CHECK(brainmm_pages_set_rights(pages + page, page / BRAINMM_PAGE_SIZE, BRAINMM_READ) == BRAINMM_OK);
    CHECK(rights_of(pages) == READ_WRITE && rights_of(pages + page) == BRAINMM_READ);
    CHECK(rights_of(pages + 2 * page - BRAINMM_PAGE_SIZE) == BRAINMM_READ && rights_of(pages + 2 * page) == READ_WRITE);
    CHECK(pages[page] == 7);
    CHECK((pages = brainmm_pages_realloc(pages, 2 * count, BRAINMM_USER)) != NULL);
    CHECK(rights_of(pages + page) == READ_WRITE && pages[4 * page - 1] == 7);
    CHECK(brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
}

/* There are such parts only if the system's pages are larger than BRAINMM_PAGE_SIZE. */
static void parts_of_a_page_are_refused(size_t page) {
    char *pages = brainmm_pages_get(2 * page / BRAINMM_PAGE_SIZE, BRAINMM_USER);
    char *block = brainmm_block_get(4 * KIB, BRAINMM_USER);
    CHECK(pages != NULL && block != NULL);
    if (page > BRAINMM_PAGE_SIZE) {
        CHECK(brainmm_pages_set_rights(pages, 1, BRAINMM_READ) == BRAINMM_E_ARGUMENT);
        CHECK(brainmm_pages_set_rights(pages + BRAINMM_PAGE_SIZE, page / BRAINMM_PAGE_SIZE, BRAINMM_READ) ==
              BRAINMM_E_POINTER);
        CHECK(brainmm_pages_set_rights(block, 1, BRAINMM_READ) != BRAINMM_OK);
    } else {
        CHECK(brainmm_pages_set_rights(pages, 1, BRAINMM_READ) == BRAINMM_OK);
        CHECK(brainmm_pages_set_rights(block, 1, BRAINMM_READ) == BRAINMM_OK);
    }
    CHECK(brainmm_block_free(block, BRAINMM_USER) == BRAINMM_OK &&
          brainmm_pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
}

static void sizes_are_multiples_of_4_kib(void) {
    brainmm_options options;
    for (size_t count = 1; count < 40; count += 6) {
        char *pages = brainmm_pages_get(count, BRAINMM_SYSTEM);
        CHECK(pages != NULL && brainmm_get_options(pages, &options) == 1);
        CHECK(options.size == count * BRAINMM_PAGE_SIZE);
        memset(pages, 1, options.size);
        CHECK(brainmm_pages_free(pages, BRAINMM_SYSTEM) == BRAINMM_OK);
    }
}

int main(void) {
    size_t page = brainmm_system_page_size();
    watchdog_start(60);
#if defined(TEST_PAGE_SIZE)
    CHECK(page == TEST_PAGE_SIZE);
#else
    CHECK(page == 4096);
#endif
    pages_of_the_system_change(page);
    parts_of_a_page_are_refused(page);
    sizes_are_multiples_of_4_kib();
    printf("pages of %zu bytes\n", page);
    return TEST_PASSED;
}
