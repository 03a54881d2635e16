/* SPDX-License-Identifier: MIT */
/* random_addresses.c: the heap and its tables lie elsewhere in each run. They lie at the same addresses where the
 * option fixed_addresses says so, or, on Linux, where the system was told to randomize nothing (setarch -R).
 *
 * The program runs itself. Each run writes its addresses to a file.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "memory/unit.h"
#if !defined(_WIN32)
#include <sys/personality.h>
#endif

enum { FIXED_RUNS = 3, SECONDS = 30 };
#if defined(_WIN32)
enum { RUNS = 12, DIFFERENT_LEAST = sizeof(void *) > 4 ? 10 : 6 };
#else
/* 64 bit: 21 bits of chance. With 14 bits or less a run of this test would hardly ever have so many different places.
 * 32 bit: 7 bits; with 4 bits there are 16 places. */
enum { RUNS = 300, DIFFERENT_LEAST = sizeof(void *) > 4 ? 298 : 40 };
#endif

enum { SPAN_SHIFT = sizeof(void *) > 4 ? 40 : 0 };

static uintptr_t pieces[RUNS], tables[RUNS];

static void tell(const char *file_name) {
    void *piece = brainmm_alloc(100);
    FILE *file = fopen(file_name, "w");
    CHECK(piece != NULL && file != NULL);
    fprintf(file, "%" PRIxPTR " %" PRIxPTR "\n", (uintptr_t)piece, (uintptr_t)window.table);
    CHECK(fclose(file) == 0);
}

static void run_many(const char *program, unsigned runs) {
    char name[64];
#if defined(_WIN32)
    snprintf(name, sizeof name, "random_addresses_%lu.txt", (unsigned long)GetCurrentProcessId());
#else
    snprintf(name, sizeof name, "random_addresses_%lu.txt", (unsigned long)getpid());
#endif
    for (unsigned i = 0; i < runs; i++) {
        CHECK(run_again(program, name, SECONDS) == TEST_PASSED);
        FILE *file = fopen(name, "r");
        CHECK(file != NULL && fscanf(file, "%" SCNxPTR " %" SCNxPTR, &pieces[i], &tables[i]) == 2);
        fclose(file);
    }
    remove(name);
}

static unsigned different(const uintptr_t *values, unsigned count) {
    unsigned result = 0;
    for (unsigned i = 0, k; i < count; i++) {
        for (k = 0; k < i && values[k] != values[i]; k++)
            ;
        result += k == i;
    }
    return result;
}

static void set_option(const char *value) {
#if defined(_WIN32)
    CHECK(SetEnvironmentVariableA("BRAINMM_OPTIONS", value));
#else
    CHECK(value ? setenv("BRAINMM_OPTIONS", value, 1) == 0 : unsetenv("BRAINMM_OPTIONS") == 0);
#endif
}

int main(int argc, char **argv) {
    if (argc == 2) {
        tell(argv[1]);
        return TEST_PASSED;
    }
    watchdog_start(100);
    run_many(argv[0], RUNS);
    unsigned places = different(pieces, RUNS);
    printf("%u runs: the heap at %u places, its tables at %u\n", RUNS, places, different(tables, RUNS));
    CHECK(places >= DIFFERENT_LEAST);
    CHECK(sizeof(void *) == 4 || different(tables, RUNS) >= DIFFERENT_LEAST);
    if (sizeof(void *) > 4) { /* a piece does not tell where the tables are */
        uintptr_t distances[RUNS];
        for (unsigned i = 0; i < RUNS; i++)
            distances[i] = tables[i] - (pieces[i] >> SPAN_SHIFT << SPAN_SHIFT);
        CHECK(different(distances, RUNS) >= DIFFERENT_LEAST);
    }

    set_option("fixed_addresses");
    run_many(argv[0], FIXED_RUNS);
    CHECK_MSG(different(pieces, FIXED_RUNS) == 1, "with the option at %" PRIxPTR " and %" PRIxPTR, pieces[0],
              pieces[1]);
    CHECK(sizeof(void *) == 4 || different(tables, FIXED_RUNS) == 1);
#if !defined(_WIN32)
    set_option(NULL);
    if (personality(ADDR_NO_RANDOMIZE) == -1)
        test_skip("this system always randomizes addresses");
    run_many(argv[0], FIXED_RUNS);
    CHECK_MSG(different(pieces, FIXED_RUNS) == 1, "with setarch -R at %" PRIxPTR " and %" PRIxPTR, pieces[0],
              pieces[1]);
    CHECK(different(tables, FIXED_RUNS) == 1);
#endif
    return TEST_PASSED;
}
