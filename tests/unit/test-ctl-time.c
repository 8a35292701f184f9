/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the verbs about what is kept: info, disk-usage, vacuum; of the time words, and of
 * report --peek= */

#include "ctl-fixture.h"

#include "ctl/ctl-time.h"

#define NAME(s) ((char[]){ s })

static void fill(CtlFixture *f) {
        ctl_fixture_store(f, "nginx.service", 300, 10);
        ctl_fixture_store(f, "nginx.service", 20, 20);
        ctl_fixture_store(f, "cron.service", 10, 30);
}

static void test_info_is_about_the_newest_profile_of_a_unit(void **state) {
        CtlFixture *f = *state;

        fill(f);
        assert_int_equal(RUN(f, verb_info, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "samples, 40 count");
        assert_contains(f->output, "/usr/bin/worker");
        assert_contains(f->output, "lost-samples: 2");
        f->ctl.json = JSON_MODE_SHORT;
        f->ctl.n_newest = 5;
        assert_int_equal(RUN(f, verb_info, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "\"total\":20}");
        assert_contains(f->output, "\"total\":40}");
        assert_int_equal(RUN(f, verb_info, NAME("/dev/null")), EXIT_CODE_FAILURE);
        assert_int_equal(RUN(f, verb_info, NAME("nope")), EXIT_CODE_NO_MATCH);
}

static void test_disk_usage_is_by_unit_and_in_all(void **state) {
        CtlFixture *f = *state;

        fill(f);
        assert_int_equal(RUN(f, verb_disk_usage), EXIT_CODE_OK);
        assert_true(strstr(f->output, "nginx.service") < strstr(f->output, "cron.service"));
        assert_contains(f->output, "3 profiles of 2 units");
        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_disk_usage, NAME("cron")), EXIT_CODE_OK);
        assert_contains(f->output, "\"profiles\":1,");
        assert_lacks(f->output, "nginx");

        f->ctl.by_day = true;
        assert_int_equal(RUN(f, verb_disk_usage, NAME("cron")), EXIT_CODE_OK);
        assert_contains(f->output, "\"days\":[{\"unit\":\"cron.service\",\"day_usec\":");
        f->ctl.json = JSON_MODE_OFF;
        assert_int_equal(RUN(f, verb_disk_usage, NAME("cron")), EXIT_CODE_OK);
        assert_contains(f->output, "1972-09-26");
}

static void test_vacuum_removes_what_is_asked_for_and_counts_it(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.vacuum_time = "1h";
        assert_int_equal(RUN(f, verb_vacuum), EXIT_CODE_OK);
        assert_contains(f->output, "Removed 1 profile,");
        f->ctl.vacuum_time = NULL;
        f->ctl.vacuum_size = "0";
        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_vacuum, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "\"removed\":1,");
        f->ctl.vacuum_size = NULL;
        f->ctl.vacuum_files = "1";
        assert_int_equal(RUN(f, verb_vacuum), EXIT_CODE_OK);
        assert_contains(f->output, "\"removed\":0,");
}

static void test_vacuum_without_or_with_a_wrong_limit_removes_nothing(void **state) {
        CtlFixture *f = *state;

        fill(f);
        assert_int_equal(RUN(f, verb_vacuum), EXIT_CODE_USAGE);
        f->ctl.vacuum_size = "much";
        assert_int_equal(RUN(f, verb_vacuum), EXIT_CODE_USAGE);
        f->ctl.vacuum_size = NULL;
        f->ctl.vacuum_time = "-1";
        assert_int_equal(RUN(f, verb_vacuum), EXIT_CODE_USAGE);
        f->ctl.vacuum_time = NULL;
        f->ctl.vacuum_files = "0";
        assert_int_equal(RUN(f, verb_vacuum), EXIT_CODE_USAGE);
        f->ctl.vacuum_files = NULL;
        assert_int_equal(RUN(f, verb_list), EXIT_CODE_OK);
        assert_contains(f->output, "nginx.service");
}

static void test_boot_is_that_of_the_store_from_elsewhere(void **state) {
        CtlFixture *f = *state;
        char *none[] = { NULL };

        fill(f);
        f->ctl.since = "boot";
        assert_int_equal(ctl_resolve_times(&f->ctl, none), 0);
        assert_int_equal(f->ctl.since_usec, CTL_FIXTURE_NOW - 300 * USEC_PER_MINUTE);
        f->ctl.directory = NULL;
        assert_int_equal(ctl_resolve_times(&f->ctl, none), 0);
        assert_int_not_equal(f->ctl.since_usec, CTL_FIXTURE_NOW - 300 * USEC_PER_MINUTE);
        f->ctl.directory = f->directory;
}

static int verb_times(const Ctl *c, char **names) {
        Ctl copy = *c;

        return ctl_resolve_times(&copy, names);
}

static void test_times_that_are_none_are_wrong_usage(void **state) {
        CtlFixture *f = *state;

        f->ctl.since = "sometime";
        assert_int_equal(RUN(f, verb_times), EXIT_CODE_USAGE);
        assert_contains(f->errors, "'sometime'");
        f->ctl.since = "restart";
        assert_int_equal(RUN(f, verb_times), EXIT_CODE_USAGE);
        assert_int_equal(RUN(f, verb_times, NAME("a"), NAME("b")), EXIT_CODE_USAGE);
        assert_int_equal(RUN(f, verb_times, NAME("a*")), EXIT_CODE_USAGE);
        f->ctl.since = "@20";
        f->ctl.until = "@10";
        assert_int_equal(RUN(f, verb_times), EXIT_CODE_USAGE);
}

static void test_report_shows_callers_and_callees(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.peek = "^wo";
        assert_int_equal(RUN(f, verb_report, NAME("cron")), EXIT_CODE_OK);
        assert_contains(f->output, "caller  main");
        assert_contains(f->output, "callee  [k] copy");
        assert_contains(f->output, "self");
        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_report, NAME("cron")), EXIT_CODE_OK);
        assert_contains(f->output, "\"callers\":[{\"name\":\"main\"");
        f->ctl.peek = "nothing";
        assert_int_equal(RUN(f, verb_report, NAME("cron")), EXIT_CODE_NO_MATCH);
        f->ctl.peek = "(";
        assert_int_equal(RUN(f, verb_report, NAME("cron")), EXIT_CODE_USAGE);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, ctl_fixture_setup, ctl_fixture_teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                TEST(test_info_is_about_the_newest_profile_of_a_unit),
                TEST(test_disk_usage_is_by_unit_and_in_all),
                TEST(test_vacuum_removes_what_is_asked_for_and_counts_it),
                TEST(test_vacuum_without_or_with_a_wrong_limit_removes_nothing),
                TEST(test_boot_is_that_of_the_store_from_elsewhere),
                TEST(test_times_that_are_none_are_wrong_usage),
                TEST(test_report_shows_callers_and_callees),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
