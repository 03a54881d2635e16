/* SPDX-License-Identifier: MIT */
/* stats_test.c: the arguments of brainmm_walk, brainmm_get_stats and brainmm_dump, and the counters of resizes and of
 * memory given back. walk_test.c compares the figures with what is live.
 */
#include "walk_model.h"

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
    ck_assert_int_eq(brainmm_dump(write_nothing, &written, 16), BRAINMM_E_ARGUMENT);
    ck_assert_uint_eq(written, 0);
}
END_TEST

/* A caller of an older version gets the members that it knows. A caller of a later version gets those that there
 * are. */
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

/* ---- Counters --------------------------------------------------------------------------------------------------- */

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
    return stats->grown_right_bytes + stats->grown_left_bytes + stats->grown_headroom_bytes;
}

static uint64_t handled_bytes(const brainmm_stats *stats) {
    return stats->copied_bytes + stats->moved_bytes + stats->slid_bytes;
}

/* What lies beside a run decides how it is resized. resize_ways.c forces each way. */
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

int main(void) {
    const TTest *const tests[] = {
        bad_arguments_are_refused_and_change_nothing,
        records_of_other_lengths_are_filled_as_far_as_both_know_them,
        classes_are_counted_although_there_is_no_room_for_them,
        a_dump_can_be_ended_by_its_writer,
        what_goes_back_to_the_system_is_counted,
        what_resizing_does_is_counted,
        NULL,
    };
    return run_suite("stats", 120, model_start, model_end, tests);
}
