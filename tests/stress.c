/* SPDX-License-Identifier: MIT */
/* stress.c: many threads use all of the heap at random and compare it with the model of heap_model.h. Any thread may do
 * anything to any slot, so that different threads allocate, resize and free the same piece. Threads end and others take
 * their place. Sizes go from 0 to 64 MiB: evenly over the powers of two up to 32 KiB, and more and more rarely above.
 *
 *   stress [--seconds=4] [--seed=1] [--threads=4] [--slots=1500]
 *
 * The program prints the seed. With --threads=1 the same seed repeats a run exactly.
 */
#include "heap_model.h"
#include "heap_whole.h"

enum { SLOTS_MOST = 100000, THREADS_MOST = 64, STEPS_OF_A_THREAD = 20000, PHASES = 4 };

static struct shared_slot {
    int busy;
    struct slot slot;
} * slots;

static unsigned slot_count = 1500, thread_count = 4, seconds = 4;
static uint64_t seed = 1;
static uint64_t end_ms;
static size_t live_bytes, live_most;
static uint64_t steps_done, refusals;
static uintptr_t started; /* threads */

static size_t any_size(random_source *random) {
    size_t exponent = random_below(random, 16); /* 0 .. 15: up to 32 KiB */
    if (random_below(random, 64) == 0)
        for (exponent = 16; exponent < 26 && random_below(random, 4) != 0;)
            exponent++;
    return random_below(random, ((size_t)1 << exponent) + 1);
}

static void one_step(random_source *random) {
    struct shared_slot *shared = &slots[random_below(random, slot_count)];
    if (__atomic_exchange_n(&shared->busy, 1, __ATOMIC_ACQUIRE)) /* pairs with the release below */
        return;
    size_t size = any_size(random), before = shared->slot.size;
    /* the bound is for small machines and for 32-bit address spaces */
    if (__atomic_load_n(&live_bytes, __ATOMIC_RELAXED) > live_most)
        slot_release(&shared->slot);
    else if (slot_step(&shared->slot, random, size) == STEP_REFUSED) {
        CHECK_MSG(sizeof(void *) == 4 && size > MIB, "a request for %zu bytes was refused, %zu were live", size,
                  live_bytes);
        __atomic_fetch_add(&refusals, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&live_bytes, shared->slot.kind == SLOT_EMPTY ? 0 - before : shared->slot.size - before,
                       __ATOMIC_RELAXED);
    if (shared->slot.kind == SLOT_EMPTY)
        shared->slot.size = 0;
    __atomic_store_n(&shared->busy, 0, __ATOMIC_RELEASE);
}

static void thread_runs(void *thread_seed) {
    random_source random = {(uintptr_t)thread_seed * 0x100000001u + seed};
    unsigned steps = (unsigned)random_below(&random, STEPS_OF_A_THREAD);
    unsigned done = 0;
    for (; done < steps && now_ms() < end_ms; done++) {
        one_step(&random);
        if (random_below(&random, 5000) == 0)
            brainmm_thread_heap_minimize();
        if (random_below(&random, 20000) == 0)
            brainmm_thread_done();
    }
    __atomic_fetch_add(&steps_done, done, __ATOMIC_RELAXED);
}

static bool option(const char *argument, const char *name, uint64_t *value) {
    size_t length = strlen(name);
    if (strncmp(argument, name, length) != 0)
        return false;
    *value = strtoull(argument + length, NULL, 10);
    return true;
}

/* Until end_ms. A thread that ends is followed by another. */
static void run_threads(void) {
    static thread threads[THREADS_MOST];
    for (unsigned i = 0; i < thread_count; i++)
        thread_start(&threads[i], thread_runs, (void *)++started);
    while (now_ms() < end_ms)
        for (unsigned i = 0; i < thread_count && now_ms() < end_ms; i++) {
            thread_join(&threads[i]);
            thread_start(&threads[i], thread_runs, (void *)++started);
        }
    for (unsigned i = 0; i < thread_count; i++)
        thread_join(&threads[i]);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        uint64_t value;
        if (option(argv[i], "--seconds=", &value) && value > 0)
            seconds = (unsigned)value;
        else if (option(argv[i], "--seed=", &value))
            seed = value;
        else if (option(argv[i], "--threads=", &value) && value > 0 && value <= THREADS_MOST)
            thread_count = (unsigned)value;
        else if (option(argv[i], "--slots=", &value) && value > 0 && value <= SLOTS_MOST)
            slot_count = (unsigned)value;
        else {
            fprintf(stderr, "stress [--seconds=4] [--seed=1] [--threads=1..%d] [--slots=1..%d]\n", THREADS_MOST,
                    SLOTS_MOST);
            return TEST_FAILED;
        }
    }
    live_most = sizeof(void *) == 4 ? 300 * MIB : 700 * MIB;
    slots = system_pages(SLOTS_MOST * sizeof *slots);
    printf("seed %" PRIu64 ", %u threads, %u slots, %u s\n", seed, thread_count, slot_count, seconds);
    fflush(stdout);
    watchdog_start(seconds * 10 + 60);
    for (unsigned phase = 0; phase < PHASES; phase++) {
        end_ms = now_ms() + (uint64_t)seconds * 1000 / PHASES;
        run_threads();
        heap_is_whole("a phase");
    }
    for (unsigned i = 0; i < slot_count; i++)
        slot_release(&slots[i].slot);
    heap_is_whole("the release of all");
    printf("%" PRIu64 " steps in %" PRIuPTR " threads, %" PRIu64 " requests refused\n", steps_done, started, refusals);
    return TEST_PASSED;
}
