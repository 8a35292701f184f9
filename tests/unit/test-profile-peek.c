/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Callers and callees */

#include "export-fixture.h"

#include "profile/profile-peek.h"

enum { CPU = 1 };

static bool is_named(const Frame *f, void *userdata) {
        return streq(f->name, userdata);
}

static bool is_any(const Frame *f, void *userdata) {
        (void) f;
        (void) userdata;
        return true;
}

static void test_neighbours_have_the_value_of_their_stacks(void **state) {
        size_t n, n_matches;
        ReportFixture f;
        Peek *peeks;

        (void) state;
        export_fixture_init(&f);
        assert_return_code(profile_peek(f.profile, CPU, is_named, (char[]){ "work" }, 10, &peeks,
                                        &n, &n_matches),
                           0);
        profile_free(f.profile);
        assert_int_equal(n, 1);
        assert_int_equal(n_matches, 1);
        assert_int_equal(peeks[0].self, 60);
        assert_int_equal(peeks[0].cumulative, 110);
        assert_int_equal(peeks[0].n_callers, 1);
        assert_string_equal(peeks[0].callers[0].name, "main");
        assert_int_equal(peeks[0].callers[0].value, 110);
        assert_int_equal(peeks[0].n_callees, 1);
        assert_string_equal(peeks[0].callees[0].name, "copy");
        assert_int_equal(peeks[0].callees[0].value, 50);
        assert_true(peeks[0].callees[0].kernel);
        peeks_free(peeks, n);
}

static void test_recursion_counts_once_and_the_thread_start_is_a_caller(void **state) {
        size_t n, n_matches;
        ReportFixture f;
        Peek *peeks;

        (void) state;
        report_fixture_init(&f, 0, 0);
        report_fixture_add(&f, 1, "a", 1, FRAME_WORK, FRAME_WORK, FRAME_WORK, -1);
        assert_return_code(profile_peek(f.profile, CPU, is_named, (char[]){ "work" }, 10, &peeks,
                                        &n, &n_matches),
                           0);
        profile_free(f.profile);
        assert_int_equal(peeks[0].cumulative, 10);
        assert_int_equal(peeks[0].n_callers, 2);
        assert_int_equal(peeks[0].callers[0].value, 10);
        assert_int_equal(peeks[0].callers[1].value, 10);
        assert_string_equal(peeks[0].callers[0].name, "");
        assert_string_equal(peeks[0].callers[1].name, "work");
        peeks_free(peeks, n);
}

static void test_the_largest_functions_come_first_and_not_all(void **state) {
        size_t n, n_matches;
        ReportFixture f;
        Peek *peeks;

        (void) state;
        export_fixture_init(&f);
        assert_return_code(profile_peek(f.profile, CPU, is_any, NULL, 2, &peeks, &n, &n_matches),
                           0);
        profile_free(f.profile);
        assert_int_equal(n, 2);
        assert_int_equal(n_matches, 4);
        assert_string_equal(peeks[0].name, "main");
        assert_string_equal(peeks[1].name, "work");
        peeks_free(peeks, n);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_neighbours_have_the_value_of_their_stacks),
                cmocka_unit_test(test_recursion_counts_once_and_the_thread_start_is_a_caller),
                cmocka_unit_test(test_the_largest_functions_come_first_and_not_all),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
