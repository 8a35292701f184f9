/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the Data of a Report */

#include "report-fixture.h"

#include <fcntl.h>

#include "basic/file-util.h"
#include "profile/pprof.h"
#include "view/report-data.h"

typedef struct Directory {
        char path[sizeof("/tmp/test-report-data-XXXXXX")];
        int fd;
} Directory;

static int setup(void **state) {
        Directory *d;

        d = calloc(1, sizeof(*d));
        strcpy(d->path, "/tmp/test-report-data-XXXXXX");
        if (!mkdtemp(d->path))
                return -1;
        d->fd = open(d->path, O_DIRECTORY | O_CLOEXEC);
        *state = d;
        return 0;
}

static int teardown(void **state) {
        Directory *d = *state;

        (void) unlinkat(d->fd, "a", 0);
        (void) unlinkat(d->fd, "b", 0);
        safe_close(d->fd);
        (void) rmdir(d->path);
        free(d);
        return 0;
}

/* A profile of count samples of 10 ns, from start, as the file name in the directory. */
static void write_profile(const Directory *d, const char *name, usec_t start, int64_t count) {
        ReportFixture f;
        uint8_t *data;
        size_t size;

        report_fixture_init(&f, start, USEC_PER_MINUTE);
        report_fixture_add(&f, count, NULL, 0, FRAME_WORK, FRAME_MAIN, -1);
        assert_return_code(profile_add_comment(f.profile, "lost-samples: 2"), 0);
        assert_return_code(pprof_encode(f.profile, &data, &size), 0);
        assert_return_code(write_file_atomic(d->fd, name, data, size, 0600), 0);
        free(data);
        profile_free(f.profile);
}

static void test_files_are_merged_and_their_notes_add_up(void **state) {
        const Directory *dir = *state;
        ReportData d = {};

        write_profile(dir, "a", USEC_PER_DAY, 3);
        write_profile(dir, "b", USEC_PER_DAY + USEC_PER_MINUTE, 5);
        assert_return_code(report_data_add_file(&d, dir->fd, "a", "a", "cpu", NULL), 0);
        assert_return_code(report_data_add_file(&d, dir->fd, "b", "b", "cpu", NULL), 0);

        assert_int_equal(profile_total(d.profile, d.value_type), 80);
        assert_int_equal(d.n_parts, 2);
        assert_int_equal(d.notes.lost_samples, 4);
        assert_int_equal(d.covered_usec, 2 * USEC_PER_MINUTE);
        assert_int_equal(d.start_usec, USEC_PER_DAY);
        assert_int_equal(d.end_usec, USEC_PER_DAY + 2 * USEC_PER_MINUTE);
        report_data_done(&d);
}

/* As many as there are files would be as many comments, and none of them true of the whole. */
static void test_what_a_merged_profile_says_of_itself_is_of_all_files(void **state) {
        const Directory *dir = *state;
        ReportData d = {};

        write_profile(dir, "a", USEC_PER_DAY, 3);
        write_profile(dir, "b", USEC_PER_DAY + 10 * USEC_PER_MINUTE, 5);
        assert_return_code(report_data_add_file(&d, dir->fd, "a", "a", "cpu", NULL), 0);
        assert_return_code(report_data_add_file(&d, dir->fd, "b", "b", "cpu", NULL), 0);
        assert_return_code(profile_add_comment(d.profile, "span: 60000000 us"), 0);
        assert_return_code(report_data_settle(&d), 0);
        assert_string_equal(profile_get_note(d.profile, "lost-samples"), "4");
        assert_int_equal(profile_get_span_usec(d.profile), 11 * USEC_PER_MINUTE);
        assert_int_equal(profile_n_comments(d.profile), 2);
        report_data_done(&d);
}

static void test_a_broken_file_is_left_out_and_counted(void **state) {
        const Directory *dir = *state;
        ReportData d = {};

        assert_return_code(write_file_atomic(dir->fd, "a", "no pprof", 8, 0600), 0);
        write_profile(dir, "b", USEC_PER_DAY, 5);
        assert_return_code(report_data_add_file(&d, dir->fd, "a", "a", "cpu", NULL), 0);
        assert_return_code(report_data_add_file(&d, dir->fd, "gone", "gone", "cpu", NULL), 0);
        assert_return_code(report_data_add_file(&d, dir->fd, "b", "b", "colour", NULL), 0);
        assert_null(d.profile);
        assert_return_code(report_data_add_file(&d, dir->fd, "b", "b", "cpu", NULL), 0);
        assert_int_equal(d.n_failed, 3);
        assert_int_equal(d.first_error, -EBADMSG);
        assert_int_equal(d.n_parts, 1);
        report_data_done(&d);
}

static void test_a_session_of_a_type_has_the_values_of_that_type(void **state) {
        const Directory *dir = *state;
        ReportData d = {};

        write_profile(dir, "a", USEC_PER_DAY, 3);
        assert_return_code(report_data_add_file(&d, dir->fd, "a", "a", "cpu-session", NULL), 0);
        assert_return_code(report_data_add_file(&d, dir->fd, "a", "a", "colour-session", NULL), 0);
        assert_int_equal(profile_total(d.profile, d.value_type), 30);
        assert_int_equal(d.n_failed, 1);
        report_data_done(&d);
}

static void test_without_a_type_the_profile_decides(void **state) {
        const Directory *dir = *state;
        ReportData d = {};

        write_profile(dir, "a", USEC_PER_DAY, 3);
        assert_return_code(report_data_add_file(&d, dir->fd, "a", "a", NULL, NULL), 0);
        assert_int_equal(profile_total(d.profile, d.value_type), 30);
        report_data_done(&d);
}

static void test_slices_share_out_each_window_by_time(void **state) {
        ReportPart parts[] = {
                { .start_usec = 0, .duration_usec = 60, .value = 60 },
                { .start_usec = 120, .duration_usec = 60, .value = 120 },
        };
        ReportData d = { .parts = parts, .n_parts = 2, .start_usec = 0, .end_usec = 180 };
        double *slices;

        (void) state;
        assert_int_equal(report_data_n_slices(&d, 40), 3);
        assert_int_equal(report_data_n_slices(&d, 2), 2);

        slices = report_data_slice(&d, 3);
        assert_int_equal((int) (slices[0] + 0.5), 60);
        assert_int_equal((int) (slices[1] + 0.5), 0);
        assert_int_equal((int) (slices[2] + 0.5), 120);
        free(slices);

        slices = report_data_slice(&d, 6);
        assert_int_equal((int) (slices[1] + 0.5), 30);
        assert_int_equal((int) (slices[5] + 0.5), 60);
        free(slices);
}

static void test_no_time_makes_no_slices(void **state) {
        ReportPart part = { .value = 60 };
        ReportData d = { .parts = &part, .n_parts = 1 };

        (void) state;
        assert_int_equal(report_data_n_slices(&d, 40), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_files_are_merged_and_their_notes_add_up, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_what_a_merged_profile_says_of_itself_is_of_all_files, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_broken_file_is_left_out_and_counted, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_session_of_a_type_has_the_values_of_that_type, setup, teardown),
                cmocka_unit_test_setup_teardown(test_without_a_type_the_profile_decides, setup,
                                                teardown),
                cmocka_unit_test(test_slices_share_out_each_window_by_time),
                cmocka_unit_test(test_no_time_makes_no_slices),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
