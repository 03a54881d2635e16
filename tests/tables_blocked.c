/* SPDX-License-Identifier: MIT */
/* tables_blocked.c: on 64 bit the heap's tables grow behind themselves. If other memory lies there, the heap cannot
 * grow: it says so once, requests beyond what is left return NULL, and all else works. When the memory is gone, the
 * heap grows again.
 *
 * White box: linked with the static core and the linker's --wrap for os_print (tests.mk).
 */
#include "heap_whole.h"

#include "brainmm.h"
#include "memory/region.h"
#include "os.h"

static unsigned said;

void __wrap_os_print(const char *text);
void __wrap_os_print(const char *text) {
    CHECK(strstr(text, "other memory lies behind its tables") != NULL);
    said++;
}

#if !WINDOW_IS_EVERYTHING
enum { BLOCKS = 64 };
static void *blocks[BLOCKS];

/* A block of 256 MiB costs addresses only, until it is touched. */
static unsigned fill(void) {
    unsigned count = 0;
    while (count < BLOCKS && (blocks[count] = brainmm_block_get(256 * MIB, BRAINMM_USER)) != NULL)
        count++;
    return count;
}

static void empty(unsigned count) {
    while (count > 0)
        CHECK(brainmm_block_free(blocks[--count], BRAINMM_USER) == BRAINMM_OK);
}

int main(void) {
    watchdog_start(60);
    CHECK((blocks[0] = brainmm_alloc(100)) != NULL && brainmm_free(blocks[0]) == BRAINMM_OK);
    char *end = window.table + load_relaxed(&window.mask) + sizeof(struct unit);
    CHECK(os_reserve_at(end, os_facts.granule) == OS_RESERVED);
    unsigned left = fill();
    CHECK_MSG(left < 8, "%u blocks", left);
    CHECK_MSG(said == 1, "it was said %u times", said);
    void *pieces[100];
    for (unsigned i = 0; i < 100; i++) /* in what is left */
        CHECK((pieces[i] = brainmm_alloc(5000)) != NULL);
    heap_is_whole("the tables were blocked");
    for (unsigned i = 0; i < 100; i++)
        CHECK(brainmm_free(pieces[i]) == BRAINMM_OK);
    empty(left);
    unsigned again = fill(); /* the emergency reserve may now lie where a block was */
    CHECK_MSG(again + 1 >= left && said == 1, "%u blocks, %u before; it was said %u times", again, left, said);
    empty(again);
    CHECK(os_release(end, os_facts.granule));
    unsigned all = fill();
    CHECK_MSG(all > left + 4, "%u blocks, %u before", all, left);
    heap_is_whole("the tables have grown");
    empty(all);
    return TEST_PASSED;
}
#else
int main(void) { test_skip("the tables do not grow on 32 bit"); }
#endif
