/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the Profile Report */

#include "report-fixture.h"

#include "profile/profile-report.h"

enum {
        SAMPLES, /* value types of the fixture */
        CPU,
};

static const ReportRow *find_row(const ReportRow *rows, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(rows[i].name, name))
                        return &rows[i];
        fail_msg("no row '%s'", name);
        return NULL;
}

static void fill(ReportFixture *f) {
        report_fixture_init(f, 0, 0);
        report_fixture_add(f, 6, "a", 1, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(f, 3, "a", 1, FRAME_COPY, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(f, 1, "b", 2, FRAME_NONAME, FRAME_MAIN, -1);
}

static void test_self_is_the_leaf_and_cumulative_the_whole_stack(void **state) {
        ReportFixture f;
        ReportRow *rows;
        size_t n;

        (void) state;
        fill(&f);

        assert_return_code(profile_report_rows(f.profile, CPU, REPORT_BY_FUNCTION, &rows, &n), 0);
        assert_int_equal(n, 4);
        assert_string_equal(rows[0].name, "work");
        assert_int_equal(rows[0].self, 60);
        assert_int_equal(rows[0].cumulative, 90);
        assert_string_equal(rows[0].binary, "worker");
        assert_int_equal(find_row(rows, n, "main")->self, 0);
        assert_int_equal(find_row(rows, n, "main")->cumulative, 100);

        report_rows_free(rows, n);
        profile_free(f.profile);
}

static void test_frames_of_the_kernel_and_without_a_name_are_marked(void **state) {
        const ReportRow *copy, *unknown;
        ReportFixture f;
        ReportRow *rows;
        size_t n;

        (void) state;
        fill(&f);

        assert_return_code(profile_report_rows(f.profile, CPU, REPORT_BY_FUNCTION, &rows, &n), 0);
        copy = find_row(rows, n, "copy");
        assert_true(copy->kernel);
        assert_true(copy->named);
        assert_string_equal(copy->binary, "kernel");
        unknown = find_row(rows, n, "[libz.so.1+0x1000]");
        assert_false(unknown->kernel);
        assert_false(unknown->named);
        assert_string_equal(unknown->binary, "libz.so.1");

        report_rows_free(rows, n);
        profile_free(f.profile);
}

static void test_recursion_counts_once(void **state) {
        ReportFixture f;
        ReportRow *rows;
        size_t n;

        (void) state;
        report_fixture_init(&f, 0, 0);
        report_fixture_add(&f, 2, NULL, 0, FRAME_WORK, FRAME_WORK, FRAME_WORK, FRAME_MAIN, -1);

        assert_return_code(profile_report_rows(f.profile, SAMPLES, REPORT_BY_FUNCTION, &rows, &n),
                           0);
        assert_int_equal(find_row(rows, n, "work")->cumulative, 2);
        assert_int_equal(find_row(rows, n, "work")->self, 2);

        report_rows_free(rows, n);
        profile_free(f.profile);
}

static void test_the_innermost_inlined_function_has_the_self_value(void **state) {
        ReportFixture f;
        ReportRow *rows;
        size_t n;

        (void) state;
        report_fixture_init(&f, 0, 0);
        report_fixture_add(&f, 4, NULL, 0, FRAME_INLINE, FRAME_MAIN, -1);

        assert_return_code(profile_report_rows(f.profile, SAMPLES, REPORT_BY_FUNCTION, &rows, &n),
                           0);
        assert_int_equal(find_row(rows, n, "inner")->self, 4);
        assert_int_equal(find_row(rows, n, "outer")->self, 0);
        assert_int_equal(find_row(rows, n, "outer")->cumulative, 4);

        report_rows_free(rows, n);
        profile_free(f.profile);
}

static void test_by_line_tells_file_and_line(void **state) {
        const ReportRow *row;
        ReportFixture f;
        ReportRow *rows;
        size_t n;

        (void) state;
        fill(&f);

        assert_return_code(profile_report_rows(f.profile, CPU, REPORT_BY_LINE, &rows, &n), 0);
        row = find_row(rows, n, "work");
        assert_string_equal(row->file, "/src/work.c");
        assert_int_equal(row->line, 2);

        report_rows_free(rows, n);
        profile_free(f.profile);
}

static void test_by_binary_adds_functions_up(void **state) {
        ReportFixture f;
        ReportRow *rows;
        size_t n;

        (void) state;
        fill(&f);

        assert_return_code(profile_report_rows(f.profile, CPU, REPORT_BY_BINARY, &rows, &n), 0);
        assert_int_equal(n, 3);
        assert_int_equal(find_row(rows, n, "worker")->self, 60);
        assert_int_equal(find_row(rows, n, "worker")->cumulative, 100);
        assert_int_equal(find_row(rows, n, "kernel")->self, 30);
        assert_int_equal(find_row(rows, n, "libz.so.1")->self, 10);

        report_rows_free(rows, n);
        profile_free(f.profile);
}

static void test_labels_are_rows_and_samples_without_are_unknown(void **state) {
        ReportFixture f;
        ReportRow *rows;
        size_t n;

        (void) state;
        fill(&f);
        report_fixture_add(&f, 5, NULL, 0, FRAME_MAIN, -1);

        assert_return_code(profile_report_rows(f.profile, CPU, REPORT_BY_THREAD, &rows, &n), 0);
        assert_int_equal(n, 3);
        assert_int_equal(find_row(rows, n, "a")->self, 90);
        assert_int_equal(find_row(rows, n, "b")->self, 10);
        assert_int_equal(find_row(rows, n, PROFILE_UNKNOWN_NAME)->self, 50);
        report_rows_free(rows, n);

        assert_return_code(profile_report_rows(f.profile, CPU, REPORT_BY_PID, &rows, &n), 0);
        assert_int_equal(find_row(rows, n, "1")->self, 90);
        assert_int_equal(find_row(rows, n, "2")->cumulative, 10);
        report_rows_free(rows, n);
        profile_free(f.profile);
}

static void test_an_empty_profile_has_no_rows_and_no_path(void **state) {
        ReportFixture f;
        ReportStep *steps;
        ReportRow *rows;
        int64_t value;
        size_t n;

        (void) state;
        report_fixture_init(&f, 0, 0);

        assert_return_code(profile_report_rows(f.profile, CPU, REPORT_BY_FUNCTION, &rows, &n), 0);
        assert_int_equal(n, 0);
        report_rows_free(rows, n);
        assert_return_code(profile_heaviest_path(f.profile, CPU, &steps, &n, &value), 0);
        assert_int_equal(n, 0);
        assert_int_equal(value, 0);
        report_steps_free(steps, n);
        profile_free(f.profile);
}

static void test_the_heaviest_path_ends_where_the_weight_splits(void **state) {
        ReportFixture f;
        ReportStep *steps;
        int64_t value;
        size_t n;

        (void) state;
        /* Of work's 90, copy has 30: less than half. */
        fill(&f);
        assert_return_code(profile_heaviest_path(f.profile, CPU, &steps, &n, &value), 0);
        assert_int_equal(n, 2);
        assert_string_equal(steps[0].name, "main");
        assert_string_equal(steps[1].name, "work");
        assert_int_equal(value, 90);
        report_steps_free(steps, n);

        /* Now it has 70 of 130. */
        report_fixture_add(&f, 4, "a", 1, FRAME_COPY, FRAME_WORK, FRAME_MAIN, -1);
        assert_return_code(profile_heaviest_path(f.profile, CPU, &steps, &n, &value), 0);
        assert_int_equal(n, 3);
        assert_string_equal(steps[2].name, "copy");
        assert_true(steps[2].kernel);
        assert_int_equal(value, 70);
        report_steps_free(steps, n);
        profile_free(f.profile);
}

static void test_the_heaviest_path_goes_through_inlined_callers_first(void **state) {
        ReportFixture f;
        ReportStep *steps;
        int64_t value;
        size_t n;

        (void) state;
        report_fixture_init(&f, 0, 0);
        report_fixture_add(&f, 4, NULL, 0, FRAME_INLINE, FRAME_MAIN, -1);

        assert_return_code(profile_heaviest_path(f.profile, SAMPLES, &steps, &n, &value), 0);
        assert_int_equal(n, 3);
        assert_string_equal(steps[1].name, "outer");
        assert_string_equal(steps[2].name, "inner");
        report_steps_free(steps, n);
        profile_free(f.profile);
}

static void test_groupings_have_names(void **state) {
        (void) state;

        for (int g = 0; g < _REPORT_GROUPING_MAX; g++)
                assert_int_equal(report_grouping_from_string(report_grouping_to_string(g)), g);
        assert_true(report_grouping_from_string("colour") < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_self_is_the_leaf_and_cumulative_the_whole_stack),
                cmocka_unit_test(test_frames_of_the_kernel_and_without_a_name_are_marked),
                cmocka_unit_test(test_recursion_counts_once),
                cmocka_unit_test(test_the_innermost_inlined_function_has_the_self_value),
                cmocka_unit_test(test_by_line_tells_file_and_line),
                cmocka_unit_test(test_by_binary_adds_functions_up),
                cmocka_unit_test(test_labels_are_rows_and_samples_without_are_unknown),
                cmocka_unit_test(test_an_empty_profile_has_no_rows_and_no_path),
                cmocka_unit_test(test_the_heaviest_path_ends_where_the_weight_splits),
                cmocka_unit_test(test_the_heaviest_path_goes_through_inlined_callers_first),
                cmocka_unit_test(test_groupings_have_names),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
