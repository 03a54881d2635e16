/* SPDX-License-Identifier: MIT */
/* limit_address_space.c: a process that may have only so many addresses (ulimit -v) or so much data (ulimit -d) gets
 * nearly as many pieces from the heap as from the C library, and an eighth of the limit stays for other use. The same
 * holds for a program that limits itself after its start. What was freed can be mapped by others.
 *
 * The program runs itself, once with libbrainmm-malloc.so and once without.
 */
#include "heap_support.h"

#include <sys/resource.h>

enum { KEPT_PART = 8, THREADS = 2 };

struct fill {
    size_t size;
    unsigned percent; /* of what the C library gives, less LESS_MIB */
    bool leaves_an_eighth;
};
static const struct fill fills[] = {{100, 85, true}, {10000, 85, true}, {100000, 72, false}, {3000000, 85, true}};
enum { FILLS = sizeof fills / sizeof *fills, LESS_MIB = 8 };

struct limit {
    int resource;
    size_t mib;
    bool after_start;
};
static const struct limit limits[] = {
    {RLIMIT_AS, 32, false}, {RLIMIT_AS, 160, false}, {RLIMIT_AS, 200, true}, {RLIMIT_DATA, 160, false}};
enum { LIMITS = sizeof limits / sizeof *limits };

static void set_limit(const struct limit *limit) {
    struct rlimit both = {limit->mib * MIB, limit->mib * MIB};
    CHECK((limit->resource == RLIMIT_AS ? setrlimit(RLIMIT_AS, &both) : setrlimit(RLIMIT_DATA, &both)) == 0);
}

/* ---- The limited program ---------------------------------------------------------------------------------------- */

static void *volatile taken, *volatile spare; /* the compiler can leave out no malloc */

static size_t fill(size_t size, void **list) {
    size_t count = 0;
    for (void **piece; (piece = malloc(size)) != NULL; count++) {
        memset(piece, 1, size < 64 ? size : 64);
        *piece = *list;
        taken = *list = piece;
    }
    return count;
}

static void release(void *list) {
    while (list) {
        void *next = *(void **)list;
        free(list);
        list = next;
    }
}

static bool can_map(size_t size) {
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return mapped != MAP_FAILED && munmap(mapped, size) == 0;
}

static void do_nothing(void *unused) { (void)unused; }

/* Prints how many MiB each size of pieces gets. */
static int limited_main(const struct limit *limit, bool is_ours) {
    size_t eighth = limit->mib * MIB / KEPT_PART;
    thread threads[THREADS];
    taken = malloc(100);
    if (limit->after_start)
        set_limit(limit);
    for (unsigned i = 0; i < FILLS; i++) {
        void *list = NULL;
        spare = malloc(200 * KIB);
        size_t count = fill(fills[i].size, &list);
        if (is_ours && fills[i].leaves_an_eighth)
            CHECK_MSG(can_map(eighth - MIB / 4), "%zu bytes are full", fills[i].size);
        free(spare); /* the C library allocates a few bytes for each thread */
        bool fits = is_ours && i == FILLS - 1 && eighth > THREADS * 9 * MIB; /* it keeps their stacks afterwards */
        for (unsigned t = 0; fits && t < THREADS; t++)
            thread_start(&threads[t], do_nothing, NULL);
        for (unsigned t = 0; fits && t < THREADS; t++)
            thread_join(&threads[t]);
        release(list);
        printf("%zu ", count * fills[i].size / MIB);
    }
    CHECK_MSG(!is_ours || limit->mib < 100 || can_map(limit->mib * MIB / 2), "what was freed cannot be mapped");
    return TEST_PASSED;
}

/* The heap's tables double when it outgrows them. The eighth stays then, too. */
static int tables_main(void) {
    struct rlimit limit;
    void *list = NULL;
    CHECK(getrlimit(RLIMIT_DATA, &limit) == 0);
    fill(10000, &list);
    CHECK_MSG(can_map((size_t)limit.rlim_cur / KEPT_PART - 16 * KIB), "limit %zu KiB", (size_t)limit.rlim_cur / KIB);
    return TEST_PASSED;
}

/* ---- The comparison --------------------------------------------------------------------------------------------- */

static void run_limited(const char *program, unsigned number, bool is_ours, size_t mib[FILLS]) {
    int ends[2], status;
    char name[8], text[256] = "";
    snprintf(name, sizeof name, "%u", number);
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(dup2(ends[1], STDOUT_FILENO) >= 0);
        if (!is_ours)
            unsetenv("LD_PRELOAD");
        if (!limits[number].after_start)
            set_limit(&limits[number]);
        alarm(60); /* stays set after the exec */
        execl(program, program, name, is_ours ? "ours" : "theirs", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    for (size_t length = 0; length < sizeof text - 1;) {
        ssize_t part = read(ends[0], text + length, sizeof text - 1 - length);
        if (part <= 0)
            break;
        length += (size_t)part;
    }
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == TEST_PASSED, "limit %u, %s: status %#x", number, text,
              (unsigned)status);
    CHECK_MSG(sscanf(text, "%zu %zu %zu %zu", &mib[0], &mib[1], &mib[2], &mib[3]) == FILLS, "'%s'", text);
}

/* At one of these limits, the tables of a heap at fixed addresses double just before the heap is full. */
static void run_tables(const char *program) {
    CHECK(setenv("BRAINMM_OPTIONS", "fixed_addresses", 1) == 0);
    for (size_t kib = 144 * KIB; kib < 154 * KIB; kib += 128) {
        int status;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            struct rlimit both = {kib * KIB, kib * KIB};
            CHECK(setrlimit(RLIMIT_DATA, &both) == 0);
            alarm(60);
            execl(program, program, "tables", (char *)NULL);
            _exit(127);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == TEST_PASSED);
    }
}

int main(int argc, char **argv) {
    if (argc == 2)
        return tables_main();
    if (argc == 3)
        return limited_main(&limits[strtoul(argv[1], NULL, 10)], strcmp(argv[2], "ours") == 0);
    watchdog_start(110);
    for (unsigned i = 0; i < LIMITS; i++) {
        size_t ours[FILLS], theirs[FILLS];
        run_limited(argv[0], i, true, ours);
        run_limited(argv[0], i, false, theirs);
        for (unsigned k = 0; k < FILLS; k++) {
            printf("limit %u, %zu bytes: %zu MiB, the C library %zu\n", i, fills[k].size, ours[k], theirs[k]);
            size_t ours_most = ours[k] + LESS_MIB + fills[k].size / MIB; /* the last piece may just not fit */
            CHECK(ours_most * 100 >= theirs[k] * fills[k].percent);
        }
    }
    run_tables(argv[0]);
    return TEST_PASSED;
}
