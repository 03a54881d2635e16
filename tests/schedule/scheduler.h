/* SPDX-License-Identifier: MIT */
/* scheduler.h: runs a few threads one at a time, and decides at each atomic operation of the core (hooks.h) which of
 * them goes on. It runs a scenario again and again, each time with other decisions:
 *
 *   all        of up to N deviations. A deviation is a switch where the thread could go on, a store that is delayed, or
 *              one that arrives at another time than the latest. Small scenarios: every interleaving of that kind
 *   at random  many deviations, a number of times
 *
 * A thread that waits or ends gives way without a deviation. Only operations on variables that two threads have touched
 * are points of decision. They are learned: when a new one turns up, the search begins again.
 *
 * Models of memory:
 *   SC     every store is seen at once
 *   TSO    stores may be delayed past later loads of their thread. They arrive in order (x86)
 *   WEAK   relaxed stores arrive in any order; a release arrives after all stores before it; read-modify-writes do not
 *          wait for what they do not order. Loads are never early: what an acquire orders is for ThreadSanitizer
 *
 * Under ThreadSanitizer (the mode schedule_tsan) the model is SC. The threads are then fibers that it knows, and a
 * switch orders nothing. So it reports each access of ordinary memory that the operations' own orders do not order, in
 * any interleaving that is tried.
 *
 * A test is one source file, so functions are defined here.
 */
#ifndef TESTS_SCHEDULE_SCHEDULER_H
#define TESTS_SCHEDULE_SCHEDULER_H

#include "heap_support.h"
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SCHEDULE_TSAN 1
#endif
#endif
#if defined(SCHEDULE_TSAN)
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/tsan_interface.h>
#else
#define SCHEDULE_TSAN 0
#endif

enum memory_model { MODEL_SC, MODEL_TSO, MODEL_WEAK };
static const char *const model_names[] = {"SC", "TSO", "WEAK"};

/* ---- The operations themselves, which ThreadSanitizer sees ------------------------------------------------------- */

#define SCHEDULE_BY_SIZE(operation)                                                                                    \
    switch (size) {                                                                                                    \
    case 1: operation(uint8_t); break;                                                                                 \
    case 2: operation(uint16_t); break;                                                                                \
    case 4: operation(uint32_t); break;                                                                                \
    default: operation(uint64_t); break;                                                                               \
    }

static __attribute__((noinline)) uint64_t real_load(const volatile void *at, unsigned size, int order) {
    uint64_t value;
#define OPERATION(type) value = __atomic_load_n((const volatile type *)at, order)
    SCHEDULE_BY_SIZE(OPERATION)
#undef OPERATION
    return value;
}

static __attribute__((noinline)) void real_store(volatile void *at, unsigned size, uint64_t to, int order) {
#define OPERATION(type) __atomic_store_n((volatile type *)at, (type)to, order)
    SCHEDULE_BY_SIZE(OPERATION)
#undef OPERATION
}

static __attribute__((noinline)) uint64_t real_exchange(volatile void *at, unsigned size, uint64_t to, int order) {
    uint64_t value;
#define OPERATION(type) value = __atomic_exchange_n((volatile type *)at, (type)to, order)
    SCHEDULE_BY_SIZE(OPERATION)
#undef OPERATION
    return value;
}

static __attribute__((noinline)) uint64_t real_add(volatile void *at, unsigned size, uint64_t more, int order) {
    uint64_t value;
#define OPERATION(type) value = __atomic_fetch_add((volatile type *)at, (type)more, order)
    SCHEDULE_BY_SIZE(OPERATION)
#undef OPERATION
    return value;
}

static __attribute__((noinline)) bool real_exchange_if(volatile void *at, unsigned size, void *expected, uint64_t to,
                                                       int order, int failure) {
    bool done;
#define OPERATION(type)                                                                                                \
    done = __atomic_compare_exchange_n((volatile type *)at, (type *)expected, (type)to, false, order, failure)
    SCHEDULE_BY_SIZE(OPERATION)
#undef OPERATION
    return done;
}

/* From here on it sees nothing: what threads have through the scheduler orders nothing. */
#if SCHEDULE_TSAN
#pragma clang attribute push(__attribute__((no_sanitize("thread"))), apply_to = function)
#endif

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

/* A thread that loads the same again and again waits for others, and is to begin to sleep. */
enum { SPINS_DECIDED = 3, SPINS_MOST = 1000 };

enum { FIBERS_MOST = 4, DELAYED_MOST = 16, STACK_BYTES = 256 * 1024, OPERATIONS_MOST = 100000, MAIN = FIBERS_MOST };
enum fiber_state { FIBER_READY, FIBER_WAITS, FIBER_ENDED };

struct delayed { /* a store that others do not see yet */
    volatile void *at;
    unsigned size;
    bool release;
    uint64_t to;
};

static struct fiber {
    struct schedule_words words;
    ucontext_t context;
    void *tsan;
    void (*job)(void);
    enum fiber_state state;
    const void *waits_for;
    bool timed_out;
    struct delayed delayed[DELAYED_MOST];
    unsigned delayed_count;
    const volatile void *last_load; /* and its value */
    uint64_t last_value;
    unsigned same_loads;
} fibers[FIBERS_MOST + 1]; /* the last one is the program's own thread */

struct schedule_words *schedule_words = &fibers[MAIN].words;
static unsigned current = MAIN, fiber_count;
static bool running; /* a scenario is */
static enum memory_model model;
static unsigned operations; /* in this run */
static uint64_t clock_ms = 1000;

static void switch_to(unsigned to, bool ordered) {
    struct fiber *from = &fibers[current];
    current = to;
    schedule_words = &fibers[to].words;
#if SCHEDULE_TSAN
    __tsan_switch_to_fiber(fibers[to].tsan, ordered ? 0 : __tsan_switch_to_fiber_no_sync);
#else
    (void)ordered;
#endif
    swapcontext(&from->context, &fibers[to].context);
}

static void after_end(void);

/* Ends of jobs come in two steps, so that the end of one thread does not order what others still have to do. */
static void fiber_runs(void) {
    for (;;) {
        switch_to(MAIN, false); /* the start, for which the main thread has ordered all that was before */
        fibers[current].job();
        after_end();
        switch_to(MAIN, true);
    }
}

static void fibers_start(void) {
    fibers[MAIN].words.heap = schedule_new_heap;
#if SCHEDULE_TSAN
    fibers[MAIN].tsan = __tsan_get_current_fiber();
#endif
    for (unsigned i = 0; i < FIBERS_MOST; i++) {
        struct fiber *fiber = &fibers[i];
        fiber->words.heap = schedule_new_heap;
#if SCHEDULE_TSAN
        fiber->tsan = __tsan_create_fiber(0);
#endif
        CHECK(getcontext(&fiber->context) == 0);
        fiber->context.uc_stack.ss_sp = system_pages(STACK_BYTES);
        fiber->context.uc_stack.ss_size = STACK_BYTES;
        makecontext(&fiber->context, fiber_runs, 0);
    }
}

/* Thread NUMBER does JOB now, alone. */
static void fiber_does(unsigned number, void (*job)(void)) {
    fibers[number].job = job;
    fibers[number].state = FIBER_READY;
    switch_to(number, true);
    switch_to(number, false);
    switch_to(number, false);
}

/* ---- Decisions -------------------------------------------------------------------------------------------------- */

enum { DECISIONS_MOST = 20000 };
static struct decision_made {
    uint8_t chosen, count, free_choice; /* a free choice is no deviation */
    uint16_t before;                    /* deviations made before it */
} decisions[DECISIONS_MOST];
static unsigned decision_count, replayed; /* in this run; of those given */
static unsigned deviations, deviations_most;
static bool at_random, restart;
static uint64_t random_state;
static const char *scenario_name = "";
static uint64_t run_number;

static void describe_run(void) {
    fprintf(stderr, "scenario %s, %s, run %" PRIu64 ", thread %u; decisions:", scenario_name, model_names[model],
            run_number, current);
    for (unsigned i = 0; i < decision_count; i++)
        if (decisions[i].chosen)
            fprintf(stderr, " %u:%u", i, decisions[i].chosen);
    fprintf(stderr, "\n");
}

static void fail(const char *why) {
    describe_run();
    fprintf(stderr, "%s\n", why);
    test_end(TEST_FAILED);
}

static unsigned any_below(unsigned limit) { return (unsigned)(mix64(random_state++) % limit); }

/* One of COUNT: 0 is the usual. FREE_CHOICE: the others are no deviations. */
static unsigned choose(unsigned count, bool free_choice) {
    if (count < 2)
        return 0;
    if (decision_count == DECISIONS_MOST)
        fail("too many decisions");
    struct decision_made *made = &decisions[decision_count];
    unsigned chosen = 0;
    if (at_random)
        chosen = free_choice || any_below(8) == 0 ? any_below(count) : 0;
    else if (decision_count < replayed)
        chosen = made->chosen < count ? made->chosen : 0;
    *made = (struct decision_made){(uint8_t)chosen, (uint8_t)count, free_choice, (uint16_t)deviations};
    deviations += chosen && !free_choice;
    decision_count++;
    return chosen;
}

/* The next run differs in the last decision that has another way left. False if there is none. */
static bool next_decisions(void) {
    for (unsigned at = decision_count; at-- > 0;) {
        struct decision_made *made = &decisions[at];
        if (made->chosen + 1u < made->count && made->before + !made->free_choice <= deviations_most) {
            made->chosen++;
            replayed = at + 1;
            return true;
        }
    }
    return false;
}

/* ---- Which variables are shared --------------------------------------------------------------------------------- */

enum { ADDRESSES = 1 << 14 };
static struct {
    uintptr_t word;
    unsigned threads;
} addresses[ADDRESSES];

static bool is_shared(const volatile void *at) {
    uintptr_t word = (uintptr_t)at & ~(uintptr_t)7;
    size_t place = (size_t)mix64(word) % ADDRESSES;
    while (addresses[place].word && addresses[place].word != word)
        place = (place + 1) % ADDRESSES;
    addresses[place].word = word;
    unsigned before = addresses[place].threads, now = before | 1u << current;
    addresses[place].threads = now;
    bool was = (before & (before - 1)) != 0, is = (now & (now - 1)) != 0;
    restart = restart || (is && !was);
    return was;
}

/* ---- Delayed stores --------------------------------------------------------------------------------------------- */

static bool overlap(const struct delayed *store, const volatile void *at, unsigned size) {
    return (uintptr_t)at < (uintptr_t)store->at + store->size && (uintptr_t)store->at < (uintptr_t)at + size;
}

static void arrive(struct fiber *fiber, unsigned number) {
    struct delayed store = fiber->delayed[number];
    fiber->delayed_count--;
    for (unsigned i = number; i < fiber->delayed_count; i++)
        fiber->delayed[i] = fiber->delayed[i + 1];
    real_store(store.at, store.size, store.to, store.release ? __ATOMIC_RELEASE : __ATOMIC_RELAXED);
}

static void arrive_all(struct fiber *fiber) {
    while (fiber->delayed_count)
        arrive(fiber, 0);
}

static bool may_arrive(const struct fiber *fiber, unsigned number) {
    if (number == 0)
        return true;
    if (model == MODEL_TSO || fiber->delayed[number].release)
        return false;
    for (unsigned i = 0; i < number; i++)
        if (overlap(&fiber->delayed[i], fiber->delayed[number].at, fiber->delayed[number].size))
            return false;
    return true;
}

static bool has_delayed(const struct fiber *fiber, const volatile void *at, unsigned size) {
    for (unsigned i = 0; i < fiber->delayed_count; i++)
        if (overlap(&fiber->delayed[i], at, size))
            return true;
    return false;
}

static bool times_out; /* a wait may end without a wake-up; where it may not, that is a wake-up that was lost */

/* ---- Points of decision ----------------------------------------------------------------------------------------- */

/* One of the threads that can go on, but for EXCEPT. MAIN if there is none. */
static unsigned choose_ready(unsigned except) {
    unsigned ready[FIBERS_MOST], count = 0;
    for (unsigned i = 1; i <= fiber_count; i++) {
        unsigned number = ((current < MAIN ? current : 0) + i) % fiber_count;
        if (fibers[number].state == FIBER_READY && number != except)
            ready[count++] = number;
    }
    return count ? ready[choose(count, true)] : MAIN;
}

/* Others may run before what the thread is about to do. */
static void point(const volatile void *at) {
    if (!running)
        return;
    if (++operations > OPERATIONS_MOST)
        fail("the threads never end");
    bool shared = !at || is_shared(at);
    while (shared) {
        unsigned threads[FIBERS_MOST], thread_total = 0, stores[FIBERS_MOST * DELAYED_MOST][2], store_total = 0;
        for (unsigned i = 0; i < fiber_count; i++) {
            if (i != current && (fibers[i].state == FIBER_READY || (times_out && fibers[i].state == FIBER_WAITS)))
                threads[thread_total++] = i;
            for (unsigned k = 0; k < fibers[i].delayed_count; k++)
                if (may_arrive(&fibers[i], k)) {
                    stores[store_total][0] = i;
                    stores[store_total++][1] = k;
                }
        }
        unsigned chosen = choose(1 + thread_total + store_total, false);
        if (chosen == 0)
            return;
        if (chosen <= thread_total) {
            struct fiber *next = &fibers[threads[chosen - 1]];
            next->timed_out = next->state == FIBER_WAITS;
            next->state = FIBER_READY;
            switch_to(threads[chosen - 1], false);
            return;
        }
        unsigned *store = stores[chosen - 1 - thread_total];
        arrive(&fibers[store[0]], store[1]);
    }
}

/* The next thread's turn. */
static void give_way(void) {
    for (unsigned i = 1; i < fiber_count; i++) {
        unsigned number = (current + i) % fiber_count;
        if (fibers[number].state == FIBER_READY) {
            switch_to(number, false);
            return;
        }
    }
}

static void time_is_up_for_one(void);

/* The thread's job is done. */
static void after_end(void) {
    struct fiber *fiber = &fibers[current];
    fiber->state = FIBER_ENDED;
#if SCHEDULE_TSAN
    __tsan_release(fiber);
#endif
    if (!running) {
        switch_to(MAIN, false);
        return;
    }
    unsigned next = choose_ready(current);
    if (next == MAIN) {
        for (unsigned i = 0; i < fiber_count; i++)
            if (fibers[i].state == FIBER_WAITS) {
                time_is_up_for_one();
                next = choose_ready(current);
                break;
            }
    }
    switch_to(next, false);
}

static uint64_t traced_run; /* its operations are printed */

static void trace_line(const char *what, const volatile void *at, uint64_t value, const void *from) {
    if (running && run_number == traced_run)
        fprintf(stderr, "%u %s %p %" PRIx64 " from %p\n", current, what, (const void *)(uintptr_t)at, value, from);
}

#define TRACE(what, at, value) trace_line(what, at, value, __builtin_return_address(0))

/* ---- The hooks -------------------------------------------------------------------------------------------------- */

static void note_load(struct fiber *fiber, const volatile void *at, uint64_t value) {
    bool same = fiber->last_load == at && fiber->last_value == value;
    fiber->same_loads = same ? fiber->same_loads + 1 : 0;
    fiber->last_load = at;
    fiber->last_value = value;
}

uint64_t schedule_load(const volatile void *at, unsigned size, int order) {
    if (!running)
        return real_load(at, size, order);
    struct fiber *fiber = &fibers[current];
    if (fiber->same_loads > SPINS_MOST) {
        fiber->same_loads = 0;
        give_way();
    }
    if (fiber->same_loads < SPINS_DECIDED || fiber->last_load != at)
        point(at);
    uint64_t value = 0;
    bool found = false;
    for (unsigned i = 0; i < fiber->delayed_count; i++) {
        const struct delayed *store = &fiber->delayed[i];
        if (overlap(store, at, size)) {
            if (store->at != at || store->size != size) {
                arrive_all(fiber);
                found = false;
                break;
            }
            value = store->to;
            found = true;
        }
    }
    if (!found)
        value = real_load(at, size, order);
    note_load(fiber, at, value);
    TRACE("load", at, value);
    return value;
}

static volatile void *flag_set; /* the last byte that became 1 */

void schedule_store(volatile void *at, unsigned size, uint64_t to, int order) {
    struct fiber *fiber = &fibers[current];
    point(at);
    if (running && size == 1 && to == 1)
        flag_set = at;
    TRACE("store", at, to);
    fiber->last_load = NULL;
    if (running && model != MODEL_SC && is_shared(at)) {
        bool behind = fiber->delayed_count && (model == MODEL_TSO || order == __ATOMIC_RELEASE);
        if (fiber->delayed_count == DELAYED_MOST)
            arrive_all(fiber);
        else if (behind || has_delayed(fiber, at, size) || choose(2, false)) {
            fiber->delayed[fiber->delayed_count++] = (struct delayed){at, size, order == __ATOMIC_RELEASE, to};
            return;
        }
    } else if (running && fiber->delayed_count && (order == __ATOMIC_RELEASE || has_delayed(fiber, at, size))) {
        arrive_all(fiber);
    }
    real_store(at, size, to, order);
}

void schedule_word_store(volatile void *at, unsigned size, uint64_t to, int order) {
    point(at);
    if (running && (order == __ATOMIC_RELEASE || has_delayed(&fibers[current], at, size)))
        arrive_all(&fibers[current]);
    fibers[current].last_load = NULL;
    TRACE("store word", at, to);
    real_store(at, size, to, order);
}

/* Before a read-modify-write. */
static void arrive_for(const volatile void *at, unsigned size, int order) {
    struct fiber *fiber = &fibers[current];
    bool orders =
        model == MODEL_TSO || order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
    fiber->last_load = NULL;
    if (running && (orders || has_delayed(fiber, at, size)))
        arrive_all(fiber);
}

uint64_t schedule_exchange(volatile void *at, unsigned size, uint64_t to, int order) {
    point(at);
    arrive_for(at, size, order);
    TRACE("exchange", at, to);
    return real_exchange(at, size, to, order);
}

uint64_t schedule_add(volatile void *at, unsigned size, uint64_t more, int order) {
    point(at);
    arrive_for(at, size, order);
    TRACE("add", at, more);
    return real_add(at, size, more, order);
}

bool schedule_exchange_if(volatile void *at, unsigned size, void *expected, uint64_t to, int order, int failure,
                          bool weak) {
    point(at);
    if (running && weak && at_random && any_below(16) == 0)
        return false; /* *EXPECTED is what it was: nothing has been there that the thread did not know */
    arrive_for(at, size, order);
    bool done = real_exchange_if(at, size, expected, to, order, failure);
    TRACE(done ? "exchange if" : "exchange if: no", at, to);
    return done;
}

void schedule_fence(int order) {
    if (!running) {
        __atomic_thread_fence(order);
        return;
    }
    point(NULL);
    arrive_all(&fibers[current]);
}

/* ---- In the place of functions of os.h, by the linker's --wrap -------------------------------------------------- */

uintptr_t __wrap_os_thread_id(void);
bool __wrap_os_thread_alive(uintptr_t id);
bool __wrap_os_wait(unsigned queue, const void *word, uint32_t expected, unsigned milliseconds);
void __wrap_os_wake(unsigned queue, const void *word);
void __wrap_os_sleep(void);
uint64_t __wrap_os_clock_ms(void);
void __wrap_os_watch_thread_exit(void (*done)(void));

uintptr_t __wrap_os_thread_id(void) { return current + 100; }

/* Who knows from the system that a thread has ended sees all that it has done. */
bool __wrap_os_thread_alive(uintptr_t id) {
    struct fiber *fiber = &fibers[id - 100];
    if (fiber->state != FIBER_ENDED)
        return true;
#if SCHEDULE_TSAN
    __tsan_acquire(fiber);
#endif
    return false;
}

uint64_t __wrap_os_clock_ms(void) { return clock_ms; }
void __wrap_os_watch_thread_exit(void (*done)(void)) { (void)done; }

void __wrap_os_sleep(void) {
    clock_ms++;
    if (running)
        give_way();
}

static void time_is_up_for_one(void) {
    unsigned waiting[FIBERS_MOST], count = 0;
    for (unsigned i = 0; i < fiber_count; i++)
        if (fibers[i].state == FIBER_WAITS)
            waiting[count++] = i;
    struct fiber *fiber = &fibers[waiting[choose(count, true)]];
    fiber->timed_out = true;
    fiber->state = FIBER_READY;
}

bool __wrap_os_wait(unsigned queue, const void *word, uint32_t expected, unsigned milliseconds) {
    (void)queue, (void)milliseconds;
    struct fiber *fiber = &fibers[current];
    if (!running)
        return false;
    point(word);
    arrive_all(fiber);
    if (real_load(word, sizeof expected, __ATOMIC_SEQ_CST) != expected)
        return true;
    fiber->waits_for = word;
    fiber->timed_out = false;
    fiber->state = FIBER_WAITS;
    unsigned next = choose_ready(current);
    if (next == MAIN) {
        time_is_up_for_one();
        next = choose_ready(MAIN);
    }
    if (next != current)
        switch_to(next, false);
    if (fiber->timed_out && !times_out)
        fail("a thread waits that nobody wakes");
    return !fiber->timed_out;
}

void __wrap_os_wake(unsigned queue, const void *word) {
    (void)queue;
    unsigned waiting[FIBERS_MOST], count = 0;
    arrive_all(&fibers[current]);
    for (unsigned i = 0; i < fiber_count; i++)
        if (fibers[i].state == FIBER_WAITS && fibers[i].waits_for == word)
            waiting[count++] = i;
    if (count)
        fibers[waiting[choose(count, true)]].state = FIBER_READY;
}

/* ---- Scenarios -------------------------------------------------------------------------------------------------- */

struct scenario {
    const char *name;
    void (*prepare)(void);              /* before each run, by the main thread */
    void (*threads[FIBERS_MOST])(void); /* what runs; NULL behind the last */
    void (*check)(void);                /* after each run, by the main thread: checks, and leaves all as it was */
    bool times_out;
    unsigned deviations[3]; /* for all interleavings, by model; 0: the scenario says nothing under that model */
};

static uint64_t runs_done;

static void run_once(const struct scenario *scenario) {
    run_number++;
    runs_done++;
    decision_count = deviations = operations = 0;
    scenario->prepare();
    for (unsigned i = 0; i < fiber_count; i++) {
        fibers[i].job = scenario->threads[i];
        fibers[i].state = FIBER_READY;
        fibers[i].same_loads = 0;
        switch_to(i, true);
    }
    unsigned first = choose(fiber_count, true);
    running = true;
    switch_to(first, false);
    running = false;
    for (unsigned i = 0; i < fiber_count; i++)
        arrive_all(&fibers[i]);
    for (unsigned i = 0; i < fiber_count; i++)
        switch_to(i, false);
    scenario->check();
}

static void begin(const struct scenario *scenario, enum memory_model its_model) {
    scenario_name = scenario->name;
    model = its_model;
    times_out = scenario->times_out;
    run_number = 0;
    for (fiber_count = 0; fiber_count < FIBERS_MOST && scenario->threads[fiber_count];)
        fiber_count++;
}

/* Runs at random, which also learns what is shared. */
static void run_at_random(const struct scenario *scenario, enum memory_model its_model, unsigned runs, uint64_t seed) {
    begin(scenario, its_model);
    at_random = true;
    random_state = seed << 32;
    for (unsigned i = 0; i < runs; i++)
        run_once(scenario);
    at_random = false;
    printf("%-20s %-4s %9u runs at random\n", scenario->name, model_names[its_model], runs);
    fflush(stdout);
}

/* All interleavings with up to MOST deviations, or the first LIMIT of them. False if there are more. */
static bool run_all(const struct scenario *scenario, enum memory_model its_model, unsigned most, uint64_t limit) {
    begin(scenario, its_model);
    deviations_most = most;
    bool more = true;
    uint64_t runs = 0;
    replayed = 0;
    for (restart = false; more && runs < limit; runs++) {
        run_once(scenario);
        more = next_decisions();
        if (restart) {
            restart = false;
            more = true;
            replayed = 0;
            runs = 0;
        }
    }
    printf("%-20s %-4s %9" PRIu64 " runs: %s with up to %u deviations, %u decisions in the last\n", scenario->name,
           model_names[its_model], runs, more ? "not all" : "all", most, decision_count);
    fflush(stdout);
    return !more;
}

#if SCHEDULE_TSAN
#pragma clang attribute pop

static void schedule_on_report(void) { __sanitizer_set_death_callback(describe_run); }

const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "halt_on_error=1:report_signal_unsafe=0:exitcode=66"; }
#else
static void schedule_on_report(void) {}
#endif

#endif
