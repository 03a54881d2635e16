/* SPDX-License-Identifier: MIT */
/* soak.c: everything at a time, for as long as one likes. Several threads allocate, resize and free all kinds of memory
 * at random, also each other's, and compare all contents with the model of heap_model.h. Threads end, and others take
 * their place. On Linux the main thread meanwhile squeezes the limit of the process's addresses and lifts it again, and
 * forks. The children check what they inherit, work on, and exit.
 *
 * At the end of each phase no thread runs. Then all of the heap's structures must agree, and all contents are checked.
 * After every fourth phase nothing is left. What memory the process has then must stay the same.
 *
 *   soak [--seconds=4] [--seed=1] [--threads=4] [--slots=1200]
 *
 * The program prints the seed. What the main thread decides and what each thread does follows from it, but not how
 * threads meet. Every other fork is a system call of which the C library learns nothing. BRAINMM_OPTIONS decides what
 * heap is tested. `make soak` runs this for ten minutes on each target (docs/testing.md).
 */
#include "heap_model.h"
#include "heap_whole.h"
#if !defined(_WIN32)
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#endif

enum { SLOTS_MOST = 20000, THREADS_MOST = 32, CODE_SLOTS = 64, STEPS_OF_A_THREAD = 20000, CHILD_SECONDS = 60 };
enum { CHILD_STEPS = 400, PHASES_LEAST = 4, PHASE_SECONDS_MOST = 10, WEATHER_MS = 2 };
static const size_t live_most = sizeof(void *) == 4 ? 200 * MIB : 400 * MIB;
static const size_t resident_most = 1536 * MIB;

/* What the process has while nothing is live, after the first of these moments, when all has been used: so many more
 * bytes it may become. The heap's own tables grow with the most threads and addresses there ever were. */
static const size_t growth_most = 24 * MIB;

static struct shared_slot {
    int busy;
    struct slot slot;
} * slots;

/* A piece of code. Its contents are the pattern of its size. */
static struct code_slot {
    int busy;
    void *code;
    size_t size;
} code_slots[CODE_SLOTS];
static brainmm_jit_heap *code_heaps[2]; /* of each kind; the slots with an even number use the first */

static uint64_t seconds = 4, seed = 1, thread_count = 4, slot_count = 1200;
static uint64_t phase_end_ms;
static size_t live_bytes;
static uint64_t steps_done, refusals, threads_started, forks_done;

/* Odd while the limit of addresses is squeezed. A request may fail if this was odd or has changed since. */
static unsigned squeezes;

static unsigned squeezes_now(void) {
    return __atomic_load_n(&squeezes, __ATOMIC_ACQUIRE); /* pairs with squeeze_changes */
}

static bool may_be_refused(unsigned squeezes_before, size_t size) {
    return squeezes_before % 2 != 0 || squeezes_before != squeezes_now() || (sizeof(void *) == 4 && size > MIB);
}

/* ---- What a thread does ----------------------------------------------------------------------------------------- */

static bool slot_try(int *busy) { return !__atomic_exchange_n(busy, 1, __ATOMIC_ACQUIRE); } /* pairs with slot_leave */
static void slot_leave(int *busy) { __atomic_store_n(busy, 0, __ATOMIC_RELEASE); }

/* Each power of two up to 32 KiB is as likely as the others. Larger ones are rare, up to 32 MiB. */
static size_t any_size(random_source *random) {
    size_t exponent = random_below(random, 16);
    if (random_below(random, 64) == 0)
        for (exponent = 16; exponent < 25 && random_below(random, 4) != 0;)
            exponent++;
    return random_below(random, ((size_t)1 << exponent) + 1);
}

static void memory_step(random_source *random) {
    struct shared_slot *shared = &slots[random_below(random, (size_t)slot_count)];
    if (!slot_try(&shared->busy))
        return;
    size_t size = any_size(random), before = shared->slot.size;
    unsigned squeezed = squeezes_now();
    if (__atomic_load_n(&live_bytes, __ATOMIC_RELAXED) > live_most) {
        slot_release(&shared->slot);
    } else if (slot_step(&shared->slot, random, size) == STEP_REFUSED) {
        CHECK_MSG(may_be_refused(squeezed, size), "a request for %zu bytes was refused, %zu were live", size,
                  live_bytes);
        __atomic_fetch_add(&refusals, 1, __ATOMIC_RELAXED);
    }
    if (shared->slot.kind == SLOT_EMPTY)
        shared->slot.size = 0;
    __atomic_fetch_add(&live_bytes, shared->slot.size - before, __ATOMIC_RELAXED);
    slot_leave(&shared->busy);
}

static void code_free(unsigned number) {
    struct code_slot *shared = &code_slots[number];
    CHECK(pattern_holds(shared->code, shared->size, shared->size));
    CHECK(brainmm_jit_free(code_heaps[number % 2], shared->code) == BRAINMM_OK);
    shared->code = NULL;
}

static void code_step(random_source *random) {
    unsigned number = (unsigned)random_below(random, CODE_SLOTS), squeezed = squeezes_now();
    struct code_slot *shared = &code_slots[number];
    void *writable;
    if (!code_heaps[number % 2] || !slot_try(&shared->busy))
        return;
    if (shared->code) {
        code_free(number);
    } else {
        size_t most = random_below(random, 50) == 0 ? 2 * MIB : 4 * KIB;
        shared->size = 1 + random_below(random, most);
        shared->code = brainmm_jit_alloc(code_heaps[number % 2], shared->size, &writable);
        CHECK_MSG(shared->code || may_be_refused(squeezed, most), "no code of %zu bytes", shared->size);
        if (shared->code)
            pattern_fill(writable, shared->size, shared->size);
    }
    slot_leave(&shared->busy);
}

static int BRAINMM_CALL visit(void *context, const brainmm_allocation *allocation) {
    (void)context;
    CHECK(allocation->address != NULL);
    return 0;
}

static void look_step(void) {
    unsigned squeezed = squeezes_now();
    brainmm_stats stats = {.struct_size = sizeof stats};
    int walked = brainmm_walk(visit, NULL), counted = brainmm_get_stats(&stats, NULL, 0);
    CHECK(walked == BRAINMM_OK || (walked == BRAINMM_E_MEMORY && may_be_refused(squeezed, 0)));
    CHECK(counted == BRAINMM_OK || (counted == BRAINMM_E_MEMORY && may_be_refused(squeezed, 0)));
}

static struct worker {
    thread handle;
    uint64_t seed;
    bool running;
    event ended;
} workers[THREADS_MOST];

static void worker_runs(void *argument) {
    struct worker *worker = argument;
    random_source random = {worker->seed};
    unsigned steps = (unsigned)random_below(&random, STEPS_OF_A_THREAD), done = 0;
    for (; done < steps && now_ms() < phase_end_ms; done++) {
        memory_step(&random);
        if (random_below(&random, 20) == 0)
            code_step(&random);
        if (random_below(&random, 5000) == 0)
            brainmm_thread_heap_minimize();
        if (random_below(&random, 20000) == 0)
            brainmm_thread_done();
        if (random_below(&random, 10000) == 0)
            look_step();
    }
    __atomic_fetch_add(&steps_done, done, __ATOMIC_RELAXED);
    event_raise(&worker->ended);
}

/* ---- Limits and forks, on Linux --------------------------------------------------------------------------------- */

#if !defined(_WIN32)
static rlim_t limit_first; /* what the program began with */

static void limit_set(rlim_t bytes) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void squeeze_changes(void) { __atomic_fetch_add(&squeezes, 1, __ATOMIC_RELEASE); }

static void limit_lift(void) {
    if (squeezes_now() % 2 == 0)
        return;
    limit_set(limit_first);
    squeeze_changes(); /* after it: until then requests may fail */
}

/* To what the process has mapped, and a little more or less. */
static void limit_squeeze(random_source *random) {
    char text[32] = "";
    int file = open("/proc/self/statm", O_RDONLY);
    CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0 && close(file) == 0);
    size_t mapped = (size_t)strtoull(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
    if (squeezes_now() % 2 == 0)
        squeeze_changes();
    limit_set((rlim_t)(mapped + random_below(random, 64 * MIB) - 8 * MIB));
}

static void child_thread_runs(void *number) {
    random_source random = {seed + (uintptr_t)number};
    for (unsigned i = 0; i < CHILD_STEPS; i++)
        memory_step(&random);
}

/* A slot that was busy at the fork stays busy. Code in two views is the parent's, too, so the child leaves it alone. */
_Noreturn static void child_runs(random_source *random, bool raw) {
    alarm(CHILD_SECONDS);
    phase_end_ms = UINT64_MAX;
    if (random_below(random, 2))
        limit_lift();
    for (unsigned i = 0; i < slot_count; i++) {
        struct shared_slot *shared = &slots[i];
        if (!slot_try(&shared->busy))
            continue;
        if (shared->slot.kind != SLOT_EMPTY)
            contents_check(&shared->slot, shared->slot.memory, shared->slot.size);
        if (random_below(random, 4) == 0)
            slot_release(&shared->slot);
        slot_leave(&shared->busy);
    }
    for (unsigned i = 0; i < CHILD_STEPS; i++)
        memory_step(random);
    if (!raw && squeezes_now() % 2 == 0) { /* a C library that has not seen the fork cannot start threads */
        thread own[2];
        for (uintptr_t i = 0; i < 2; i++)
            thread_start(&own[i], child_thread_runs, (void *)(i + random_below(random, 1000)));
        for (unsigned i = 0; i < 2; i++)
            thread_join(&own[i]);
    }
    if (raw || random_below(random, 2))
        _exit(TEST_PASSED);
    exit(TEST_PASSED);
}

static void fork_and_wait(random_source *random) {
    int status;
    bool raw = random_below(random, 2) != 0;
    uint64_t child_seed = random_next(random);
    fflush(stdout);
    pid_t child = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
    if (child == 0)
        child_runs(&(random_source){child_seed}, raw);
    CHECK_MSG(child > 0, "fork: %s", strerror(errno));
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == TEST_PASSED, "child of %s fork %" PRIu64 ": %s %d",
              raw ? "raw" : "the", forks_done, WIFEXITED(status) ? "exit code" : "signal",
              WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    forks_done++;
}

static void weather(random_source *random) {
    size_t choice = random_below(random, 100);
    if (choice < 4)
        limit_squeeze(random);
    else if (choice < 14)
        limit_lift();
    else if (choice < 16)
        fork_and_wait(random);
}

static void weather_start(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit_first = limit.rlim_cur;
}
#else
static void weather(random_source *random) { (void)random; }
static void weather_start(void) {}
static void limit_lift(void) {}
#endif

/* ---- Phases ----------------------------------------------------------------------------------------------------- */

/* While the limit is squeezed there may be no addresses for a thread's stack. */
static void worker_start(struct worker *worker) {
    if (squeezes_now() % 2 != 0)
        return;
    worker->seed = seed * 0x100000001u + ++threads_started;
    worker->ended = (event){0};
    thread_start(&worker->handle, worker_runs, worker);
    worker->running = true;
}

static void worker_join(struct worker *worker) {
    if (worker->running)
        thread_join(&worker->handle);
    worker->running = false;
}

static void phase_run(random_source *random, uint64_t ms) {
    phase_end_ms = now_ms() + ms;
    while (now_ms() < phase_end_ms) {
        for (unsigned i = 0; i < thread_count; i++) {
            if (workers[i].running && event_is_raised(&workers[i].ended))
                worker_join(&workers[i]);
            if (!workers[i].running)
                worker_start(&workers[i]);
        }
        weather(random);
        sleep_ms(WEATHER_MS);
    }
    for (unsigned i = 0; i < thread_count; i++)
        worker_join(&workers[i]);
    limit_lift();
}

static struct sample { size_t resident, committed, reserved; } first_empty, most_empty, last_empty;
static unsigned samples;

static size_t larger(size_t one, size_t other) { return one > other ? one : other; }

/* Nothing is live. */
static void memory_is_flat(void) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    brainmm_thread_heap_minimize();
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    last_empty = (struct sample){resident_bytes(), (size_t)stats.committed_bytes, (size_t)stats.reserved_bytes};
    most_empty.resident = larger(most_empty.resident, last_empty.resident);
    most_empty.committed = larger(most_empty.committed, last_empty.committed);
    most_empty.reserved = larger(most_empty.reserved, last_empty.reserved);
    if (samples++ == 0)
        first_empty = last_empty;
    CHECK_MSG(UNDER_SANITIZER || last_empty.resident <= first_empty.resident + growth_most,
              "with nothing live %zu KiB are resident, and %zu KiB were at first", last_empty.resident / KIB,
              first_empty.resident / KIB);
    CHECK_MSG(last_empty.committed <= first_empty.committed + growth_most,
              "with nothing live %zu KiB are committed, and %zu KiB were at first", last_empty.committed / KIB,
              first_empty.committed / KIB);
}

/* RELEASED in 4 of the slots become empty. */
static void quiet_point(random_source *random, unsigned released) {
    heap_is_whole("a phase");
    CHECK(resident_bytes() < resident_most);
    for (unsigned i = 0; i < slot_count; i++) {
        struct slot *slot = &slots[i].slot;
        CHECK(slots[i].busy == 0);
        if (slot->kind != SLOT_EMPTY)
            contents_check(slot, slot->memory, slot->size);
        if (random_below(random, 4) < released) {
            live_bytes -= slot->size;
            slot_release(slot);
        }
    }
    for (unsigned i = 0; i < CODE_SLOTS; i++)
        if (code_slots[i].code)
            code_free(i);
    heap_is_whole("a release");
    if (released == 4)
        memory_is_flat();
}

/* Nothing is left. */
static void end(void) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    CHECK(live_bytes == 0);
    for (unsigned kind = 0; kind < 2; kind++)
        CHECK(brainmm_jit_heap_destroy(code_heaps[kind]) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    heap_is_whole("the release of all");
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    CHECK_MSG(stats.live_count == 0, "%" PRIu64 " allocations are left", (uint64_t)stats.live_count);
}

static bool option(const char *argument, const char *name, uint64_t least, uint64_t most, uint64_t *value) {
    size_t length = strlen(name);
    if (strncmp(argument, name, length) != 0)
        return false;
    *value = strtoull(argument + length, NULL, 10);
    return *value >= least && *value <= most;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (!option(argv[i], "--seconds=", 1, 1000000, &seconds) && !option(argv[i], "--seed=", 0, UINT64_MAX, &seed) &&
            !option(argv[i], "--threads=", 1, THREADS_MOST, &thread_count) &&
            !option(argv[i], "--slots=", 1, SLOTS_MOST, &slot_count)) {
            fprintf(stderr, "soak: %s is no option, or its value is out of range\n", argv[i]);
            return TEST_FAILED;
        }
    printf("seed %" PRIu64 ", %" PRIu64 " threads, %" PRIu64 " slots, %" PRIu64 " s\n", seed, thread_count, slot_count,
           seconds);
    fflush(stdout);
    watchdog_start((unsigned)seconds * 3 + 2 * CHILD_SECONDS);
    slots = system_pages(SLOTS_MOST * sizeof *slots);
    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_WRITABLE, &code_heaps[0]) == BRAINMM_OK);
    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_TWO_VIEWS, &code_heaps[1]) == BRAINMM_OK);
    weather_start();
    random_source random = {seed};
    uint64_t phases = seconds / PHASE_SECONDS_MOST > PHASES_LEAST ? seconds / PHASE_SECONDS_MOST : PHASES_LEAST;
    for (uint64_t phase = 1; phase <= phases; phase++) {
        phase_run(&random, seconds * 1000 / phases);
        quiet_point(&random, phase == phases || phase % 4 == 0 ? 4 : (unsigned)(phase % 3));
        printf("phase %" PRIu64 " of %" PRIu64 ": %" PRIu64 " steps, %" PRIu64 " threads, %u squeezes, %" PRIu64
               " forks, %" PRIu64 " requests refused\n",
               phase, phases, steps_done, threads_started, squeezes / 2, forks_done, refusals);
        fflush(stdout);
    }
    end();
    printf("nothing live, %u times: at first, at most and at last %zu, %zu and %zu KiB resident, %zu, %zu and %zu KiB "
           "committed, %zu, %zu and %zu KiB reserved\n",
           samples, first_empty.resident / KIB, most_empty.resident / KIB, last_empty.resident / KIB,
           first_empty.committed / KIB, most_empty.committed / KIB, last_empty.committed / KIB,
           first_empty.reserved / KIB, most_empty.reserved / KIB, last_empty.reserved / KIB);
    return TEST_PASSED;
}
