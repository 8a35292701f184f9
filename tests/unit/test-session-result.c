/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Session Result */

#include <fcntl.h>

#include "export-fixture.h"

#include "basic/file-util.h"
#include "profile/pprof.h"
#include "session-result.h"

static SessionResult make_result(void) {
        SessionResult r = SESSION_RESULT_NONE;
        _cleanup_free_ uint8_t *data = NULL;
        ReportFixture f;
        size_t size;

        export_fixture_init(&f);
        assert_return_code(pprof_encode(f.profile, &data, &size), 0);
        profile_free(f.profile);
        assert_return_code(session_result_set(&r, data, size), 0);
        assert_int_equal(r.size_bytes, size);
        return r;
}

static char *read_as(SessionResult *r, SessionFormat format, size_t *ret_size) {
        _cleanup_close_ int fd = session_result_open(r, format);
        char *text;

        assert_return_code(fd, -fd);
        assert_return_code(read_full_fd(fd, 1 << 20, &text, ret_size), 0);
        return text;
}

static void test_it_is_read_in_any_format_any_number_of_times(void **state) {
        _cleanup_(session_result_done) SessionResult r = make_result();

        for (unsigned i = 0; i < 3; i++)
                for (int f = 0; f < _SESSION_FORMAT_MAX; f++) {
                        _cleanup_free_ char *text = NULL;
                        size_t size;

                        text = read_as(&r, (SessionFormat) f, &size);
                        if (f == SESSION_FORMAT_PPROF)
                                assert_int_equal(size, r.size_bytes);
                        else if (f == SESSION_FORMAT_FOLDED)
                                assert_non_null(strstr(text, "main;work 6\n"));
                        else
                                assert_int_equal(text[0], '{');
                }
}

static void test_nobody_can_change_it(void **state) {
        _cleanup_(session_result_done) SessionResult r = make_result();
        _cleanup_close_ int fd = session_result_open(&r, SESSION_FORMAT_PPROF);
        const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

        assert_return_code(fd, -fd);
        assert_int_equal(fcntl(fd, F_GET_SEALS) & all, all);
        assert_int_equal(write(fd, "x", 1), -1);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
}

static void test_without_a_result_there_is_nothing_to_read(void **state) {
        SessionResult r = SESSION_RESULT_NONE;

        for (int f = 0; f < _SESSION_FORMAT_MAX; f++)
                assert_int_equal(session_result_open(&r, (SessionFormat) f), -ENODATA);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_is_read_in_any_format_any_number_of_times),
                cmocka_unit_test(test_nobody_can_change_it),
                cmocka_unit_test(test_without_a_result_there_is_nothing_to_read),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
