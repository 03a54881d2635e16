/* SPDX-License-Identifier: MIT */
/* options_test.c: brainmm_get_options tells the kind, size, alignment, rights and owner of every allocation at its
 * start. For every other address it returns 0 and does not touch the record.
 */
#include "heap_support.h"
#include "suite.h"

#include "brainmm.h"

static const unsigned modes[] = {BRAINMM_USER, BRAINMM_SYSTEM, BRAINMM_JIT};

static void check(const void *address, unsigned kind, unsigned align, unsigned block_size, unsigned rights,
                  uintptr_t owner, size_t least, size_t most) {
    brainmm_options options;
    memset(&options, 0x5A, sizeof options);
    ck_assert_ptr_nonnull(address);
    ck_assert_int_eq(brainmm_get_options(address, &options), 1);
    uintptr_t thread_id = options.thread_id; /* copies: members of a packed struct have no address */
    size_t size = options.size;
    ck_assert_uint_eq(options.kind, kind);
    ck_assert_uint_eq(options.align, align);
    ck_assert_uint_eq(options.block_size, block_size);
    ck_assert_uint_eq(options.rights, rights);
    ck_assert_uint_eq(thread_id, owner);
    ck_assert_uint_ge(size, least);
    ck_assert_uint_le(size, most);
    ck_assert_int_eq(brainmm_get_options(address, NULL), 1);
}

static void check_none(const void *address) {
    brainmm_options options, before;
    memset(&options, 0x5A, sizeof options);
    before = options;
    ck_assert_msg(brainmm_get_options(address, &options) == 0, "%p is described", address);
    ck_assert_mem_eq(&options, &before, sizeof options);
    ck_assert_int_eq(brainmm_get_options(address, NULL), 0);
}

/* No address inside an allocation, except its start, may be described. */
static void check_inside(const void *start, size_t size) {
    const char *bytes = start;
    random_source random = {size};
    for (unsigned i = 0; i < 50; i++)
        check_none(bytes + 1 + random_below(&random, size - 1));
    for (size_t step = 16; step < size; step *= 2)
        check_none(bytes + step);
}

enum { READ_WRITE = BRAINMM_READ | BRAINMM_WRITE };

START_TEST(pieces_of_all_sizes_and_alignments) {
    for (unsigned align = 0; align <= 7; align++) {
        size_t alignment = (size_t)16 << align;
        for (size_t size = 1; size <= 3 * MIB; size += size / 5 + 1) {
            char *piece = brainmm_alloc_aligned(alignment, size);
            size_t usable = brainmm_usable_size(piece);
            unsigned kind = usable <= 128       ? BRAINMM_SMALL
                            : size <= 32768     ? BRAINMM_MEDIUM
                            : usable <= 1 * MIB ? BRAINMM_BIG
                                                : BRAINMM_LARGE;
            size_t most = size <= 32768 ? size + size / 8 + alignment + 16 : size + 4095;
            check(piece, kind, align, 0, READ_WRITE, size <= 32768 ? current_thread_id() : 0, size, most);
            check_inside(piece, usable);
            ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
            check_none(piece);
        }
    }
}
END_TEST

START_TEST(a_resize_keeps_what_is_told) {
    for (unsigned align = 0; align <= 7; align++) {
        char *piece = brainmm_alloc_aligned((size_t)16 << align, 10);
        for (size_t size = 20; size < 2 * MIB; size *= 3) {
            piece = size % 2 ? brainmm_realloc(piece, size) : brainmm_reget(piece, size);
            size_t usable = brainmm_usable_size(piece);
            check(piece,
                  usable <= 128   ? BRAINMM_SMALL
                  : size <= 32768 ? BRAINMM_MEDIUM
                  : usable <= MIB ? BRAINMM_BIG
                                  : BRAINMM_LARGE,
                  align, 0, READ_WRITE, size <= 32768 ? current_thread_id() : 0, size, usable);
        }
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
}
END_TEST

START_TEST(blocks_of_all_sizes_and_modes) {
    for (unsigned m = 0; m < 3; m++) {
        bool jit = modes[m] == BRAINMM_JIT;
        unsigned rights = READ_WRITE | (jit ? (unsigned)BRAINMM_EXECUTE : 0);
        for (unsigned k = 0; k <= 8; k++) {
            size_t size = (size_t)4096 << (2 * k);
            char *block = brainmm_block_get(size, modes[m]), *other = NULL;
            check(block, jit ? BRAINMM_JIT_MEMORY : BRAINMM_BLOCK, 7, k, rights, 0, size, size);
            if (size <= 16 * MIB) /* 32 bit has room for one of the larger ones only */
                check(other = brainmm_block_get(size, modes[m]), jit ? BRAINMM_JIT_MEMORY : BRAINMM_BLOCK, 7, k, rights,
                      0, size, size);
            check_inside(block, size);
            ck_assert_int_eq(brainmm_block_free(block, modes[m]), BRAINMM_OK);
            check_none(block);
            ck_assert_int_eq(brainmm_block_free(other, modes[m]), BRAINMM_OK); /* may be NULL */
        }
    }
}
END_TEST

START_TEST(pages_of_all_modes) {
    for (unsigned m = 0; m < 3; m++) {
        bool jit = modes[m] == BRAINMM_JIT;
        unsigned kind = jit ? BRAINMM_JIT_MEMORY : BRAINMM_PAGES,
                 rights = READ_WRITE | (jit ? (unsigned)BRAINMM_EXECUTE : 0);
        for (size_t count = 1; count < 600; count += 1 + count / 3) {
            char *run = brainmm_pages_get(count, modes[m]);
            check(run, kind, 7, 0, rights, 0, count * 4096, count * 4096);
            check_inside(run, count * 4096);
            run = brainmm_pages_realloc(run, count * 2, modes[m]);
            check(run, kind, 7, 0, rights, 0, count * 8192, count * 8192);
            ck_assert_int_eq(brainmm_pages_free(run, modes[m]), BRAINMM_OK);
            check_none(run);
        }
    }
}
END_TEST

/* Sets all eight combinations of rights (WRITE includes READ) on each kind of memory that has pages of its own. After a
 * resize the rights are READ and WRITE again. */
START_TEST(rights_are_those_of_the_first_page) {
    char *run = brainmm_pages_get(4, BRAINMM_USER), *block = brainmm_block_get(16384, BRAINMM_SYSTEM),
         *piece = brainmm_alloc(100 * KIB), *jit = brainmm_pages_get(4, BRAINMM_JIT);
    for (unsigned rights = 0; rights < 8; rights++) {
        unsigned told = rights & BRAINMM_WRITE ? rights | (unsigned)BRAINMM_READ : rights;
        ck_assert_int_eq(brainmm_pages_set_rights(run, 1, rights), BRAINMM_OK);
        ck_assert_int_eq(brainmm_pages_set_rights(block, 4, rights), BRAINMM_OK);
        ck_assert_int_eq(brainmm_pages_set_rights(piece, 2, rights), BRAINMM_OK);
        ck_assert_int_eq(brainmm_pages_set_rights(jit, 4, rights), BRAINMM_OK);
        check(run, BRAINMM_PAGES, 7, 0, told, 0, 16384, 16384);
        check(block, BRAINMM_BLOCK, 7, 1, told, 0, 16384, 16384);
        check(piece, BRAINMM_BIG, 0, 0, told, 0, 100000, 102400);
        check(jit, BRAINMM_JIT_MEMORY, 7, 0, told, 0, 16384, 16384);
    }
    ck_assert_int_eq(brainmm_pages_set_rights(run, 1, READ_WRITE), BRAINMM_OK);
    ck_assert_int_eq(brainmm_pages_set_rights(run + 4096, 1, 0), BRAINMM_OK);
    check(run, BRAINMM_PAGES, 7, 0, READ_WRITE, 0, 16384, 16384);
    run = brainmm_pages_realloc(run, 5, BRAINMM_USER);
    check(run, BRAINMM_PAGES, 7, 0, READ_WRITE, 0, 20480, 20480);
    ck_assert_int_eq(brainmm_pages_free(run, BRAINMM_USER), BRAINMM_OK);
    ck_assert_int_eq(brainmm_block_free(block, BRAINMM_SYSTEM), BRAINMM_OK);
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    ck_assert_int_eq(brainmm_pages_free(jit, BRAINMM_JIT), BRAINMM_OK);
}
END_TEST

/* ---- Owners ----------------------------------------------------------------------------------------------------- */

static void *pieces[400], *large, *own_block;
static uintptr_t other_id;
static event allocated, leave;

static void thread_allocates(void *unused) {
    (void)unused;
    other_id = current_thread_id();
    for (unsigned i = 0; i < 400; i++)
        CHECK((pieces[i] = brainmm_alloc(i * 20 + 1)) != NULL);
    CHECK((large = brainmm_alloc(2 * MIB)) != NULL && (own_block = brainmm_block_get(4096, BRAINMM_USER)) != NULL);
    event_raise(&allocated);
    CHECK(event_wait(&leave, 60000));
}

START_TEST(the_owner_is_the_thread_that_allocated_as_long_as_it_lives) {
    thread t;
    allocated.raised = leave.raised = 0;
    brainmm_free(brainmm_alloc(1)); /* without this the new thread's heap could become this thread's */
    thread_start(&t, thread_allocates, NULL);
    ck_assert(event_wait(&allocated, 60000));
    for (unsigned i = 0; i < 400; i++) {
        size_t usable = brainmm_usable_size(pieces[i]);
        check(pieces[i], usable <= 128 ? BRAINMM_SMALL : BRAINMM_MEDIUM, 0, 0, READ_WRITE, other_id, i * 20 + 1,
              usable);
    }
    check(large, BRAINMM_LARGE, 0, 0, READ_WRITE, 0, 2 * MIB, 2 * MIB);
    check(own_block, BRAINMM_BLOCK, 7, 0, READ_WRITE, 0, 4096, 4096);
    event_raise(&leave);
    thread_join(&t);
    for (unsigned i = 0; i < 400; i++) {
        size_t usable = brainmm_usable_size(pieces[i]);
        check(pieces[i], usable <= 128 ? BRAINMM_SMALL : BRAINMM_MEDIUM, 0, 0, READ_WRITE, 0, i * 20 + 1, usable);
        ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
        check_none(pieces[i]);
    }
    ck_assert_int_eq(brainmm_free(large), BRAINMM_OK);
    ck_assert_int_eq(brainmm_block_free(own_block, BRAINMM_USER), BRAINMM_OK);
}
END_TEST

/* Pieces for 200 slabs. A thread that never allocates frees every eighth piece of each, after which any thread may take
 * the slab. */
enum { PASSED_SIZE = 1024, PASSED_PIECES = 200 * 65536 / PASSED_SIZE };

static char *passed[PASSED_PIECES];

static void thread_frees_some(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < PASSED_PIECES; i += 8)
        CHECK(brainmm_free(passed[i]) == BRAINMM_OK);
}

static struct taker {
    thread thread;
    uintptr_t id;
    char *taken; /* published relaxed, so that only the heap itself orders what the asking thread reads */
} takers[4];

/* Takes many pieces: the first ones may come from a slab of an ended thread's heap that this thread has inherited. */
static void thread_takes(void *argument) {
    struct taker *taker = argument;
    char *taken[100];
    for (unsigned i = 0; i < 100; i++)
        CHECK((taken[i] = brainmm_alloc(PASSED_SIZE)) != NULL);
    __atomic_store_n(&taker->id, current_thread_id(), __ATOMIC_RELAXED);
    __atomic_store_n(&taker->taken, taken[99], __ATOMIC_RELAXED);
    CHECK(event_wait(&leave, 60000));
    for (unsigned i = 0; i < 100; i++)
        CHECK(brainmm_free(taken[i]) == BRAINMM_OK);
}

static const char *neighbour_of(const char *taken) {
    for (unsigned i = 1; i < PASSED_PIECES; i++)
        if (i % 8 != 0 && ((uintptr_t)passed[i] ^ (uintptr_t)taken) < 65536)
            return passed[i];
    return NULL;
}

/* Several threads: the first may inherit the heap of an earlier test's thread, the others have new heaps. */
START_TEST(the_owner_of_a_slab_that_passed_on_is_who_took_it) {
    thread t;
    leave.raised = 0;
    for (unsigned i = 0; i < PASSED_PIECES; i++)
        ck_assert_ptr_nonnull(passed[i] = brainmm_alloc(PASSED_SIZE));
    thread_start(&t, thread_frees_some, NULL);
    thread_join(&t);
    for (unsigned i = 0; i < 4; i++) {
        char *taken = NULL;
        takers[i].taken = NULL;
        thread_start(&takers[i].thread, thread_takes, &takers[i]);
        for (uint64_t end = now_ms() + 60000; !taken && now_ms() < end; thread_yield())
            taken = __atomic_load_n(&takers[i].taken, __ATOMIC_RELAXED);
        ck_assert_ptr_nonnull(taken);
        const char *neighbour = neighbour_of(taken);
        ck_assert_msg(neighbour != NULL, "thread %u has not taken one of the slabs", i);
        uintptr_t id = __atomic_load_n(&takers[i].id, __ATOMIC_RELAXED);
        check(neighbour, BRAINMM_MEDIUM, 0, 0, READ_WRITE, id, PASSED_SIZE, PASSED_SIZE);
    }
    event_raise(&leave);
    for (unsigned i = 0; i < 4; i++)
        thread_join(&takers[i].thread);
    for (unsigned i = 0; i < PASSED_PIECES; i++)
        if (i % 8 != 0)
            ck_assert_int_eq(brainmm_free(passed[i]), BRAINMM_OK);
}
END_TEST

/* ---- What is none ----------------------------------------------------------------------------------------------- */

static char in_data[64] __attribute__((aligned(4096)));

START_TEST(all_else_is_refused) {
    char on_stack[64];
    char *foreign = system_pages(65536), *piece = brainmm_alloc(48);
    for (size_t i = 0; i < sizeof on_stack; i++)
        check_none(on_stack + i);
    /* PIECE is the only thing that is live, but the heap may have begun at a power of two. */
    for (unsigned shift = 0; shift < sizeof(void *) * 8; shift++) {
        const uintptr_t others[] = {(uintptr_t)1 << shift, 0 - ((uintptr_t)1 << shift),
                                    (uintptr_t)piece ^ (uintptr_t)1 << shift};
        for (unsigned i = 0; i < 3; i++)
            if (others[i] != (uintptr_t)piece)
                check_none((const void *)others[i]);
    }
    check_none(NULL);
    check_none(in_data);
    check_none((const void *)(uintptr_t)check_none);
    check_none(foreign);
    check_none(foreign + 4096);
    check_none(brainmm_get_manager());
    /* tries all of the slab around the piece; nothing else of it has ever been handed out */
    for (uintptr_t at = (uintptr_t)piece & ~(uintptr_t)65535, end = at + 65536; at < end; at += 16)
        if (at != (uintptr_t)piece)
            check_none((const void *)at);
    system_pages_free(foreign, 65536);
    check_none(foreign);
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        all_else_is_refused,
        pieces_of_all_sizes_and_alignments,
        a_resize_keeps_what_is_told,
        blocks_of_all_sizes_and_modes,
        pages_of_all_modes,
        rights_are_those_of_the_first_page,
        the_owner_is_the_thread_that_allocated_as_long_as_it_lives,
        the_owner_of_a_slab_that_passed_on_is_who_took_it,
        NULL,
    };
    return run_suite("options", 120, NULL, NULL, tests);
}
