/* SPDX-License-Identifier: MIT */
/* header_test.c: the binary layout that brainmm.h promises to modules of other compilers, other languages and other
 * versions of the library. The numbers here are those of docs/abi.md; they are not computed from the header. */
#include "brainmm.h"
#include "suite.h"
#include <stdlib.h>
#include <string.h>
#if defined(_WIN32)
#include <windows.h>
#else
#include <unistd.h>
#endif

enum { POINTER = sizeof(void *) };

START_TEST(options_are_packed) {
    ck_assert_uint_eq(sizeof(brainmm_options), POINTER == 8 ? 20 : 12);
    ck_assert_uint_eq(offsetof(brainmm_options, kind), 0);
    ck_assert_uint_eq(offsetof(brainmm_options, align), 1);
    ck_assert_uint_eq(offsetof(brainmm_options, block_size), 2);
    ck_assert_uint_eq(offsetof(brainmm_options, rights), 3);
    ck_assert_uint_eq(offsetof(brainmm_options, thread_id), 4);
    ck_assert_uint_eq(offsetof(brainmm_options, size), POINTER == 8 ? 12 : 8);
}
END_TEST

START_TEST(table_begins_with_its_identity) {
    ck_assert_uint_eq(offsetof(struct brainmm_manager, magic), 0);
    ck_assert_uint_eq(offsetof(struct brainmm_manager, size), 16);
    ck_assert_uint_eq(offsetof(struct brainmm_manager, abi_version), 20);
    ck_assert_uint_eq(offsetof(struct brainmm_manager, self), 24);
    ck_assert_uint_eq(offsetof(struct brainmm_manager, version1), POINTER == 8 ? 32 : 28);
    ck_assert_uint_eq(offsetof(struct brainmm_manager, heap_id), POINTER == 8 ? 40 : 32);
}
END_TEST

START_TEST(table_continues_with_its_functions) {
    static const size_t offsets[] = {
        offsetof(struct brainmm_manager, alloc),
        offsetof(struct brainmm_manager, alloc_zeroed),
        offsetof(struct brainmm_manager, alloc_aligned),
        offsetof(struct brainmm_manager, free),
        offsetof(struct brainmm_manager, realloc),
        offsetof(struct brainmm_manager, reget),
        offsetof(struct brainmm_manager, usable_size),
        offsetof(struct brainmm_manager, block_get),
        offsetof(struct brainmm_manager, block_free),
        offsetof(struct brainmm_manager, pages_get),
        offsetof(struct brainmm_manager, pages_reget),
        offsetof(struct brainmm_manager, pages_realloc),
        offsetof(struct brainmm_manager, pages_free),
        offsetof(struct brainmm_manager, get_options),
        offsetof(struct brainmm_manager, thread_heap_minimize),
        offsetof(struct brainmm_manager, thread_done),
        offsetof(struct brainmm_manager, move_b16),
        offsetof(struct brainmm_manager, get_stats),
        offsetof(struct brainmm_manager, walk),
        offsetof(struct brainmm_manager, pages_set_rights),
        offsetof(struct brainmm_manager, pages_get_rights),
        offsetof(struct brainmm_manager, jit_heap_create),
        offsetof(struct brainmm_manager, jit_heap_clear),
        offsetof(struct brainmm_manager, jit_heap_destroy),
        offsetof(struct brainmm_manager, jit_alloc),
        offsetof(struct brainmm_manager, jit_free),
        offsetof(struct brainmm_manager, jit_flush),
        offsetof(struct brainmm_manager, set_error_handler),
        offsetof(struct brainmm_manager, stack_frames),
        offsetof(struct brainmm_manager, check),
        offsetof(struct brainmm_manager, report_leaks),
        offsetof(struct brainmm_manager, snapshot_take),
        offsetof(struct brainmm_manager, snapshot_free),
        offsetof(struct brainmm_manager, snapshot_difference),
        offsetof(struct brainmm_manager, register_expected_leak),
        offsetof(struct brainmm_manager, unregister_expected_leak),
        offsetof(struct brainmm_manager, add_describer),
        offsetof(struct brainmm_manager, remove_describer),
        offsetof(struct brainmm_manager, leak_wishes),
        offsetof(struct brainmm_manager, dump),
        offsetof(struct brainmm_manager, peek),
        offsetof(struct brainmm_manager, hold_reports),
        offsetof(struct brainmm_manager, release_reports),
        offsetof(struct brainmm_manager, contains),
        offsetof(struct brainmm_manager, publish_fastmm),
    };
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
        ck_assert_uint_eq(offsets[i], (POINTER == 8 ? 48u : 36u) + i * POINTER);
    /* A later version may have a longer table, never a shorter one. */
    ck_assert_uint_ge(sizeof(struct brainmm_manager),
                      (POINTER == 8 ? 48u : 36u) + sizeof offsets / sizeof *offsets * POINTER);
}
END_TEST

START_TEST(statistics_have_the_same_places_everywhere) {
    ck_assert_uint_eq(offsetof(brainmm_stats, struct_size), 0);
    ck_assert_uint_eq(offsetof(brainmm_stats, approximate), 4);
    static const size_t offsets[] = {
        offsetof(brainmm_stats, live_count),     offsetof(brainmm_stats, live_bytes),
        offsetof(brainmm_stats, free_bytes),     offsetof(brainmm_stats, cached_bytes),
        offsetof(brainmm_stats, overhead_bytes), offsetof(brainmm_stats, committed_bytes),
        offsetof(brainmm_stats, committed_most), offsetof(brainmm_stats, reserved_bytes),
        offsetof(brainmm_stats, kinds),
    };
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
        ck_assert_uint_eq(offsets[i], 8 + i * 8);
    ck_assert_uint_eq(sizeof(brainmm_kind_stats), 16);
    static const size_t more[] = {
        offsetof(brainmm_stats, heaps),
        offsetof(brainmm_stats, threads),
        offsetof(brainmm_stats, slabs),
        offsetof(brainmm_stats, remote_frees),
        offsetof(brainmm_stats, purges),
        offsetof(brainmm_stats, purged_bytes),
        offsetof(brainmm_stats, class_count),
        offsetof(brainmm_stats, grown_right_bytes),
        offsetof(brainmm_stats, grown_left_bytes),
        offsetof(brainmm_stats, grown_headroom_bytes),
        offsetof(brainmm_stats, slid_bytes),
        offsetof(brainmm_stats, moved_bytes),
        offsetof(brainmm_stats, copied_bytes),
        offsetof(brainmm_stats, shrunk_bytes),
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        ck_assert_uint_eq(more[i], 72 + 8 * 16 + i * 8);
    ck_assert_uint_eq(offsetof(brainmm_class_stats, size), 0);
    ck_assert_uint_eq(offsetof(brainmm_class_stats, alignment), 4);
    ck_assert_uint_eq(offsetof(brainmm_class_stats, slabs), 8);
    ck_assert_uint_eq(offsetof(brainmm_class_stats, untouched), 32);
    ck_assert_uint_eq(sizeof(brainmm_class_stats), 40);
}
END_TEST

START_TEST(allocations_are_described_in_fixed_places) {
    ck_assert_uint_eq(offsetof(brainmm_allocation, struct_size), 0);
    ck_assert_uint_eq(offsetof(brainmm_allocation, kind), 4);
    ck_assert_uint_eq(offsetof(brainmm_allocation, mode), 5);
    ck_assert_uint_eq(offsetof(brainmm_allocation, certainty), 6);
    ck_assert_uint_eq(offsetof(brainmm_allocation, address), 8);
    ck_assert_uint_eq(offsetof(brainmm_allocation, size), 8 + POINTER);
    ck_assert_uint_eq(offsetof(brainmm_allocation, alignment), 8 + 2 * POINTER);
    ck_assert_uint_eq(offsetof(brainmm_allocation, thread_id), 8 + 3 * POINTER);
}
END_TEST

START_TEST(constants_are_what_other_languages_wrote_down) {
    ck_assert_uint_eq(strlen(BRAINMM_MAGIC), 16);
    ck_assert_str_eq(BRAINMM_MAGIC, "BrainMM-table-v2");
    ck_assert_uint_eq(BRAINMM_ABI_VERSION, 2);
    static const int enumerators[][2] = {
        {BRAINMM_OK, 0},
        {BRAINMM_E_POINTER, 1},
        {BRAINMM_E_DOUBLE_FREE, 2},
        {BRAINMM_E_KIND, 3},
        {BRAINMM_E_ARGUMENT, 4},
        {BRAINMM_E_MEMORY, 5},
        {BRAINMM_E_UNSUPPORTED, 6},
        {BRAINMM_E_STOPPED, 7},
        {BRAINMM_EXACT, 0},
        {BRAINMM_SEEN, 1},
        {BRAINMM_PRESUMED, 2},
        {BRAINMM_OTHERS_WORKED, 1},
        {BRAINMM_SOME_PRESUMED, 2},
        {BRAINMM_DUMP_STATS, 1},
        {BRAINMM_DUMP_ALLOCATIONS, 2},
        {BRAINMM_DUMP_MAP, 4},
        {BRAINMM_DUMP_HOLDERS, 8},
        {BRAINMM_E_REFUSED, 8},
        {BRAINMM_E_DAMAGED, 9},
        {BRAINMM_E_TAKEN, 10},
        {BRAINMM_JIT_WRITABLE, 0},
        {BRAINMM_JIT_TWO_VIEWS, 1},
        {BRAINMM_USER, 0},
        {BRAINMM_SYSTEM, 1},
        {BRAINMM_JIT, 2},
        {BRAINMM_SMALL, 0},
        {BRAINMM_MEDIUM, 1},
        {BRAINMM_BIG, 2},
        {BRAINMM_LARGE, 3},
        {BRAINMM_PAGES, 4},
        {BRAINMM_BLOCK, 5},
        {BRAINMM_JIT_MEMORY, 6},
        {BRAINMM_READ, 1},
        {BRAINMM_WRITE, 2},
        {BRAINMM_EXECUTE, 4},
        {BRAINMM_OWNER, 0},
        {BRAINMM_ATTACHED, 1},
        {BRAINMM_ATTACHED_VERSION1, 2},
        {BRAINMM_ATTACHED_SECOND, 3},
        {BRAINMM_OWNER_SECOND, 4},
        {BRAINMM_OWNER_UNPUBLISHED, 5},
    };
    for (size_t i = 0; i < sizeof enumerators / sizeof *enumerators; i++)
        ck_assert_int_eq(enumerators[i][0], enumerators[i][1]);
}
END_TEST

START_TEST(library_carries_that_table) {
    ck_assert_mem_eq(brainmm_manager.magic, BRAINMM_MAGIC, 16);
    ck_assert_uint_eq(brainmm_manager.size, sizeof(struct brainmm_manager));
    ck_assert_uint_eq(brainmm_manager.abi_version, BRAINMM_ABI_VERSION);
    ck_assert_ptr_eq(brainmm_manager.self, &brainmm_manager);
    ck_assert_ptr_nonnull(brainmm_manager.version1);
    ck_assert_ptr_nonnull(brainmm_manager.move_b16);

    const struct brainmm_manager *active = brainmm_get_manager();
    ck_assert_ptr_nonnull(active);
    ck_assert_mem_eq(active->magic, BRAINMM_MAGIC, 16);
    ck_assert_ptr_eq(active->self, active);
    ck_assert_uint_ne(active->heap_id, 0);
}
END_TEST

/* tests/version.sh compares the number with the Makefile's. */
START_TEST(library_has_the_version_of_its_header) {
    ck_assert_uint_eq(brainmm_version(), BRAINMM_VERSION);
    ck_assert_uint_eq(BRAINMM_VERSION >> 16, 2);
}
END_TEST

START_TEST(each_result_has_a_sentence_of_its_own) {
    const char *unknown = brainmm_result_text(-1);
    ck_assert_str_eq(unknown, "Unknown result.");
    for (int result = BRAINMM_OK; result <= BRAINMM_E_TAKEN; result++) {
        const char *text = brainmm_result_text(result);
        ck_assert_ptr_nonnull(text);
        ck_assert(text[0] >= 'A' && text[0] <= 'Z' && text[strlen(text) - 1] == '.');
        ck_assert_ptr_eq(brainmm_result_text(result), text);
        ck_assert_str_ne(text, unknown);
        for (int other = BRAINMM_OK; other < result; other++)
            ck_assert_str_ne(text, brainmm_result_text(other));
    }
    static const int no_results[] = {BRAINMM_E_TAKEN + 1, 100, 0x7FFFFFFF, -0x7FFFFFFF - 1};
    for (size_t i = 0; i < sizeof no_results / sizeof *no_results; i++)
        ck_assert_str_eq(brainmm_result_text(no_results[i]), unknown);
}
END_TEST

START_TEST(the_system_page_size_is_the_systems) {
#if defined(_WIN32)
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    size_t expected = info.dwPageSize;
#else
    size_t expected = (size_t)sysconf(_SC_PAGESIZE);
#endif
    ck_assert_uint_eq(brainmm_system_page_size(), expected);
    ck_assert_uint_ge(brainmm_system_page_size(), BRAINMM_PAGE_SIZE);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        options_are_packed,
        table_begins_with_its_identity,
        table_continues_with_its_functions,
        statistics_have_the_same_places_everywhere,
        allocations_are_described_in_fixed_places,
        constants_are_what_other_languages_wrote_down,
        library_carries_that_table,
        library_has_the_version_of_its_header,
        each_result_has_a_sentence_of_its_own,
        the_system_page_size_is_the_systems,
        NULL,
    };
    return run_suite("header", 20, NULL, NULL, tests);
}
