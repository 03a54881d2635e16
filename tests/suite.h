/* SPDX-License-Identifier: MIT */
/* suite.h: the main function of a suite of the Check framework.
 *
 *   int main(void) {
 *       const TTest *const tests[] = {one_property_holds, another_holds, NULL};
 *       return run_suite("name", 60, NULL, NULL, tests);
 *   }
 */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs TESTS, which end with NULL, and prints Check's summary, from which tests/run counts them. Each test may take
 * SECONDS. SET_UP runs before and TEAR_DOWN after each test; both may be NULL. Returns the exit code of the program. */
static inline int run_suite(const char *name, double seconds, SFun set_up, SFun tear_down, const TTest *const tests[]) {
    Suite *suite = suite_create(name);
    TCase *test_case = tcase_create(name);
    tcase_set_timeout(test_case, seconds);
    tcase_add_checked_fixture(test_case, set_up, tear_down);
    for (size_t i = 0; tests[i]; i++)
        tcase_add_test(test_case, tests[i]);
    suite_add_tcase(suite, test_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
