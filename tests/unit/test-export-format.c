/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the formats of exports, and of the verbs that write them: export, merge */

#include <fcntl.h>
#include <limits.h>

#include "ctl-fixture.h"

#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "view/export-format.h"

#define NAME(s) ((char[]){ s })

static void fill(CtlFixture *f) {
        ctl_fixture_store(f, "nginx.service", 30, 10);
        ctl_fixture_store(f, "nginx.service", 20, 20);
        ctl_fixture_store(f, "cron.service", 10, 30);
}

static const char *output_path(CtlFixture *f, const char *name, char buffer[static PATH_MAX]) {
        snprintf(buffer, PATH_MAX, "%s/%s", f->directory, name);
        f->ctl.output = buffer;
        return buffer;
}

static int64_t total_of(const char *path) {
        _cleanup_(profile_freep) Profile *p = NULL;

        assert_return_code(pprof_read_file(AT_FDCWD, path, &p, NULL), 0);
        return profile_total(p, 0);
}

static void test_names_and_endings_choose_the_format(void **state) {
        (void) state;
        for (ExportFormat i = 0; i < _EXPORT_FORMAT_MAX; i++)
                assert_int_equal(export_format_from_string(export_format_to_string(i)), i);
        assert_int_equal(export_format_from_string("pdf"), _EXPORT_FORMAT_INVALID);
        assert_int_equal(export_format_from_path("x.speedscope.json"), EXPORT_FORMAT_SPEEDSCOPE);
        assert_int_equal(export_format_from_path("x.json"), EXPORT_FORMAT_JSON);
        assert_int_equal(export_format_from_path("x.folded"), EXPORT_FORMAT_FOLDED);
        assert_int_equal(export_format_from_path("x"), EXPORT_FORMAT_PPROF);
        assert_int_equal(export_format_from_path(NULL), EXPORT_FORMAT_PPROF);
}

static void test_export_writes_text_to_the_standard_output(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.format = "folded";
        assert_int_equal(RUN(f, verb_export, NAME("nginx")), EXIT_CODE_OK);
        assert_string_equal(f->output, "main;work 300\nmain;work;copy_[k] 300\n");
        assert_string_equal(f->errors, "");
}

static void test_binary_is_not_for_a_terminal(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.terminal.is_tty = true;
        assert_int_equal(RUN(f, verb_export, NAME("nginx")), EXIT_CODE_USAGE);
        assert_string_equal(f->output, "");
        assert_contains(f->errors, "-o FILE");
}

static void test_export_replaces_a_file_and_says_what_it_wrote(void **state) {
        CtlFixture *f = *state;
        char path[PATH_MAX];

        fill(f);
        assert_return_code(close(creat(output_path(f, "out.pb.gz", path), 0600)), errno);
        assert_int_equal(RUN(f, verb_export, NAME("nginx")), EXIT_CODE_OK);
        assert_string_equal(f->output, "");
        assert_contains(f->errors, "2 profiles");
        assert_contains(f->errors, "go tool pprof");
        assert_int_equal(total_of(path), 60);

        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_export, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "\"profiles\":2");
        assert_string_equal(f->errors, "");
}

static void test_json_about_the_result_needs_a_file_for_the_result(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_export, NAME("nginx")), EXIT_CODE_USAGE);
}

static void test_an_unknown_format_is_wrong_usage(void **state) {
        CtlFixture *f = *state;

        f->ctl.format = "pdf";
        assert_int_equal(RUN(f, verb_export, NAME("nginx")), EXIT_CODE_USAGE);
        assert_contains(f->errors, "speedscope");
}

static void test_a_file_that_cannot_be_written_is_a_failure(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.output = "/nonexistent/x.pb.gz";
        assert_int_equal(RUN(f, verb_export, NAME("nginx")), EXIT_CODE_FAILURE);
        assert_contains(f->errors, "/nonexistent/x.pb.gz cannot be written.");
}

static void test_merge_adds_up_units_and_files(void **state) {
        char one[PATH_MAX], all[PATH_MAX];
        CtlFixture *f = *state;

        fill(f);
        output_path(f, "one.pb.gz", one);
        assert_int_equal(RUN(f, verb_export, NAME("cron")), EXIT_CODE_OK);
        output_path(f, "all.pb.gz", all);
        assert_int_equal(RUN(f, verb_merge, one, NAME("nginx"), NAME("cron")), EXIT_CODE_OK);
        assert_int_equal(total_of(all), 60 + 60 + 60);
}

static void test_merge_goes_on_without_a_file_that_is_none(void **state) {
        char all[PATH_MAX];
        CtlFixture *f = *state;

        fill(f);
        output_path(f, "all.pb.gz", all);
        assert_int_equal(RUN(f, verb_merge, NAME("/dev/null"), NAME("nginx")), EXIT_CODE_GAPS);
        assert_contains(f->errors, "left out");
        assert_int_equal(total_of(all), 60);
        assert_int_equal(RUN(f, verb_merge, NAME("/dev/null")), EXIT_CODE_FAILURE);
}

static void test_merge_needs_a_file(void **state) {
        CtlFixture *f = *state;

        fill(f);
        assert_int_equal(RUN(f, verb_merge, NAME("nginx")), EXIT_CODE_USAGE);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, ctl_fixture_setup, ctl_fixture_teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_and_endings_choose_the_format),
                TEST(test_export_writes_text_to_the_standard_output),
                TEST(test_binary_is_not_for_a_terminal),
                TEST(test_export_replaces_a_file_and_says_what_it_wrote),
                TEST(test_json_about_the_result_needs_a_file_for_the_result),
                TEST(test_an_unknown_format_is_wrong_usage),
                TEST(test_a_file_that_cannot_be_written_is_a_failure),
                TEST(test_merge_adds_up_units_and_files),
                TEST(test_merge_goes_on_without_a_file_that_is_none),
                TEST(test_merge_needs_a_file),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
