/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the verbs that read the store: list, report, verify */

#include "ctl-fixture.h"

#include "ctl/ctl-store.h"

#define NAME(s) ((char[]){ s })

static void fill(CtlFixture *f) {
        ctl_fixture_store(f, "nginx.service", 30, 10);
        ctl_fixture_store(f, "nginx.service", 20, 20);
        ctl_fixture_store(f, "cron.service", 10, 30);
}

static void test_words_with_a_slash_or_the_ending_of_a_profile_are_files(void **state) {
        (void) state;
        assert_true(ctl_name_is_file("./x"));
        assert_true(ctl_name_is_file("cpu.pb.gz"));
        assert_true(ctl_name_is_file("cpu.pprof"));
        assert_false(ctl_name_is_file("nginx"));
        assert_false(ctl_name_is_file("app@x.service"));
}

static void test_without_a_store_there_is_no_match(void **state) {
        CtlFixture *f = *state;

        f->ctl.directory = "/nonexistent/store";
        assert_int_equal(RUN(f, verb_list), EXIT_CODE_NO_MATCH);
        assert_string_equal(f->output, "");
        assert_contains(f->errors, "There is no store at /nonexistent/store.");
        assert_int_equal(RUN(f, verb_report, NAME("nginx")), EXIT_CODE_NO_MATCH);
}

static void test_list_shows_a_line_for_each_profile_oldest_first(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.legend = false;
        assert_int_equal(RUN(f, verb_list), EXIT_CODE_OK);
        assert_true(strstr(f->output, "nginx.service") < strstr(f->output, "cron.service"));
        assert_contains(f->output, " 60 ");
        assert_contains(f->output, "present");
        assert_lacks(f->output, "UNIT");
        assert_string_equal(f->errors, "");

        f->ctl.reverse = true;
        assert_int_equal(RUN(f, verb_list), EXIT_CODE_OK);
        assert_true(strstr(f->output, "nginx.service") > strstr(f->output, "cron.service"));
}

static void test_list_takes_the_newest_and_the_range(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.n_newest = 1;
        assert_int_equal(RUN(f, verb_list), EXIT_CODE_OK);
        assert_contains(f->output, "cron.service");
        assert_lacks(f->output, "nginx.service");

        f->ctl.n_newest = 0;
        f->ctl.until = "";
        f->ctl.until_usec = CTL_FIXTURE_NOW - 25 * USEC_PER_MINUTE;
        assert_int_equal(RUN(f, verb_list), EXIT_CODE_OK);
        assert_lacks(f->output, "cron.service");
}

static void test_a_name_without_a_profile_is_a_gap_beside_one_that_has(void **state) {
        CtlFixture *f = *state;

        fill(f);
        assert_int_equal(RUN(f, verb_list, NAME("nginx"), NAME("nope")), EXIT_CODE_GAPS);
        assert_contains(f->output, "nginx.service");
        assert_contains(f->errors, "nope.service");
        assert_int_equal(RUN(f, verb_list, NAME("nope")), EXIT_CODE_NO_MATCH);
        assert_int_equal(RUN(f, verb_list, NAME("n*")), EXIT_CODE_OK);
        assert_int_equal(RUN(f, verb_list, NAME("a b/c")), EXIT_CODE_USAGE);
}

static void test_an_empty_range_says_what_there_is(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.since = "";
        f->ctl.since_usec = CTL_FIXTURE_NOW;
        assert_int_equal(RUN(f, verb_report, NAME("nginx")), EXIT_CODE_NO_MATCH);
        assert_contains(f->errors, "No profile of nginx.service since");
        assert_contains(f->errors, "There are 2, from");
        assert_contains(f->errors, "Try an earlier --since=");
}

static void test_report_merges_the_profiles_of_a_unit(void **state) {
        CtlFixture *f = *state;

        fill(f);
        assert_int_equal(RUN(f, verb_report, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "nginx.service, cpu, 23:30-23:41 (2 of 2 profiles), 60 samples");
        assert_contains(f->output, "Quality  100% named, 75% complete stacks, 4 lost samples");
        assert_contains(f->output, "Stacks   50% in part by frame pointer; 25.0% no-table\n");
        assert_contains(f->output, "main › work");
        assert_contains(f->output, "50.0%   50.0%  [k] copy  kernel");
        assert_contains(f->output, " 0.0%  100.0%  main      worker");
        assert_string_equal(f->errors, "");
}

static void test_report_takes_the_newest_of_each_unit(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.n_newest = 1;
        assert_int_equal(RUN(f, verb_report, NAME("nginx"), NAME("cron")), EXIT_CODE_OK);
        assert_contains(f->output, "nginx.service, cpu, 23:40-23:41 (1 of 1 profile), 40 samples");
        assert_contains(f->output, "cron.service, cpu, 23:50-23:51 (1 of 1 profile), 60 samples");
}

static void test_report_without_a_range_takes_the_last_hour(void **state) {
        CtlFixture *f = *state;

        fill(f);
        ctl_fixture_store(f, "nginx.service", 300, 10);
        assert_int_equal(RUN(f, verb_report, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "(2 of 2 profiles)");
}

static void test_a_range_that_begins_before_the_store_is_a_gap(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.since = "";
        f->ctl.since_usec = CTL_FIXTURE_NOW - USEC_PER_DAY;
        assert_int_equal(RUN(f, verb_report, NAME("nginx")), EXIT_CODE_GAPS);
        assert_contains(f->errors, "not fully covered");

        /* cron was idle, but the store goes back far enough */
        f->ctl.since_usec = CTL_FIXTURE_NOW - 29 * USEC_PER_MINUTE;
        assert_int_equal(RUN(f, verb_report, NAME("cron")), EXIT_CODE_OK);
}

static void test_report_limits_its_lines_and_says_so(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.n_lines = 1;
        assert_int_equal(RUN(f, verb_report, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "1 of 3 functions; --lines=0 for all");
        f->ctl.n_lines = 0;
        assert_int_equal(RUN(f, verb_report, NAME("nginx")), EXIT_CODE_OK);
        assert_lacks(f->output, "--lines=0");
}

static void test_units_and_files_do_not_mix(void **state) {
        CtlFixture *f = *state;

        assert_int_equal(RUN(f, verb_report, NAME("nginx"), NAME("./x")), EXIT_CODE_USAGE);
}

static void test_json_has_raw_numbers(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_list, NAME("cron")), EXIT_CODE_OK);
        assert_contains(f->output, "\"start_usec\":86399400000000,\"duration_usec\":60000000,"
                                   "\"samples\":60,\"cpu_nsec\":600,");
        assert_int_equal(RUN(f, verb_report, NAME("cron")), EXIT_CODE_OK);
        assert_contains(f->output, "\"total\":600,");
        assert_contains(f->output, "\"heaviest_path\":{\"value\":300,");
        assert_int_equal(RUN(f, verb_verify, NAME("cron")), EXIT_CODE_OK);
        assert_contains(f->output, "\"n_files\":1,\"n_broken\":0,\"n_unreadable\":0");
}

static void test_verify_names_what_is_broken(void **state) {
        CtlFixture *f = *state;
        char path[128];
        FILE *file;

        fill(f);
        assert_int_equal(RUN(f, verb_verify), EXIT_CODE_OK);
        assert_contains(f->output, "3 files, 0 broken.");

        snprintf(path, sizeof(path), "%s/broken.pb.gz", f->directory);
        file = fopen(path, "we");
        assert_non_null(file);
        fputs("no profile", file);
        fclose(file);
        assert_int_equal(RUN(f, verb_verify, path), EXIT_CODE_FAILURE);
        assert_contains(f->output, "broken.pb.gz: ");
        assert_int_equal(RUN(f, verb_report, path), EXIT_CODE_FAILURE);
        assert_contains(f->errors, "could not be reported");
        assert_string_equal(f->output, "");

        assert_int_equal(RUN(f, verb_verify, NAME("/nonexistent/file")), EXIT_CODE_FAILURE);
        assert_int_equal(RUN(f, verb_verify, NAME("/nonexistent/file"), NAME("nginx")),
                         EXIT_CODE_GAPS);
}

static void test_names_from_a_file_cannot_steer_the_terminal(void **state) {
        CtlFixture *f = *state;
        ReportFixture r;
        char path[128];
        uint8_t *data;
        size_t size;
        FILE *file;

        report_fixture_init(&r, 0, USEC_PER_SEC);
        report_fixture_add(&r, 1, "\x1b[2J", 1, FRAME_MAIN, -1);
        assert_return_code(profile_add_comment(r.profile, "unit: \x1b]0;x\a"), 0);
        assert_return_code(pprof_encode(r.profile, &data, &size), 0);
        profile_free(r.profile);
        snprintf(path, sizeof(path), "%s/hostile.pb.gz", f->directory);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(data, 1, size, file), size);
        fclose(file);
        free(data);

        f->ctl.by = REPORT_BY_THREAD;
        assert_int_equal(RUN(f, verb_report, path), EXIT_CODE_OK);
        assert_lacks(f->output, "\x1b");
        assert_lacks(f->output, "\a");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, ctl_fixture_setup, ctl_fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words_with_a_slash_or_the_ending_of_a_profile_are_files),
                TEST(test_without_a_store_there_is_no_match),
                TEST(test_list_shows_a_line_for_each_profile_oldest_first),
                TEST(test_list_takes_the_newest_and_the_range),
                TEST(test_a_name_without_a_profile_is_a_gap_beside_one_that_has),
                TEST(test_an_empty_range_says_what_there_is),
                TEST(test_report_merges_the_profiles_of_a_unit),
                TEST(test_report_takes_the_newest_of_each_unit),
                TEST(test_report_without_a_range_takes_the_last_hour),
                TEST(test_a_range_that_begins_before_the_store_is_a_gap),
                TEST(test_report_limits_its_lines_and_says_so),
                TEST(test_units_and_files_do_not_mix),
                TEST(test_json_has_raw_numbers),
                TEST(test_verify_names_what_is_broken),
                TEST(test_names_from_a_file_cannot_steer_the_terminal),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
