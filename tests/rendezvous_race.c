/* SPDX-License-Identifier: MIT */
/* rendezvous_race.c: two modules find no owner. One publishes its heap. The other, whose heap is ready by then, finds
 * that it has lost and uses the first one's. If many threads claim a place at once, exactly one gets it. */
#include "rendezvous_party.h"
/* rendezvous_party.h first: it includes the system's headers */
#include "share/rendezvous.h"

enum { THREADS = 4, ROUNDS = 50, PLACE = 1 };

static void check_lost(void) {
    static struct brainmm_manager mine;
    static void *const version1_mine[24];
    struct rendezvous_owner owner;
    unsigned place = 99;
    mine.version1 = version1_mine;
    CHECK(rendezvous_publish(&mine, &owner, &place) == RENDEZVOUS_LOST);
    CHECK(owner.manager == brainmm_get_manager() && owner.place == 0);
    CHECK(rendezvous_find(&mine, &owner) && owner.manager == brainmm_get_manager());
}

static event go;
static unsigned ready;
static bool won[THREADS];

static void claim(void *argument) {
    size_t number = (size_t)argument;
    struct brainmm_record record = {.version1 = (uintptr_t)won, .manager = (uintptr_t)&won[number]};
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
    while (!event_is_raised(&go))
        thread_yield();
    won[number] = rendezvous_claim(PLACE, &record);
}

static void place_clear(void) {
#if defined(_WIN32)
    SetEnvironmentVariableA("BRAINMM_MANAGER", NULL);
#else
    CHECK(munmap(place_page(PLACE), 4096) == 0);
#endif
}

static void check_claims(void) {
    for (int round = 0; round < ROUNDS; round++) {
        thread threads[THREADS];
        struct brainmm_record record;
        const char *reason;
        size_t winners = 0, winner = 0;
        CHECK(rendezvous_look(PLACE, &record, &reason) == PLACE_EMPTY);
        ready = 0;
        go.raised = 0;
        for (size_t i = 0; i < THREADS; i++)
            thread_start(&threads[i], claim, (void *)i);
        while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < THREADS)
            thread_yield();
        event_raise(&go);
        for (size_t i = 0; i < THREADS; i++) {
            thread_join(&threads[i]);
            winners += won[i];
            winner = won[i] ? i : winner;
        }
        CHECK_MSG(winners == 1, "%zu threads got the place", winners);
        CHECK(rendezvous_look(PLACE, &record, &reason) == PLACE_FILLED && record.manager == (uintptr_t)&won[winner]);
        place_clear();
    }
}

int main(void) {
    const char *text;
    CHECK_MSG(brainmm_attach_status(&text) == BRAINMM_OWNER, "%s", text);
    check_lost();
    check_claims();
    return TEST_PASSED;
}
