/* SPDX-License-Identifier: MIT */
/* tables_read_only.c: after the start nobody can write to the tables through which the heap is called, neither those of
 * the owner nor those of a module that attached. The leak flag is the one exception. What lies beside the tables is as
 * writable as ever.
 *
 * With an argument, the number of a table, the program writes to that table and must crash.
 */
#include "rendezvous_party.h"
#if defined(BRAINMM_STATIC) /* linked with the core, whose other tables have no names outside */
#include "share/foreign.h"
#include "share/manager.h"
#endif

#if defined(_WIN32)
#define SECOND_FILE "second\\" LIBRARY_FILE
#else
#define SECOND_FILE "second/" LIBRARY_FILE
#endif

enum { TABLES_MOST = 10 };

static struct {
    const char *name;
    const void *table;
    size_t size;
} tables[TABLES_MOST];
static unsigned count;

static void add(const char *name, const void *table, size_t size) {
    CHECK(count < TABLES_MOST && table != NULL);
    tables[count].name = name;
    tables[count].table = table;
    tables[count++].size = size;
}

static void collect(void) {
    const struct brainmm_manager *manager = brainmm_get_manager(), *symbol;
    add("the published table", manager, manager->size);
    add("the version-1 table", manager->version1, 24 * sizeof(void *));
    add("the version-1 options", manager->version1[0], 11 + sizeof(void *));
    add("this module's table", &brainmm_manager, sizeof brainmm_manager);
    module_symbol(module_load(path_beside(SECOND_FILE)), "brainmm_manager", &symbol);
    CHECK(symbol != manager && symbol->heap_id == manager->heap_id);
    add("the table of another module", symbol, symbol->size);
#if defined(BRAINMM_STATIC)
    add("the functions in use", &manager_active, sizeof manager_active);
    add("the copy of a foreign owner's table", &foreign_owner, sizeof foreign_owner);
#endif
}

static void check_rights(void) {
    static int variable = 1;
    unsigned rights;
    for (unsigned i = 0; i < count; i++)
        for (size_t at = 0; at < tables[i].size; at += sizeof(void *)) {
            const char *word = (const char *)tables[i].table + at;
            const void *page = (const void *)((uintptr_t)word & ~(uintptr_t)4095);
            CHECK(brainmm_pages_get_rights(page, &rights) == BRAINMM_OK);
            CHECK_MSG(rights == BRAINMM_READ, "%s: rights %u", tables[i].name, rights);
        }
    CHECK(brainmm_pages_get_rights((void *)((uintptr_t)&variable & ~(uintptr_t)4095), &rights) == BRAINMM_OK);
    CHECK((rights & (BRAINMM_READ | BRAINMM_WRITE)) == (BRAINMM_READ | BRAINMM_WRITE));
}

static void check_flag(void) {
    const unsigned char *options = brainmm_get_manager()->version1[0];
    unsigned char *flag;
    memcpy(&flag, options + 11, sizeof flag);
    *flag = 1;
    CHECK(*(volatile unsigned char *)flag == 1);
    *flag = 0;
}

int main(int argc, char **argv) {
    collect();
    if (argc > 1) {
        volatile char *table = (volatile char *)(uintptr_t)tables[atoi(argv[1])].table;
#if defined(_WIN32)
        SetErrorMode(SEM_NOGPFAULTERRORBOX | SEM_FAILCRITICALERRORS);
#endif
        *table = *table;
        return TEST_PASSED;
    }
    check_rights();
    check_flag();
    for (unsigned i = 0; i < count; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i);
        int64_t code = run_again(argv[0], number, 20);
        CHECK_MSG(code == RUN_CRASHED, "writing to %s ended with %d", tables[i].name, (int)code);
    }
    printf("%u tables\n", count);
    return TEST_PASSED;
}
