/* SPDX-License-Identifier: MIT */
/* idle_owner.c: memory that other threads free can be used again while its owner sleeps or after the owner has ended.
 * Thread A allocates 64 MiB and then sleeps or ends. The main thread frees all of it and allocates as much. The
 * resident set must stay near one payload, not two.
 */
#include "piece_list.h"

#include "brainmm.h"

#define PAYLOAD (64 * MIB)
#define LIMIT (PAYLOAD + PAYLOAD / 4)

struct scenario {
    const char *name;
    size_t owner_size, size; /* of A's pieces and of the main thread's */
    bool owner_ends;
    /* the pieces that A leaves to the main thread */
    void *list;
    event filled, done;
};

static void *fill(size_t size) {
    void *list = NULL;
    for (size_t i = 0; i < PAYLOAD / size; i++) {
        void *piece = brainmm_alloc(size);
        CHECK(piece != NULL);
        memset(piece, 1, size);
        piece_list_add(&list, piece);
    }
    return list;
}

static void owner_runs(void *argument) {
    struct scenario *s = argument;
    s->list = fill(s->owner_size);
    event_raise(&s->filled);
    if (!s->owner_ends)
        CHECK(event_wait(&s->done, 60000));
}

static bool holds(struct scenario *s) {
    thread owner;
    brainmm_thread_heap_minimize();
    size_t before = resident_bytes();
    thread_start(&owner, owner_runs, s);
    CHECK(event_wait(&s->filled, 60000));
    if (s->owner_ends)
        thread_join(&owner);
    piece_list_free(s->list);
    void *list = fill(s->size);
    size_t growth = resident_growth(before);
    printf("%-46s %zu MiB for a payload of %zu MiB%s\n", s->name, growth / MIB, PAYLOAD / MIB,
           growth > LIMIT ? "  over the bound" : "");
    piece_list_free(list);
    event_raise(&s->done);
    if (!s->owner_ends)
        thread_join(&owner);
    return growth <= LIMIT;
}

int main(void) {
    static struct scenario scenarios[] = {
        {.name = "small, owner sleeps", .owner_size = 48, .size = 48},
        {.name = "small, owner has ended", .owner_size = 48, .size = 48, .owner_ends = true},
        {.name = "medium, owner sleeps", .owner_size = 600, .size = 600},
        {.name = "medium, owner has ended", .owner_size = 600, .size = 600, .owner_ends = true},
        {.name = "20000 bytes, owner sleeps", .owner_size = 20000, .size = 20000},
        {.name = "20000 bytes, owner has ended", .owner_size = 20000, .size = 20000, .owner_ends = true},
        {.name = "small, then medium, owner sleeps", .owner_size = 64, .size = 5000},
        {.name = "medium, then small, owner has ended", .owner_size = 5000, .size = 64, .owner_ends = true},
        {.name = "small, then large, owner sleeps", .owner_size = 32, .size = 4 * MIB},
    };
    bool held = true;
    if (UNDER_SANITIZER || under_valgrind())
        test_skip("the tool's own memory hides the heap's");
    watchdog_start(120);
    for (unsigned i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        held = holds(&scenarios[i]) && held;
    return held ? TEST_PASSED : TEST_FAILED;
}
