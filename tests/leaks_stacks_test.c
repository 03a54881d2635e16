/* SPDX-License-Identifier: MIT */
/* leaks_stacks_test.c: groups with call stacks: each stack has a line of its own, its frames follow, and each module is
 * told how much it has asked for. The groups and stacks are made up.
 */
#include "heap_support.h"
#include "suite.h"

#include "brainmm.h"
#include "inspect/leaks_text.h"

static char text[10000];
static size_t length;

static int BRAINMM_CALL keep(void *context, const char *piece, size_t size) {
    (void)context;
    memcpy(text + length, piece, size);
    length += size;
    text[length] = 0;
    return 0;
}

/* Stacks 1 and 2 come from module A, 3 from B, 4 from none, 5 is not known. */
static unsigned BRAINMM_CALL frames(uint32_t stack, brainmm_frame *frame, unsigned capacity) {
    static const char *const modules[] = {"A", "A", "B", NULL};
    if (stack > 4 || capacity != 1)
        return 0;
    frame->module = modules[stack - 1];
    return stack;
}

static bool line(struct text *to, uint32_t stack, unsigned frame) {
    if (frame == stack || stack > 4)
        return false;
    text_add(to, "    #");
    text_add_decimal(to, frame);
    text_add(to, "\n");
    return true;
}

static const struct group made_up[] = {
    {.size = 8, .count = 2, .thread_id = 7, .stack = 2},
    {.size = 8, .count = 3, .thread_id = 7, .stack = 1},
    {.size = 8, .count = 1, .thread_id = 7},
    {.size = 5, .count = 4, .stack = 3},
    {.size = 6, .count = 1, .stack = 4},
    {.size = 7, .count = 1, .stack = 5},
};

static struct groups make(int sign) {
    struct groups groups = {0};
    for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++) {
        struct group like = made_up[i];
        like.count *= sign;
        groups_add(&groups, &like, NULL);
    }
    groups_sort(&groups);
    leaks_use_stacks(frames, line);
    return groups;
}

START_TEST(a_report_shows_stacks_and_modules) {
    const struct leaks_sums sums = {0, 0, false};
    struct groups groups = make(1);
    ck_assert_int_eq(leaks_write(&groups, &sums, keep, NULL), BRAINMM_OK);
    ck_assert_str_eq(text, "BrainMM: 12 allocations have not been freed, 81 bytes in all\n"
                           "    A: 5 allocations, 40 bytes\n"
                           "    B: 4 allocations, 20 bytes\n"
                           "    no module: 1 allocation, 6 bytes\n"
                           "    5 bytes, small: unknown x 4\n"
                           "        #0\n        #1\n        #2\n"
                           "    6 bytes, small: unknown x 1\n"
                           "        #0\n        #1\n        #2\n        #3\n"
                           "    7 bytes, small: unknown x 1\n"
                           "    8 bytes, small, thread 7: unknown x 1\n"
                           "    8 bytes, small, thread 7: unknown x 3\n"
                           "        #0\n"
                           "    8 bytes, small, thread 7: unknown x 2\n"
                           "        #0\n        #1\n");
    groups_free(&groups);
}
END_TEST

START_TEST(a_difference_shows_stacks) {
    struct groups groups = make(-1);
    ck_assert_int_eq(leaks_write_difference(&groups, keep, NULL), BRAINMM_OK);
    ck_assert_ptr_nonnull(strstr(text, "BrainMM: 0 allocations more, 0 bytes; 12 allocations less, 81 bytes\n"
                                       "    5 bytes, small: unknown x -4\n"
                                       "        #0\n"));
    groups_free(&groups);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {a_report_shows_stacks_and_modules, a_difference_shows_stacks, NULL};
    return run_suite("leaks_stacks", 60, NULL, NULL, tests);
}
