/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Differences of Profiles */

#include <math.h>

#include "report-fixture.h"

#include "profile/profile-diff.h"

/* 1000 samples of a millisecond in ten seconds. */
static const DiffSide side = { .total = 1000000000, .n_samples = 1000, .duration_sec = 10 };

static void make_rule(DiffRule *rule, bool normalize, bool all) {
        diff_rule_init(rule, &side, &side, 1e-9, normalize, all);
}

static void test_rates_are_values_for_each_second(void **state) {
        DiffSide longer = side;
        DiffRule rule;

        (void) state;
        longer.duration_sec = 20;
        diff_rule_init(&rule, &side, &longer, 1e-9, false, false);
        assert_true(fabs(rule.scale_before * 1e9 - 0.1) < 1e-9);
        assert_true(fabs(rule.scale_after * 1e9 - 0.05) < 1e-9);
        longer.duration_sec = 0;
        diff_rule_init(&rule, &side, &longer, 1, false, false);
        assert_true(rule.scale_before == 1);
}

static void test_a_change_below_2_percent_of_the_total_is_noise(void **state) {
        DiffRule rule;

        (void) state;
        make_rule(&rule, false, false);
        assert_int_equal(diff_classify(&rule, 0, 19000000), DIFF_NOISE);
        assert_int_equal(diff_classify(&rule, 0, 21000000), DIFF_NEW);
}

static void test_a_change_within_twice_the_sampling_error_is_noise(void **state) {
        DiffRule rule;

        (void) state;
        make_rule(&rule, false, false);
        /* 400 and 450 samples: the error is sqrt(850) = 29 samples. */
        assert_true(fabs(diff_error(&rule, 400000000, 450000000) - sqrt(850) * 1e-4) < 1e-9);
        assert_int_equal(diff_classify(&rule, 400000000, 450000000), DIFF_NOISE);
        assert_int_equal(diff_classify(&rule, 400000000, 470000000), DIFF_MORE);
        assert_int_equal(diff_classify(&rule, 470000000, 400000000), DIFF_LESS);
        assert_int_equal(diff_classify(&rule, 100000000, 0), DIFF_GONE);
}

static void test_all_leaves_nothing_out_but_what_is_equal(void **state) {
        DiffRule rule;

        (void) state;
        make_rule(&rule, false, true);
        assert_int_equal(diff_classify(&rule, 1, 2), DIFF_MORE);
        assert_int_equal(diff_classify(&rule, 2, 2), DIFF_NOISE);
}

static void test_normalized_the_same_shares_are_no_change(void **state) {
        DiffSide doubled = { .total = 2000000000, .n_samples = 2000, .duration_sec = 10 };
        DiffRule rule;

        (void) state;
        diff_rule_init(&rule, &side, &doubled, 1e-9, true, true);
        assert_int_equal(diff_classify(&rule, 100000000, 200000000), DIFF_NOISE);
        assert_int_equal(diff_classify(&rule, 100000000, 100000000), DIFF_LESS);
}

static void test_rows_of_both_sides_are_matched_and_the_largest_change_is_first(void **state) {
        ReportFixture before, after;
        ReportRow *x, *y;
        size_t n_x, n_y, n;
        DiffRule rule;
        DiffRow *rows;

        (void) state;
        make_rule(&rule, false, true);
        report_fixture_init(&before, 0, 0);
        report_fixture_add(&before, 100, "a", 1, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(&before, 50, "a", 1, FRAME_COPY, FRAME_MAIN, -1);
        report_fixture_init(&after, 0, 0);
        report_fixture_add(&after, 300, "a", 1, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(&after, 60, "a", 1, FRAME_NONAME, FRAME_MAIN, -1);
        assert_return_code(profile_report_rows(before.profile, 1, REPORT_BY_FUNCTION, &x, &n_x), 0);
        assert_return_code(profile_report_rows(after.profile, 1, REPORT_BY_FUNCTION, &y, &n_y), 0);
        assert_return_code(diff_rows(&rule, x, n_x, y, n_y, &rows, &n), 0);
        report_rows_free(x, n_x);
        report_rows_free(y, n_y);
        profile_free(before.profile);
        profile_free(after.profile);

        assert_int_equal(n, 4);
        assert_string_equal(rows[0].name, "work");
        assert_int_equal(rows[0].kind, DIFF_MORE);
        assert_int_equal(rows[0].before, 1000);
        assert_int_equal(rows[0].after, 3000);
        assert_string_equal(rows[1].name, "[libz.so.1+0x1000]");
        assert_int_equal(rows[1].kind, DIFF_NEW);
        assert_string_equal(rows[2].name, "copy");
        assert_int_equal(rows[2].kind, DIFF_GONE);
        assert_true(rows[2].kernel);
        assert_string_equal(rows[3].name, "main");
        assert_int_equal(rows[3].kind, DIFF_NOISE);
        diff_rows_free(rows, n);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rates_are_values_for_each_second),
                cmocka_unit_test(test_a_change_below_2_percent_of_the_total_is_noise),
                cmocka_unit_test(test_a_change_within_twice_the_sampling_error_is_noise),
                cmocka_unit_test(test_all_leaves_nothing_out_but_what_is_equal),
                cmocka_unit_test(test_normalized_the_same_shares_are_no_change),
                cmocka_unit_test(
                        test_rows_of_both_sides_are_matched_and_the_largest_change_is_first),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
