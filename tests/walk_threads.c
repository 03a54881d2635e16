/* SPDX-License-Identifier: MIT */
/* walk_threads.c: the walk, the statistics and the dump run while other threads allocate, resize, free each other's
 * memory, end, give memory back to the system and make their memory unreadable. Nothing crashes or hangs. What is live
 * all the time is found once and described correctly. What is free all the time is not found.
 *
 *   walk_threads [seconds]
 */
#include "heap_model.h"
#include "walk_support.h"
#if !defined(_WIN32)
#include <sys/mman.h>
#endif

enum { WORKERS = 3, KEPT = 250, SHARED = 600, WALKS_LEAST = 5 };

static struct worker {
    thread thread;
    struct slot kept[KEPT]; /* allocated before `ready`, freed after `leave` */
    event ready;
    unsigned number;
} workers[WORKERS];

static struct shared_slot {
    int busy;
    struct slot slot;
} shared[SHARED];

static event leave;

static void *idle_live[500], *idle_free[500];
static void *protected_piece;
static event idle_ready, protector_ready;

/* ---- Threads that work ------------------------------------------------------------------------------------------ */

static size_t any_size(random_source *random) {
    return random_below(random, (size_t)1 << random_below(random, random_below(random, 50) ? 13 : 21));
}

static void work_once(random_source *random) {
    struct shared_slot *any = &shared[random_below(random, SHARED)];
    if (__atomic_exchange_n(&any->busy, 1, __ATOMIC_ACQUIRE)) /* pairs with the release below */
        return;
    CHECK(slot_step(&any->slot, random, any_size(random)) == STEP_DONE);
    __atomic_store_n(&any->busy, 0, __ATOMIC_RELEASE);
}

static void worker_runs(void *argument) {
    struct worker *worker = argument;
    random_source random = {worker->number * 1000};
    for (unsigned i = 0; i < KEPT; i++)
        while (worker->kept[i].kind == SLOT_EMPTY)
            CHECK(slot_step(&worker->kept[i], &random, any_size(&random)) == STEP_DONE);
    event_raise(&worker->ready);
    for (unsigned i = 1; !event_is_raised(&leave); i++) {
        work_once(&random);
        if (i % 3000 == 0)
            brainmm_thread_heap_minimize();
        if (i % 7000 == 0)
            brainmm_thread_done();
    }
    for (unsigned i = 0; i < KEPT; i++)
        slot_release(&worker->kept[i]);
}

static void short_lived_runs(void *seed) {
    random_source random = {(uintptr_t)seed};
    for (unsigned i = 0; i < 300; i++)
        work_once(&random);
}

/* Starts one thread after the other, so that heaps pass from ended threads to new ones. */
static void spawner_runs(void *unused) {
    (void)unused;
    thread t;
    for (uintptr_t seed = 1000000; !event_is_raised(&leave); seed++) {
        thread_start(&t, short_lived_runs, (void *)seed);
        thread_join(&t);
    }
}

/* Waits with some pieces freed, which no other thread can get meanwhile. */
static void idle_runs(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < 500; i++) {
        CHECK((idle_live[i] = brainmm_alloc(112)) != NULL);
        CHECK((idle_free[i] = brainmm_alloc(112)) != NULL);
    }
    for (unsigned i = 0; i < 500; i++)
        CHECK(brainmm_free(idle_free[i]) == BRAINMM_OK);
    event_raise(&idle_ready);
    while (!event_is_raised(&leave))
        sleep_ms(5);
    for (unsigned i = 0; i < 500; i++)
        CHECK(brainmm_free(idle_live[i]) == BRAINMM_OK);
}

static void set_readable(void *pages, size_t size, bool readable) {
#if defined(_WIN32)
    DWORD before;
    CHECK(VirtualProtect(pages, size, readable ? PAGE_READWRITE : PAGE_NOACCESS, &before));
#else
    CHECK(mprotect(pages, size, readable ? PROT_READ | PROT_WRITE : PROT_NONE) == 0);
#endif
}

static void protector_runs(void *unused) {
    (void)unused;
    CHECK((protected_piece = brainmm_alloc_aligned(2048, 32768)) != NULL && is_aligned(protected_piece, 4096));
    event_raise(&protector_ready);
    while (!event_is_raised(&leave)) {
        set_readable(protected_piece, 32768, false);
        thread_yield();
        set_readable(protected_piece, 32768, true);
        thread_yield();
    }
    CHECK(brainmm_free(protected_piece) == BRAINMM_OK);
}

/* ---- The thread that looks -------------------------------------------------------------------------------------- */

static struct seen seen;
static unsigned presumed;

static void check_kept(const struct slot *slot) {
    const brainmm_allocation *found = seen_at(&seen, slot->memory);
    CHECK_MSG(found != NULL, "%p, kind %d, %zu bytes, is not found", (void *)slot->memory, (int)slot->kind, slot->size);
    CHECK(found->size == slot->size && found->certainty != BRAINMM_EXACT);
    CHECK(found->mode == (slot->kind == SLOT_PIECE ? BRAINMM_USER : slot->mode));
    CHECK(found->alignment >= slot->alignment);
    CHECK((found->kind <= BRAINMM_LARGE) == (slot->kind == SLOT_PIECE));
}

static void look(void) {
    seen_walk(&seen);
    for (unsigned w = 0; w < WORKERS; w++)
        for (unsigned i = 0; i < KEPT; i++)
            check_kept(&workers[w].kept[i]);
    for (unsigned i = 0; i < 500; i++) {
        CHECK_MSG(seen_at(&seen, idle_live[i]) != NULL, "piece %u of the waiting thread is not found", i);
        CHECK_MSG(seen_at(&seen, idle_free[i]) == NULL, "piece %u, which the waiting thread freed, is found", i);
    }
    CHECK(seen_at(&seen, protected_piece) != NULL);
    for (size_t i = 0; i < seen.count; i++)
        presumed += seen.all[i].certainty == BRAINMM_PRESUMED;

    brainmm_stats stats = {.struct_size = sizeof stats};
    CHECK(brainmm_get_stats(&stats, NULL, 0) == BRAINMM_OK);
    CHECK(stats.approximate & BRAINMM_OTHERS_WORKED);
    CHECK(stats.live_count > WORKERS * KEPT + 500); /* what moves during the scan may be counted twice */
    CHECK(stats.reserved_bytes >= stats.committed_bytes);
}

static int BRAINMM_CALL write_nowhere(void *length_written, const char *text, size_t length) {
    (void)text;
    *(size_t *)length_written += length;
    return 0;
}

int main(int argc, char **argv) {
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 4;
    unsigned walks = 0;
    thread spawner, idle, protector;
    watchdog_start(seconds + 150);
    seen_start(&seen, 20000);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].number = i + 1;
        thread_start(&workers[i].thread, worker_runs, &workers[i]);
    }
    thread_start(&idle, idle_runs, NULL);
    thread_start(&protector, protector_runs, NULL);
    for (unsigned i = 0; i < WORKERS; i++)
        CHECK(event_wait(&workers[i].ready, 60000));
    CHECK(event_wait(&idle_ready, 60000) && event_wait(&protector_ready, 60000));
    thread_start(&spawner, spawner_runs, NULL);
    for (uint64_t end = now_ms() + seconds * 1000; walks < WALKS_LEAST || now_ms() < end; walks++) {
        look();
        size_t length = 0;
        if (walks % 4 == 0)
            CHECK(brainmm_dump(write_nowhere, &length,
                               BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS | BRAINMM_DUMP_MAP |
                                   BRAINMM_DUMP_HOLDERS) == BRAINMM_OK &&
                  length > 10000);
    }
    event_raise(&leave);
    thread_join(&spawner);
    thread_join(&idle);
    thread_join(&protector);
    for (unsigned i = 0; i < WORKERS; i++)
        thread_join(&workers[i].thread);
    for (unsigned i = 0; i < SHARED; i++)
        slot_release(&shared[i].slot);
    seen_walk(&seen);
    CHECK_MSG(seen.count == 0, "%zu allocations are still live", seen.count);
    printf("%u walks, %u allocations presumed to be live\n", walks, presumed);
    return TEST_PASSED;
}
