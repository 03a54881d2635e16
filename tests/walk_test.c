/* walk_test.c: brainmm_walk, brainmm_get_stats and brainmm_dump in a program that knows all it has allocated: each live
 * piece, block and run of pages is found once and described as it was taken, nothing else is found, and the figures are
 * the sums. Other threads have ended or do nothing here; walk_threads.c has those that work, walk_code_test.c what JIT
 * heaps hold.
 */
#include "heap_model.h"
#include "suite.h"
#include "walk_support.h"
#if !defined(_WIN32)
#include <sys/mman.h>
#endif

enum { MODEL_MOST = 20000 };

/* ---- The model -------------------------------------------------------------------------------------------------- */

struct entry {
    void *address; /* NULL: nothing */
    size_t asked, alignment;
    uint8_t kind, mode;
    uintptr_t thread_id;
};

static struct entry model[MODEL_MOST];
static unsigned model_count;
static struct seen seen;

static void model_add(void *address, size_t asked, size_t alignment, unsigned kind, unsigned mode) {
    CHECK_MSG(address != NULL, "nothing for %zu bytes, kind %u", asked, kind);
    CHECK(model_count < MODEL_MOST);
    model[model_count++] = (struct entry){address, asked, alignment, (uint8_t)kind, (uint8_t)mode, current_thread_id()};
}

static unsigned kind_of_piece(size_t usable) {
    return usable <= 128     ? BRAINMM_SMALL
           : usable <= 32768 ? BRAINMM_MEDIUM
           : usable <= MIB   ? BRAINMM_BIG
                             : BRAINMM_LARGE;
}

static void model_add_piece(void *piece, size_t asked, size_t alignment) {
    model_add(piece, asked, alignment, kind_of_piece(brainmm_usable_size(piece)), BRAINMM_USER);
}

static void entry_free(struct entry *entry) {
    int result = BRAINMM_OK;
    if (entry->kind <= BRAINMM_LARGE)
        result = brainmm_free(entry->address);
    else if (brainmm_pages_free(entry->address, entry->mode) != BRAINMM_OK)
        result = brainmm_block_free(entry->address, entry->mode);
    CHECK_MSG(result == BRAINMM_OK, "release of %p: %d", entry->address, result);
    entry->address = NULL;
}

/* Frees every STEP-th of what is live, beginning with the first. */
static void model_free(unsigned step) {
    unsigned number = 0;
    for (unsigned i = 0; i < model_count; i++)
        if (model[i].address && number++ % step == 0)
            entry_free(&model[i]);
}

/* Of everything there is: pieces of every class and alignment, runs, pages and blocks of every mode. */
static void model_fill(void) {
    for (size_t size = 0; size <= 1024; size += 8)
        for (unsigned i = 0; i < 3; i++)
            model_add_piece(brainmm_alloc(size), size, 16);
    for (size_t size = 1025; size <= 40000; size += size / 9)
        model_add_piece(brainmm_alloc_zeroed(size), size, 16);
    for (unsigned i = 0; i < 5000; i++) /* a class that fills several slabs */
        model_add_piece(brainmm_alloc(48), 48, 16);
    for (size_t alignment = 16; alignment <= 2048; alignment *= 2)
        for (size_t size = 1; size <= 200000; size = size * 3 + 7)
            model_add_piece(brainmm_alloc_aligned(alignment, size), size, alignment);
    for (size_t size = 32769; size <= 5 * MIB; size += size / 3)
        model_add_piece(brainmm_alloc(size), size, 16);
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
        for (size_t size = 4096; size <= 16 * MIB; size *= 4)
            for (unsigned i = 0; i < 5 && size * i < 20 * MIB; i++)
                model_add(brainmm_block_get(size, mode), size, size,
                          mode == BRAINMM_JIT ? BRAINMM_JIT_MEMORY : BRAINMM_BLOCK, mode);
        for (size_t count = 1; count < 200; count += 1 + count / 2)
            model_add(brainmm_pages_get(count, mode), count * 4096, 4096,
                      mode == BRAINMM_JIT ? BRAINMM_JIT_MEMORY : BRAINMM_PAGES, mode);
    }
}

static size_t model_live(void) {
    size_t live = 0;
    for (unsigned i = 0; i < model_count; i++)
        live += model[i].address != NULL;
    return live;
}

/* What the walk finds is the model, no more and no less. */
static void compare(bool alone) {
    seen_walk(&seen);
    for (unsigned i = 0; i < model_count; i++) {
        const struct entry *entry = &model[i];
        if (!entry->address)
            continue;
        const brainmm_allocation *found = seen_at(&seen, entry->address);
        ck_assert_msg(found != NULL, "entry %u, %zu bytes at %p, is not found", i, entry->asked, entry->address);
        brainmm_options options;
        ck_assert_int_eq(brainmm_get_options(entry->address, &options), 1);
        size_t described = options.size;
        uintptr_t thread_id = options.thread_id;
        ck_assert_uint_eq(found->size, described);
        ck_assert_uint_ge(found->size, entry->asked);
        ck_assert_uint_eq(found->kind, entry->kind);
        ck_assert_uint_eq(options.kind, entry->kind);
        ck_assert_uint_eq(found->mode, entry->mode);
        ck_assert_uint_eq(found->alignment, entry->alignment);
        ck_assert_uint_eq(found->thread_id, entry->kind <= BRAINMM_MEDIUM ? entry->thread_id : 0);
        ck_assert_uint_eq(thread_id, found->thread_id);
        ck_assert_uint_eq(found->certainty, alone ? BRAINMM_EXACT : BRAINMM_SEEN);
    }
    ck_assert_uint_eq(seen.count, model_live()); /* each once, as the walk ascends, and nothing besides */
}

/* The figures are the sums of what the walk finds. */
static void compare_stats(bool alone) {
    static brainmm_class_stats classes[1024];
    brainmm_stats stats;
    memset(&stats, 0xA5, sizeof stats);
    stats.struct_size = sizeof stats;
    ck_assert_int_eq(brainmm_get_stats(&stats, classes, 1024), BRAINMM_OK);
    ck_assert_uint_eq(stats.struct_size, sizeof stats);
    ck_assert_uint_eq(stats.approximate, alone ? 0 : BRAINMM_OTHERS_WORKED);
    uint64_t count[8] = {0}, bytes[8] = {0}, all_bytes = 0, in_classes = 0;
    for (size_t i = 0; i < seen.count; i++) {
        count[seen.all[i].kind]++;
        bytes[seen.all[i].kind] += seen.all[i].size;
        all_bytes += seen.all[i].size;
    }
    ck_assert_uint_eq(stats.live_count, seen.count);
    ck_assert_uint_eq(stats.live_bytes, all_bytes);
    for (unsigned kind = 0; kind < 8; kind++) {
        ck_assert_uint_eq(stats.kinds[kind].count, count[kind]);
        ck_assert_uint_eq(stats.kinds[kind].bytes, bytes[kind]);
    }
    ck_assert_uint_eq(stats.committed_bytes,
                      stats.live_bytes + stats.free_bytes + stats.cached_bytes + stats.overhead_bytes);
    ck_assert_uint_le(stats.committed_bytes, stats.reserved_bytes);
    ck_assert_uint_ge(stats.committed_most + stats.overhead_bytes, stats.committed_bytes);
    ck_assert_uint_le(stats.class_count, 1024);
    uint64_t slabs = 0;
    for (size_t i = 0; i < stats.class_count; i++) {
        const brainmm_class_stats *row = &classes[i];
        if (i)
            ck_assert(row[-1].alignment < row->alignment ||
                      (row[-1].alignment == row->alignment && row[-1].size < row->size));
        ck_assert_uint_ge(row->slabs, 1);
        ck_assert_uint_ge((row->live + row->free + row->untouched) * row->size, row->slabs * 57344);
        slabs += row->slabs;
        in_classes += row->live;
    }
    ck_assert_uint_eq(stats.slabs, slabs);
    ck_assert_uint_eq(in_classes, count[BRAINMM_SMALL] + count[BRAINMM_MEDIUM]);
    for (size_t i = 0; i < seen.count; i++) { /* each class has as many as the walk finds of its size and alignment */
        if (seen.all[i].kind > BRAINMM_MEDIUM)
            continue;
        size_t row = 0;
        while (row < stats.class_count &&
               (classes[row].size != seen.all[i].size || classes[row].alignment != seen.all[i].alignment))
            row++;
        ck_assert(row < stats.class_count && classes[row].live-- > 0);
    }
    for (size_t row = 0; row < stats.class_count; row++)
        ck_assert_uint_eq(classes[row].live, 0);
}

static void set_up(void) {
    seen_start(&seen, 4 * MODEL_MOST);
    model_count = 0;
    seen_walk(&seen);
    ck_assert_uint_eq(seen.count, 0); /* all that is ever live here is the model's */
}

static void tear_down(void) {
    model_free(1);
    seen_end(&seen);
}

/* ---- What is found ---------------------------------------------------------------------------------------------- */

START_TEST(all_that_is_live_is_found_once_and_described) {
    model_fill();
    compare(true);
    compare_stats(true);
    model_free(3);
    compare(true);
    compare_stats(true);
    model_fill(); /* into what has been freed */
    compare(true);
    model_free(2);
    compare(true);
    compare_stats(true);
    brainmm_thread_heap_minimize();
    compare(true);
    compare_stats(true);
    model_free(1);
    compare(true);
    compare_stats(true);
}
END_TEST

START_TEST(resized_pieces_are_found_as_they_are_now) {
    for (unsigned i = 0; i < 300; i++)
        model_add_piece(brainmm_alloc(i * 11), i * 11, 16);
    for (unsigned i = 0; i < 300; i++) {
        size_t size = (size_t)1 << i % 22;
        struct entry *entry = &model[i];
        void *moved = i % 2 ? brainmm_realloc(entry->address, size) : brainmm_reget(entry->address, size);
        ck_assert_ptr_nonnull(moved);
        *entry = (struct entry){
            moved, size, 16, (uint8_t)kind_of_piece(brainmm_usable_size(moved)), BRAINMM_USER, current_thread_id()};
    }
    model_add(brainmm_pages_get(3, BRAINMM_SYSTEM), 3 * 4096, 4096, BRAINMM_PAGES, BRAINMM_SYSTEM);
    struct entry *pages = &model[model_count - 1];
    pages->asked = 100 * 4096;
    pages->address = brainmm_pages_realloc(pages->address, 100, BRAINMM_SYSTEM);
    compare(true);
    ck_assert_uint_eq(seen_at(&seen, pages->address)->size, 100 * 4096);
    compare_stats(true);
}
END_TEST

/* Random use, as in stress.c, with walks in between. */
START_TEST(random_use_is_found) {
    static struct slot slots[400];
    random_source random = {42};
    for (unsigned round = 0; round < (under_valgrind() ? 2 : 12); round++) {
        for (unsigned i = 0; i < 2000; i++) {
            size_t size = random_below(&random, (size_t)1 << random_below(&random, 19));
            ck_assert_int_eq(slot_step(&slots[random_below(&random, 400)], &random, size), STEP_DONE);
        }
        seen_walk(&seen);
        size_t live = 0;
        for (unsigned i = 0; i < 400; i++) {
            if (slots[i].kind == SLOT_EMPTY)
                continue;
            const brainmm_allocation *found = seen_at(&seen, slots[i].memory);
            ck_assert_ptr_nonnull(found);
            ck_assert_uint_eq(found->size, slots[i].size);
            ck_assert_uint_eq(found->mode, slots[i].kind == SLOT_PIECE ? BRAINMM_USER : slots[i].mode);
            live++;
        }
        ck_assert_uint_eq(seen.count, live);
        compare_stats(true);
    }
    for (unsigned i = 0; i < 400; i++)
        slot_release(&slots[i]);
}
END_TEST

/* ---- Threads that have ended, and one that waits ---------------------------------------------------------------- */

static void thread_fills(void *unused) {
    (void)unused;
    model_fill();
}

static void thread_frees(void *unused) {
    (void)unused;
    model_free(2);
}

START_TEST(what_ended_threads_left_is_found_and_belongs_to_none) {
    thread t;
    thread_start(&t, thread_fills, NULL);
    thread_join(&t);
    for (unsigned i = 0; i < model_count; i++)
        model[i].thread_id = 0;
    compare(true);
    compare_stats(true);
    brainmm_stats before = {.struct_size = sizeof before}, after = before;
    ck_assert_int_eq(brainmm_get_stats(&before, NULL, 0), BRAINMM_OK);
    thread_start(&t, thread_frees, NULL);
    thread_join(&t);
    ck_assert_int_eq(brainmm_get_stats(&after, NULL, 0), BRAINMM_OK);
    ck_assert_uint_lt(after.live_count, before.live_count);
    seen_walk(&seen);
    ck_assert_uint_eq(seen.count, model_live());
    compare_stats(true);
}
END_TEST

START_TEST(what_another_thread_frees_is_counted) {
    thread t;
    brainmm_stats before = {.struct_size = sizeof before}, after = before;
    for (unsigned i = 0; i < 1000; i++)
        model_add_piece(brainmm_alloc(80), 80, 16);
    ck_assert_int_eq(brainmm_get_stats(&before, NULL, 0), BRAINMM_OK);
    thread_start(&t, thread_frees, NULL);
    thread_join(&t);
    ck_assert_int_eq(brainmm_get_stats(&after, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(after.remote_frees - before.remote_frees, 500);
    ck_assert_uint_eq(after.live_count, 500);
    compare(true);
    compare_stats(true);
}
END_TEST

static event waiting, leave;

static void thread_waits(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < 2000; i++)
        model_add_piece(brainmm_alloc(100), 100, 16);
    model_free(2);
    event_raise(&waiting);
    CHECK(event_wait(&leave, 60000));
}

/* Its cached and freed objects lie in lists that only it may read; what it has is found all the same. */
START_TEST(what_a_waiting_thread_has_is_found_and_owned_by_it) {
    thread t;
    waiting.raised = leave.raised = 0;
    thread_start(&t, thread_waits, NULL);
    ck_assert(event_wait(&waiting, 60000));
    uintptr_t thread_id = model[1].thread_id;
    ck_assert_uint_ne(thread_id, current_thread_id());
    compare(false);
    for (unsigned i = 0; i < 100; i++)
        model_add_piece(brainmm_alloc(100), 100, 16);
    compare(false);
    compare_stats(false);
    ck_assert_uint_eq(seen.count, 1100);
    brainmm_stats stats = {.struct_size = sizeof stats};
    ck_assert_int_eq(brainmm_get_stats(&stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_ge(stats.threads, 2);
    event_raise(&leave);
    thread_join(&t);
}
END_TEST

/* ---- The visitor ------------------------------------------------------------------------------------------------ */

struct meddler {
    unsigned visits, stop_at;
    void *mine[64];
};

/* Frees what it is shown, allocates, and walks. */
static int BRAINMM_CALL meddle(void *context, const brainmm_allocation *allocation) {
    struct meddler *meddler = context;
    if (meddler->visits < 64)
        CHECK((meddler->mine[meddler->visits] = brainmm_alloc(allocation->size)) != NULL);
    if (allocation->kind <= BRAINMM_LARGE)
        CHECK(brainmm_free(allocation->address) == BRAINMM_OK);
    if (meddler->visits++ == 10) {
        seen_walk(&seen);
        brainmm_thread_heap_minimize();
    }
    return meddler->visits == meddler->stop_at;
}

START_TEST(a_visitor_may_use_the_heap) {
    struct meddler meddler = {0, 0, {NULL}};
    for (size_t size = 1; size < 100000; size += size / 8 + 1)
        model_add_piece(brainmm_alloc(size), size, 16);
    ck_assert_int_eq(brainmm_walk(meddle, &meddler), BRAINMM_OK);
    ck_assert_uint_eq(meddler.visits, model_count); /* not its own pieces, and each one but once */
    ck_assert_uint_gt(meddler.visits, 64);
    for (unsigned i = 0; i < 64; i++)
        ck_assert_int_eq(brainmm_free(meddler.mine[i]), BRAINMM_OK);
    model_count = 0;
    compare(true);
}
END_TEST

START_TEST(a_visitor_may_end_the_walk) {
    for (unsigned i = 0; i < 50; i++)
        model_add_piece(brainmm_alloc(5000), 5000, 16);
    for (unsigned stop_at = 1; stop_at <= 50; stop_at += 7) {
        struct meddler meddler = {0, stop_at, {NULL}};
        unsigned before = (unsigned)model_live();
        ck_assert_int_eq(brainmm_walk(meddle, &meddler), BRAINMM_E_STOPPED);
        ck_assert_uint_eq(meddler.visits, stop_at);
        for (unsigned i = 0; i < stop_at; i++)
            ck_assert_int_eq(brainmm_free(meddler.mine[i]), BRAINMM_OK);
        ck_assert_uint_eq(before, 50);
        model_count = 0;
        seen_walk(&seen);
        for (size_t i = 0; i < seen.count; i++) /* those that were not visited */
            ck_assert_int_eq(brainmm_free(seen.all[i].address), BRAINMM_OK);
        for (unsigned i = 0; i < 50; i++)
            model_add_piece(brainmm_alloc(5000), 5000, 16);
    }
}
END_TEST

/* ---- Arguments -------------------------------------------------------------------------------------------------- */

static int BRAINMM_CALL write_nothing(void *context, const char *text, size_t length) {
    (void)text;
    *(size_t *)context += length;
    return 0;
}

static int BRAINMM_CALL write_no_more(void *context, const char *text, size_t length) {
    (void)text;
    (void)length;
    return ++*(int *)context == 2;
}

START_TEST(bad_arguments_are_refused_and_change_nothing) {
    brainmm_stats stats, untouched;
    size_t written = 0;
    ck_assert_int_eq(brainmm_walk(NULL, NULL), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(brainmm_get_stats(NULL, NULL, 0), BRAINMM_E_ARGUMENT);
    memset(&stats, 0xA5, sizeof stats);
    stats.struct_size = sizeof stats;
    untouched = stats;
    ck_assert_int_eq(brainmm_get_stats(&stats, NULL, 1), BRAINMM_E_ARGUMENT);
    ck_assert_mem_eq(&stats, &untouched, sizeof stats);
    for (uint32_t size = 0; size < offsetof(brainmm_stats, free_bytes); size++) {
        stats.struct_size = untouched.struct_size = size;
        ck_assert_int_eq(brainmm_get_stats(&stats, NULL, 0), BRAINMM_E_ARGUMENT);
        ck_assert_mem_eq(&stats, &untouched, sizeof stats);
    }
    ck_assert_int_eq(brainmm_dump(NULL, NULL, BRAINMM_DUMP_STATS), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(brainmm_dump(write_nothing, &written, 0), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(brainmm_dump(write_nothing, &written, 4), BRAINMM_E_ARGUMENT);
    ck_assert_uint_eq(written, 0);
}
END_TEST

/* A caller of an older version is given what it knows, one of a later version what there is. */
START_TEST(records_of_other_lengths_are_filled_as_far_as_both_know_them) {
    union {
        brainmm_stats stats;
        unsigned char bytes[2 * sizeof(brainmm_stats)];
    } record;
    model_add_piece(brainmm_alloc(1000), 1000, 16);
    memset(&record, 0xA5, sizeof record);
    record.stats.struct_size = offsetof(brainmm_stats, free_bytes);
    ck_assert_int_eq(brainmm_get_stats(&record.stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(record.stats.struct_size, offsetof(brainmm_stats, free_bytes));
    ck_assert_uint_eq(record.stats.live_count, 1);
    for (size_t i = offsetof(brainmm_stats, free_bytes); i < sizeof record; i++)
        ck_assert_uint_eq(record.bytes[i], 0xA5);
    record.stats.struct_size = sizeof record;
    ck_assert_int_eq(brainmm_get_stats(&record.stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(record.stats.struct_size, sizeof record.stats);
    ck_assert_uint_eq(record.stats.live_count, 1);
    for (size_t i = sizeof record.stats; i < sizeof record; i++)
        ck_assert_uint_eq(record.bytes[i], 0xA5);
}
END_TEST

START_TEST(classes_are_counted_although_there_is_no_room_for_them) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    brainmm_class_stats rows[3];
    memset(rows, 0xA5, sizeof rows);
    for (size_t size = 16; size <= 160; size += 16)
        model_add_piece(brainmm_alloc(size), size, 16);
    ck_assert_int_eq(brainmm_get_stats(&stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_ge(stats.class_count, 10);
    ck_assert_int_eq(brainmm_get_stats(&stats, rows, 2), BRAINMM_OK);
    ck_assert_uint_ge(stats.class_count, 10);
    ck_assert_uint_lt(rows[0].size, rows[1].size);
    ck_assert(rows[2].size == 0xA5A5A5A5u && rows[2].untouched == 0xA5A5A5A5A5A5A5A5u);
}
END_TEST

START_TEST(a_dump_can_be_ended_by_its_writer) {
    int calls = 0;
    for (unsigned i = 0; i < 500; i++)
        model_add_piece(brainmm_alloc(20), 20, 16);
    ck_assert_int_eq(brainmm_dump(write_no_more, &calls, BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS),
                     BRAINMM_E_STOPPED);
    ck_assert_int_eq(calls, 2);
}
END_TEST

/* ---- Memory given back, and rights taken away ------------------------------------------------------------------- */

START_TEST(what_goes_back_to_the_system_is_counted) {
    brainmm_stats before = {.struct_size = sizeof before}, after = before;
    void *large = brainmm_alloc(30 * MIB);
    ck_assert_ptr_nonnull(large);
    brainmm_free(large);
    brainmm_thread_heap_minimize();
    ck_assert_int_eq(brainmm_get_stats(&after, NULL, 0), BRAINMM_OK);
    ck_assert_uint_ge(after.purges, 1);
    ck_assert_uint_ge(after.purged_bytes, 30 * MIB);
    ck_assert_uint_ge(after.committed_most, 30 * MIB);
    ck_assert_uint_eq(after.cached_bytes, 0);
}
END_TEST

static uint64_t taken_bytes(const brainmm_stats *stats) {
    return stats->grown_right_bytes + stats->grown_left_bytes + stats->grown_room_bytes;
}

static uint64_t handled_bytes(const brainmm_stats *stats) {
    return stats->copied_bytes + stats->moved_bytes + stats->slid_bytes;
}

/* Which way is taken, depends on what lies around; resize_ways.c forces each. */
START_TEST(what_resizing_does_is_counted) {
    brainmm_stats before = {.struct_size = sizeof before}, after = before, shrunk = before;
    void *growing = brainmm_alloc(4 * MIB);
    ck_assert_int_eq(brainmm_get_stats(&before, NULL, 0), BRAINMM_OK);
    ck_assert_ptr_nonnull(growing = brainmm_realloc(growing, 100 * MIB));
    ck_assert_int_eq(brainmm_get_stats(&after, NULL, 0), BRAINMM_OK);
    ck_assert(taken_bytes(&after) - taken_bytes(&before) == 96 * MIB ||
              handled_bytes(&after) - handled_bytes(&before) == 4 * MIB);
    ck_assert_ptr_nonnull(growing = brainmm_realloc(growing, 1 * MIB));
    ck_assert_int_eq(brainmm_get_stats(&shrunk, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(shrunk.shrunk_bytes - after.shrunk_bytes, 99 * MIB);
    ck_assert_int_eq(brainmm_free(growing), BRAINMM_OK);
}
END_TEST

static void set_readable(void *pages, size_t size, bool readable) {
#if defined(_WIN32)
    DWORD before;
    ck_assert(VirtualProtect(pages, size, readable ? PAGE_READWRITE : PAGE_NOACCESS, &before));
#else
    ck_assert_int_eq(mprotect(pages, size, readable ? PROT_READ | PROT_WRITE : PROT_NONE), 0);
#endif
}

/* A program may protect pages inside its own pieces. Where the system does not let us read them either (Wine does), the
 * pieces are presumed to be live. */
START_TEST(memory_that_may_not_be_read_is_no_obstacle) {
    brainmm_stats stats = {.struct_size = sizeof stats};
    for (unsigned i = 0; i < 100; i++)
        model_add_piece(brainmm_alloc_aligned(2048, 4096), 4096, 2048);
    for (unsigned i = 0; i < 20; i++)
        model_add_piece(brainmm_alloc_aligned(2048, 16384), 16384, 2048);
    model_add_piece(brainmm_alloc(100000), 100000, 16);
    model_add(brainmm_pages_get(10, BRAINMM_USER), 40960, 4096, BRAINMM_PAGES, BRAINMM_USER);
    for (unsigned i = 0; i < model_count; i += 3) {
        uintptr_t page = ((uintptr_t)model[i].address + 4095) & ~(uintptr_t)4095;
        if (page + 4096 <= (uintptr_t)model[i].address + model[i].asked)
            set_readable((void *)page, 4096, false);
    }
    set_readable((void *)(((uintptr_t)model[120].address + 4095) & ~(uintptr_t)4095), 65536, false);
    set_readable(model[121].address, 40960, false);
    seen_walk(&seen);
    ck_assert_uint_eq(seen.count, model_count);
    unsigned presumed = 0;
    for (unsigned i = 0; i < model_count; i++) {
        const brainmm_allocation *found = seen_at(&seen, model[i].address);
        ck_assert_ptr_nonnull(found);
        presumed += found->certainty == BRAINMM_PRESUMED;
        ck_assert_uint_eq(found->kind, model[i].kind);
    }
    ck_assert_int_eq(brainmm_get_stats(&stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(stats.live_count, model_count);
    ck_assert_uint_eq(stats.approximate, presumed ? BRAINMM_SOME_PRESUMED : 0);
#if !defined(_WIN32)
    ck_assert_uint_gt(presumed, 0);
#endif
    for (unsigned i = 0; i < model_count; i += 3) {
        uintptr_t page = ((uintptr_t)model[i].address + 4095) & ~(uintptr_t)4095;
        if (page + 4096 <= (uintptr_t)model[i].address + model[i].asked)
            set_readable((void *)page, 4096, true);
    }
    set_readable((void *)(((uintptr_t)model[120].address + 4095) & ~(uintptr_t)4095), 65536, true);
    set_readable(model[121].address, 40960, true);
    compare(true);
}
END_TEST

START_TEST(the_table_has_both_functions) {
    const struct brainmm_manager *manager = brainmm_get_manager();
    brainmm_stats stats = {.struct_size = sizeof stats};
    model_add_piece(brainmm_alloc(10), 10, 16);
    seen.count = 0;
    ck_assert_int_eq(manager->walk(seen_visit, &seen), BRAINMM_OK);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert_int_eq(manager->get_stats(&stats, NULL, 0), BRAINMM_OK);
    ck_assert_uint_eq(stats.live_count, 1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        all_that_is_live_is_found_once_and_described,
        resized_pieces_are_found_as_they_are_now,
        random_use_is_found,
        what_ended_threads_left_is_found_and_belongs_to_none,
        what_another_thread_frees_is_counted,
        what_a_waiting_thread_has_is_found_and_owned_by_it,
        a_visitor_may_use_the_heap,
        a_visitor_may_end_the_walk,
        bad_arguments_are_refused_and_change_nothing,
        records_of_other_lengths_are_filled_as_far_as_both_know_them,
        classes_are_counted_although_there_is_no_room_for_them,
        a_dump_can_be_ended_by_its_writer,
        what_goes_back_to_the_system_is_counted,
        what_resizing_does_is_counted,
        memory_that_may_not_be_read_is_no_obstacle,
        the_table_has_both_functions,
        NULL,
    };
    return run_suite("walk", 120, set_up, tear_down, tests);
}
