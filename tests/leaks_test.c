/* SPDX-License-Identifier: MIT */
/* leaks_test.c: the text of reports of leaks and of differences of snapshots; expected leaks; functions that describe
 * allocations; what all of them refuse.
 */
#include "heap_support.h"
#include "suite.h"

#include "brainmm.h"

#define BRAINMM_ATTACH_NO_CLIENT
#include "brainmm_attach.h"

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

static char text[100000];
static size_t length, calls;

static int BRAINMM_CALL keep(void *context, const char *piece, size_t size) {
    ck_assert_ptr_eq(context, text);
    ck_assert_uint_lt(length + size, sizeof text);
    memcpy(text + length, piece, size);
    length += size;
    text[length] = 0;
    calls++;
    brainmm_free(brainmm_alloc(size)); /* a writer may use the heap */
    return 0;
}

static int BRAINMM_CALL stop(void *context, const char *piece, size_t size) {
    (void)context, (void)piece, (void)size;
    calls++;
    return 1;
}

/* The text with the id of this thread as T. */
static const char *without_id(void) {
    char id[40], *found;
    int size = snprintf(id, sizeof id, "thread %" PRIuPTR ":", current_thread_id());
    while ((found = strstr(text, id)) != NULL) {
        memcpy(found, "thread T:", 9);
        memmove(found + 9, found + size, strlen(found + size) + 1);
    }
    return text;
}

static const char *report(void) {
    length = calls = 0;
    text[0] = 0;
    ck_assert_int_eq(brainmm_report_leaks(keep, text), BRAINMM_OK);
    return without_id();
}

static const char *difference(const brainmm_snapshot *before, const brainmm_snapshot *after) {
    length = calls = 0;
    text[0] = 0;
    ck_assert_int_eq(brainmm_snapshot_difference(before, after, keep, text), BRAINMM_OK);
    return text;
}

static void free_all(void *const *pieces, size_t count) {
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
}

/* ---- Reports ---------------------------------------------------------------------------------------------------- */

START_TEST(a_heap_without_leaks_says_nothing) {
    ck_assert_str_eq(report(), "");
    ck_assert_uint_eq(calls, 0);
    ck_assert_str_eq(difference(NULL, NULL), "");
    ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(leaks_are_grouped_by_size_and_kind_and_sorted) {
    void *large = brainmm_alloc(3 * MIB), *pages = brainmm_pages_get(16, BRAINMM_USER),
         *block = brainmm_block_get(65536, BRAINMM_SYSTEM), *pieces[6];
    for (unsigned i = 0; i < 6; i++)
        pieces[i] = brainmm_alloc(i % 3 * 48 + 1);
    ck_assert_str_eq(report(), "BrainMM: 9 allocations have not been freed, 3277184 bytes in all\n"
                               "    16 bytes, small, thread T: unknown x 2\n"
                               "    64 bytes, small, thread T: unknown x 2\n"
                               "    112 bytes, small, thread T: unknown x 2\n"
                               "    65536 bytes, pages: unknown x 1\n"
                               "    65536 bytes, block: unknown x 1\n"
                               "    3145728 bytes, large: unknown x 1\n");
    free_all(pieces, 6);
    ck_assert_int_eq(brainmm_free(large), BRAINMM_OK);
    ck_assert_int_eq(brainmm_pages_free(pages, BRAINMM_USER), BRAINMM_OK);
    ck_assert_str_eq(report(), "BrainMM: 1 allocation has not been freed, 65536 bytes in all\n"
                               "    65536 bytes, block: unknown x 1\n");
    ck_assert_int_eq(brainmm_block_free(block, BRAINMM_SYSTEM), BRAINMM_OK);
}
END_TEST

static void *of_thread[3];
static uintptr_t thread_id;
static event allocated, leave;

static void thread_allocates(void *unused) {
    (void)unused;
    thread_id = current_thread_id();
    for (unsigned i = 0; i < 3; i++)
        CHECK((of_thread[i] = brainmm_alloc(16)) != NULL);
    event_raise(&allocated);
    CHECK(event_wait(&leave, 60000));
}

START_TEST(threads_are_told_apart) {
    char expected[400], id[40];
    thread t;
    void *own = brainmm_alloc(16);
    thread_start(&t, thread_allocates, NULL);
    ck_assert(event_wait(&allocated, 60000));
    snprintf(id, sizeof id, "%" PRIuPTR, thread_id);
    snprintf(expected, sizeof expected, "    16 bytes, small, thread %s: unknown x 3\n", id);
    ck_assert_ptr_nonnull(strstr(report(), expected));
    ck_assert_ptr_nonnull(strstr(text, "    16 bytes, small, thread T: unknown x 1\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nOther threads were using the heap: some of this may have been freed"));
    event_raise(&leave);
    thread_join(&t);
    free_all(of_thread, 3);
    ck_assert_int_eq(brainmm_free(own), BRAINMM_OK);
}
END_TEST

/* More groups than the first memory holds. */
START_TEST(any_number_of_groups_is_counted) {
    enum { SIZES = 500, LEAST = 9 };
    static void *pages[2 * SIZES];
    char line[100];
    for (size_t i = 0; i < 2 * SIZES; i++)
        ck_assert_ptr_nonnull(pages[i] = brainmm_alloc(i % 2 ? 48 : (i / 2 + LEAST) * 4096));
    report();
    ck_assert_ptr_nonnull(strstr(text, "    48 bytes, small, thread T: unknown x 500\n"));
    const char *at = text;
    for (size_t i = LEAST; i < LEAST + SIZES; i++) {
        snprintf(line, sizeof line, "    %zu bytes, %s: unknown x 1\n", i * 4096, i <= 256 ? "big" : "large");
        at = strstr(at, line);
        ck_assert_msg(at != NULL, "no line: %s", line);
    }
    free_all(pages, 2 * SIZES);
    ck_assert_str_eq(report(), "");
}
END_TEST

/* ---- Expected leaks --------------------------------------------------------------------------------------------- */

static int expect(const void *address, const char *name, size_t size, uint32_t count) {
    const brainmm_expected_leak leak = {sizeof leak, count, address, name, size};
    return brainmm_register_expected_leak(&leak);
}

static int unexpect(const void *address, const char *name, size_t size, uint32_t count) {
    const brainmm_expected_leak leak = {sizeof leak, count, address, name, size};
    return brainmm_unregister_expected_leak(&leak);
}

START_TEST(leaks_expected_by_address_are_left_out) {
    void *pieces[3];
    for (unsigned i = 0; i < 3; i++)
        pieces[i] = brainmm_alloc(100);
    ck_assert_int_eq(expect(pieces[1], NULL, 0, 7), BRAINMM_OK);
    ck_assert_int_eq(expect(pieces[1], NULL, 0, 0), BRAINMM_OK); /* is one all the same */
    for (unsigned i = 0; i < 2; i++)                             /* each report counts anew */
        ck_assert_str_eq(report(), "BrainMM: 2 allocations have not been freed, 224 bytes in all\n"
                                   "    112 bytes, small, thread T: unknown x 2\n"
                                   "1 expected leak, 112 bytes, is not listed\n");
    ck_assert_int_eq(expect(pieces[0], NULL, 0, 0), BRAINMM_OK);
    ck_assert_int_eq(expect(pieces[2], NULL, 0, 0), BRAINMM_OK);
    ck_assert_str_eq(report(), "");
    ck_assert_int_eq(unexpect(pieces[1], NULL, 0, 0), BRAINMM_OK);
    ck_assert_int_eq(unexpect(pieces[1], NULL, 0, 0), BRAINMM_E_ARGUMENT);
    ck_assert_str_eq(report(), "BrainMM: 1 allocation has not been freed, 112 bytes in all\n"
                               "    112 bytes, small, thread T: unknown x 1\n"
                               "2 expected leaks, 224 bytes, are not listed\n");
    unexpect(pieces[0], NULL, 0, 0);
    unexpect(pieces[2], NULL, 0, 0);
    free_all(pieces, 3);
}
END_TEST

/* A size is that of the request: 1500 and 100001 are none that the heap has. */
START_TEST(leaks_expected_by_size_are_counted) {
    void *pieces[6];
    for (unsigned i = 0; i < 6; i++)
        pieces[i] = brainmm_alloc(i < 4 ? 1500 : 100001);
    ck_assert_int_eq(expect(NULL, NULL, 1500, 2), BRAINMM_OK);
    ck_assert_int_eq(expect(NULL, NULL, 1500, 0), BRAINMM_OK);
    ck_assert_int_eq(expect(NULL, NULL, 100001, 2), BRAINMM_OK);
    ck_assert_ptr_nonnull(strstr(report(), "BrainMM: 1 allocation has not been freed"));
    ck_assert_ptr_nonnull(strstr(text, "thread T: unknown x 1\n5 expected leaks, "));
    ck_assert_int_eq(unexpect(NULL, NULL, 1500, 4), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(unexpect(NULL, NULL, 1500, 2), BRAINMM_OK);
    ck_assert_ptr_nonnull(strstr(report(), "BrainMM: 3 allocations have not been freed"));
    ck_assert_int_eq(unexpect(NULL, NULL, 1500, 1), BRAINMM_OK);
    ck_assert_int_eq(unexpect(NULL, NULL, 100001, 2), BRAINMM_OK);
    ck_assert_ptr_nonnull(strstr(report(), "BrainMM: 6 allocations have not been freed"));
    free_all(pieces, 6);
}
END_TEST

START_TEST(many_expected_leaks_are_kept) {
    enum { MANY = 2000 };
    static void *pieces[MANY];
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(expect(pieces[i] = brainmm_alloc(16), NULL, 0, 0), BRAINMM_OK);
    ck_assert_str_eq(report(), "");
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(unexpect(pieces[i], NULL, 0, 0), BRAINMM_OK);
    ck_assert_ptr_nonnull(strstr(report(), "2000 allocations have not been freed"));
    free_all(pieces, MANY);
}
END_TEST

START_TEST(what_names_no_leak_is_refused) {
    static char longest[129];
    const brainmm_expected_leak too_short = {sizeof too_short - 1, 0, longest, NULL, 0};
    memset(longest, 'x', 128);
    ck_assert_int_eq(brainmm_register_expected_leak(NULL), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(brainmm_unregister_expected_leak(NULL), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(brainmm_register_expected_leak(&too_short), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(expect(NULL, NULL, 0, 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(expect(longest, NULL, 1, 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(expect(longest, "name", 0, 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(expect(NULL, "name", 1, 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(expect(NULL, "", 0, 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(expect(NULL, longest, 0, 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(expect(NULL, longest + 1, 0, UINT32_MAX), BRAINMM_OK);
    ck_assert_int_eq(expect(NULL, longest + 1, 0, 1), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(unexpect(NULL, longest + 1, 0, UINT32_MAX), BRAINMM_OK);
    ck_assert_int_eq(unexpect(NULL, "name", 0, 1), BRAINMM_E_ARGUMENT);
}
END_TEST

/* Slots 18 and 19 of the original's table. On 32-bit x86 they have Delphi's convention. */
#if defined(__i386__)
#define SLOT_CALL __attribute__((regparm(3)))
#else
#define SLOT_CALL
#endif

START_TEST(slots_of_the_original_register_by_address) {
    typedef uintptr_t(SLOT_CALL * slot)(void *piece);
    void *const *slots = brainmm_get_manager()->version1;
    slot expect_slot = (slot)(uintptr_t)slots[18], unexpect_slot = (slot)(uintptr_t)slots[19];
    void *piece = brainmm_alloc(10);
    ck_assert_uint_eq(unexpect_slot(piece) & 0xFF, 0);
    ck_assert_uint_eq(expect_slot(piece) & 0xFF, 1);
    ck_assert_str_eq(report(), "");
    ck_assert_uint_eq(unexpect_slot(piece) & 0xFF, 1);
    ck_assert_uint_eq(unexpect_slot(piece) & 0xFF, 0);
    ck_assert_uint_eq(expect_slot(NULL) & 0xFF, 0);
    ck_assert_ptr_nonnull(strstr(report(), "1 allocation has not been freed"));
    ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
}
END_TEST

/* ---- Descriptions ----------------------------------------------------------------------------------------------- */

static unsigned asked, begun;

/* The first letter of an allocation is the class. Memory that cannot be read has none. */
static const char *BRAINMM_CALL describe_letter(void *context, const void *address, size_t size) {
    static char name[200];
    char letter;
    if (!address) {
        ck_assert_uint_eq(size, 0);
        begun++;
        return NULL;
    }
    asked++;
    ck_assert_uint_ge(size, 16);
    brainmm_free(brainmm_alloc(100)); /* it may use the heap */
    if (brainmm_peek(&letter, address, 1) != BRAINMM_OK || letter < 'A' || letter > 'Z')
        return NULL;
    memset(name, letter, sizeof name);
    name[letter == 'Z' ? 198 : 1] = 0;
    snprintf(name + strlen(name), 2, "%s", (const char *)context);
    return name;
}

START_TEST(describers_name_what_leaks) {
    char *pieces[8];
    static char letters[] = "BABAc?Z", expected[1000];
    for (unsigned i = 0; i < 7; i++)
        *(pieces[i] = brainmm_alloc(40)) = letters[i];
    void *pages = brainmm_pages_get(1, BRAINMM_USER);
    memset(pages, 'A', 10);
    ck_assert_int_eq(brainmm_add_describer(describe_letter, "1"), BRAINMM_OK);
    snprintf(expected, sizeof expected,
             "BrainMM: 8 allocations have not been freed, 4432 bytes in all\n"
             "    48 bytes, small, thread T: unknown x 2, A1 x 2, B1 x 2, %.127s x 1\n"
             "    4096 bytes, pages: unknown x 1\n",
             (const char *)memset(text + 50000, 'Z', 200));
    ck_assert_str_eq(report(), expected);
    ck_assert_uint_eq(asked, 7); /* pages have no class */
    ck_assert_uint_eq(begun, 1);
    ck_assert_int_eq(brainmm_add_describer(describe_letter, "2"), BRAINMM_OK);
    ck_assert_ptr_nonnull(strstr(report(), " A2 x 2, B2 x 2,"));
    ck_assert_int_eq(expect(NULL, "A2", 0, 1), BRAINMM_OK);
    ck_assert_int_eq(expect(NULL, "B1", 0, 1), BRAINMM_OK);
    ck_assert_ptr_nonnull(strstr(report(), " A2 x 1, B2 x 2,"));
    ck_assert_int_eq(brainmm_remove_describer(describe_letter, "2"), BRAINMM_OK);
    ck_assert_ptr_nonnull(strstr(report(), " A1 x 2, B1 x 1,"));
    ck_assert_int_eq(brainmm_remove_describer(describe_letter, "2"), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(brainmm_remove_describer(describe_letter, "1"), BRAINMM_OK);
    asked = 0;
    ck_assert_ptr_nonnull(strstr(report(), "thread T: unknown x 7\n"));
    ck_assert_uint_eq(asked, 0);
    unexpect(NULL, "A2", 0, 1);
    unexpect(NULL, "B1", 0, 1);
    free_all((void *const *)pieces, 7);
    brainmm_pages_free(pages, BRAINMM_USER);
}
END_TEST

START_TEST(describers_are_bounded) {
    static char contexts[33];
    ck_assert_int_eq(brainmm_add_describer(NULL, NULL), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(brainmm_remove_describer(NULL, NULL), BRAINMM_E_ARGUMENT);
    for (unsigned i = 0; i < 32; i++)
        ck_assert_int_eq(brainmm_add_describer(describe_letter, &contexts[i]), BRAINMM_OK);
    ck_assert_int_eq(brainmm_add_describer(describe_letter, &contexts[32]), BRAINMM_E_MEMORY);
    for (unsigned i = 0; i < 32; i++)
        ck_assert_int_eq(brainmm_remove_describer(describe_letter, &contexts[i * 7 % 32]), BRAINMM_OK);
    ck_assert_int_eq(brainmm_remove_describer(describe_letter, &contexts[0]), BRAINMM_E_ARGUMENT);
}
END_TEST

/* ---- Snapshots -------------------------------------------------------------------------------------------------- */

START_TEST(snapshots_tell_what_came_and_went) {
    brainmm_snapshot *first = NULL, *second = NULL;
    void *old[3], *fresh[3], *pages;
    for (unsigned i = 0; i < 3; i++)
        old[i] = brainmm_alloc(100);
    ck_assert_int_eq(brainmm_snapshot_take(&first), BRAINMM_OK);
    ck_assert_str_eq(difference(first, NULL), "");
    ck_assert_str_eq(difference(first, first), "");
    for (unsigned i = 0; i < 3; i++)
        fresh[i] = brainmm_alloc(20);
    pages = brainmm_pages_get(3, BRAINMM_USER);
    free_all(old, 2);
    ck_assert_int_eq(brainmm_snapshot_take(&second), BRAINMM_OK);
    static const char changed[] = "BrainMM: 4 allocations more, 12384 bytes; 2 allocations less, 224 bytes\n"
                                  "    32 bytes, small: unknown x +3\n"
                                  "    112 bytes, small: unknown x -2\n"
                                  "    12288 bytes, pages: unknown x +1\n";
    ck_assert_str_eq(difference(first, second), changed);
    ck_assert_str_eq(difference(first, NULL), changed);
    ck_assert_str_eq(difference(second, NULL), "");
    ck_assert_str_eq(difference(NULL, second), "BrainMM: 5 allocations more, 12496 bytes; 0 allocations less, 0 bytes\n"
                                               "    32 bytes, small: unknown x +3\n"
                                               "    112 bytes, small: unknown x +1\n"
                                               "    12288 bytes, pages: unknown x +1\n");
    free_all(fresh, 3);
    free_all(&old[2], 1);
    ck_assert_int_eq(brainmm_pages_free(pages, BRAINMM_USER), BRAINMM_OK);
    ck_assert_ptr_nonnull(strstr(difference(second, NULL), "0 allocations more, 0 bytes; 5 allocations less, 12496"));
    ck_assert_int_eq(brainmm_snapshot_free(first), BRAINMM_OK);
    ck_assert_int_eq(brainmm_snapshot_free(second), BRAINMM_OK);
    ck_assert_str_eq(report(), ""); /* nothing of all that lies in the heap */
}
END_TEST

START_TEST(what_is_no_snapshot_is_refused) {
    static uint64_t zero[20];
    brainmm_snapshot *snapshot, *const wrong[] = {(void *)zero, (void *)(uintptr_t)12345, (void *)text};
    ck_assert_int_eq(brainmm_snapshot_take(NULL), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(brainmm_snapshot_free(NULL), BRAINMM_OK);
    ck_assert_int_eq(brainmm_snapshot_take(&snapshot), BRAINMM_OK);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(brainmm_snapshot_free(wrong[i]), BRAINMM_E_POINTER);
        ck_assert_int_eq(brainmm_snapshot_difference(wrong[i], NULL, keep, text), BRAINMM_E_POINTER);
        ck_assert_int_eq(brainmm_snapshot_difference(snapshot, wrong[i], keep, text), BRAINMM_E_POINTER);
    }
    ck_assert_int_eq(brainmm_snapshot_difference(snapshot, NULL, NULL, NULL), BRAINMM_E_ARGUMENT);
    ck_assert_int_eq(brainmm_snapshot_free(snapshot), BRAINMM_OK);
    ck_assert_int_eq(brainmm_snapshot_free(snapshot), BRAINMM_E_POINTER);
    ck_assert_int_eq(brainmm_report_leaks(NULL, NULL), BRAINMM_E_ARGUMENT);
}
END_TEST

START_TEST(a_writer_can_stop_the_text) {
    void *piece = brainmm_alloc(10), *many[200];
    for (size_t i = 0; i < 200; i++)
        many[i] = brainmm_alloc(i * 16);
    calls = 0;
    ck_assert_int_eq(brainmm_report_leaks(stop, NULL), BRAINMM_E_STOPPED);
    ck_assert_int_eq(brainmm_snapshot_difference(NULL, NULL, stop, NULL), BRAINMM_E_STOPPED);
    ck_assert_uint_eq(calls, 2);
    free_all(many, 200);
    brainmm_free(piece);
}
END_TEST

START_TEST(peek_reads_what_can_be_read) {
    char *pages = brainmm_pages_get(2, BRAINMM_USER), copy[8] = "";
    memcpy(pages, "heap", 5);
    ck_assert_int_eq(brainmm_peek(copy, pages, 5), BRAINMM_OK);
    ck_assert_str_eq(copy, "heap");
    ck_assert_int_eq(brainmm_pages_set_rights(pages, 2, 0), BRAINMM_OK);
#if !defined(_WIN32) /* Wine reads it all the same */
    ck_assert_int_eq(brainmm_peek(copy, pages, 5), BRAINMM_E_POINTER);
#endif
    ck_assert_int_eq(brainmm_peek(copy, NULL, 5), BRAINMM_E_POINTER);
    brainmm_pages_free(pages, BRAINMM_USER);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {a_heap_without_leaks_says_nothing,
                                  leaks_are_grouped_by_size_and_kind_and_sorted,
                                  threads_are_told_apart,
                                  any_number_of_groups_is_counted,
                                  leaks_expected_by_address_are_left_out,
                                  leaks_expected_by_size_are_counted,
                                  many_expected_leaks_are_kept,
                                  what_names_no_leak_is_refused,
                                  slots_of_the_original_register_by_address,
                                  describers_name_what_leaks,
                                  describers_are_bounded,
                                  snapshots_tell_what_came_and_went,
                                  what_is_no_snapshot_is_refused,
                                  a_writer_can_stop_the_text,
                                  peek_reads_what_can_be_read,
                                  NULL};
    return run_suite("leaks", 60, NULL, NULL, tests);
}
