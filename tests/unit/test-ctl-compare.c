/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the verbs that compare and draw: diff, flame */

#include <fcntl.h>
#include <limits.h>

#include "ctl-fixture.h"

#include "basic/file-util.h"

#define NAME(s) ((char[]){ s })

/* A minute that began so many minutes ago, of this boot and start of the unit; count samples of
 * work, 10 of copy. */
static void store(
        CtlFixture *f, unsigned ago, uint8_t boot, const char *invocation, int64_t count) {
        usec_t start = CTL_FIXTURE_NOW - ago * USEC_PER_MINUTE;
        StoreEntry e = {
                .unit = (char *) "nginx.service",
                .type = (char *) "cpu",
                .start_usec = start,
                .duration_usec = USEC_PER_MINUTE,
                .boot_id = SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 0),
        };
        StoreLimits limits = { UINT64_MAX, 0, USEC_INFINITY };
        _cleanup_(store_freep) Store *s = NULL;
        char comment[128];
        ReportFixture r;
        uint8_t *data;
        size_t size;

        e.boot_id.bytes[0] = boot;
        report_fixture_init(&r, start, USEC_PER_MINUTE);
        report_fixture_add(&r, count, "main", 42, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(&r, 10, "main", 42, FRAME_COPY, FRAME_WORK, FRAME_MAIN, -1);
        snprintf(comment, sizeof(comment), "invocation-id: %s", invocation);
        assert_return_code(profile_add_comment(r.profile, comment), 0);
        assert_return_code(pprof_encode(r.profile, &data, &size), 0);
        assert_return_code(store_open(&s, f->directory, &limits), 0);
        assert_return_code(store_write(s, &e, data, size, NULL), 0);
        free(data);
        profile_free(r.profile);
}

/* Three starts, the newest in a boot of its own. */
static void fill(CtlFixture *f) {
        store(f, 200, 1, "aaa", 5);
        store(f, 100, 1, "bbb", 100);
        store(f, 99, 1, "bbb", 100);
        store(f, 20, 2, "ccc", 400);
        store(f, 19, 2, "ccc", 400);
}

static void test_around_the_last_start(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.restart = 1;
        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "\"name\":\"work\"");
        assert_contains(f->output, "\"before\":1000,\"after\":8000");
        assert_contains(f->output, "last start");

        f->ctl.restart = 2;
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "\"before\":50,\"after\":2000");
        f->ctl.restart = 3;
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_NO_MATCH);
}

static void test_between_boots(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.boot = 1;
        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "\"before\":2000,\"after\":8000");
        f->ctl.boot = 2;
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_NO_MATCH);
}

static void test_two_ranges_of_one_unit(void **state) {
        CtlFixture *f = *state;

        fill(f);
        f->ctl.since = f->ctl.base_since = "x";
        f->ctl.since_usec = CTL_FIXTURE_NOW - 30 * USEC_PER_MINUTE;
        f->ctl.base_since_usec = CTL_FIXTURE_NOW - 150 * USEC_PER_MINUTE;
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "work");
        assert_lacks(f->output, "copy");
        assert_contains(f->output, "twice the sampling error");

        f->ctl.all = true;
        f->ctl.json = JSON_MODE_SHORT;
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_OK);
        assert_contains(f->output, "\"name\":\"copy\"");
        assert_contains(f->output, "\"change\":\"noise\"");
}

static void test_a_comparison_needs_two_sides(void **state) {
        CtlFixture *f = *state;

        fill(f);
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_USAGE);
        f->ctl.restart = f->ctl.boot = 1;
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_USAGE);
        f->ctl.boot = 0;
        assert_int_equal(RUN(f, verb_diff, NAME("./x.pb.gz")), EXIT_CODE_USAGE);
}

static void check_file(CtlFixture *f, const char *path, const char *part) {
        _cleanup_free_ char *text = NULL;
        size_t size;

        (void) f;
        assert_return_code(read_full_file_at(AT_FDCWD, path, 16 << 20, &text, &size), 0);
        assert_contains(text, part);
}

static void test_flame_writes_the_format_of_the_name(void **state) {
        CtlFixture *f = *state;
        char path[PATH_MAX];

        fill(f);
        f->ctl.output = path;
        snprintf(path, sizeof(path), "%s/x.html", f->directory);
        assert_int_equal(RUN(f, verb_flame, NAME("nginx")), EXIT_CODE_OK);
        check_file(f, path, "<!DOCTYPE html>");
        snprintf(path, sizeof(path), "%s/x.svg", f->directory);
        assert_int_equal(RUN(f, verb_flame, NAME("nginx")), EXIT_CODE_OK);
        check_file(f, path, "<?xml");
        f->ctl.restart = 1;
        assert_int_equal(RUN(f, verb_diff, NAME("nginx")), EXIT_CODE_OK);
        check_file(f, path, "▲ work");
        assert_int_equal(RUN(f, verb_flame, NAME("nginx")), EXIT_CODE_OK);
        check_file(f, path, "▲ work");
}

static void test_flame_filters_by_regular_expressions(void **state) {
        CtlFixture *f = *state;
        char path[PATH_MAX];

        fill(f);
        f->ctl.output = path;
        snprintf(path, sizeof(path), "%s/x.html", f->directory);
        f->ctl.focus = "^co.y$";
        f->ctl.hide = "main|work";
        assert_int_equal(RUN(f, verb_flame, NAME("nginx")), EXIT_CODE_OK);
        check_file(f, path, "2 frames; 0 under");
        f->ctl.focus = "none of them";
        assert_int_equal(RUN(f, verb_flame, NAME("nginx")), EXIT_CODE_NO_MATCH);
        f->ctl.focus = "(";
        assert_int_equal(RUN(f, verb_flame, NAME("nginx")), EXIT_CODE_USAGE);
        f->ctl.output = NULL;
        assert_int_equal(RUN(f, verb_flame, NAME("nginx")), EXIT_CODE_USAGE);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, ctl_fixture_setup, ctl_fixture_teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                TEST(test_around_the_last_start),
                TEST(test_between_boots),
                TEST(test_two_ranges_of_one_unit),
                TEST(test_a_comparison_needs_two_sides),
                TEST(test_flame_writes_the_format_of_the_name),
                TEST(test_flame_filters_by_regular_expressions),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
