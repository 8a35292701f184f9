/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Pressure Triggers */

#include <fcntl.h>

#include "open/open-pressure.h"
#include "unit-test.h"

static OpenPressureRequest request_for(const char *control_group) {
        OpenPressureRequest r = {
                .magic = OPEN_PRESSURE_MAGIC,
                .resource = OPEN_PRESSURE_CPU,
                .stall_usec = 500 * USEC_PER_MSEC,
                .window_usec = 2 * USEC_PER_SEC,
        };

        strcpy(r.control_group, control_group);
        return r;
}

static int check_path(const char *control_group) {
        OpenPressureRequest r = request_for(control_group);

        return open_pressure_check(&r);
}

static int check_times(uint32_t stall_usec, uint32_t window_usec) {
        OpenPressureRequest r = request_for("/x");

        r.stall_usec = stall_usec;
        r.window_usec = window_usec;
        return open_pressure_check(&r);
}

static void test_a_path_stays_below_the_tree(void **state) {
        assert_return_code(check_path("/"), 0);
        assert_return_code(check_path("/system.slice/nginx.service"), 0);
        assert_return_code(check_path("/a/..b/...c/.d"), 0);
        assert_int_equal(check_path(""), -EINVAL);
        assert_int_equal(check_path("system.slice"), -EINVAL);
        assert_int_equal(check_path("//"), -EINVAL);
        assert_int_equal(check_path("/a/"), -EINVAL);
        assert_int_equal(check_path("/a//b"), -EINVAL);
        assert_int_equal(check_path("/.."), -EINVAL);
        assert_int_equal(check_path("/a/../b"), -EINVAL);
        assert_int_equal(check_path("/a/."), -EINVAL);
}

static void test_a_path_without_an_end_is_none(void **state) {
        OpenPressureRequest r = request_for("/x");

        memset(r.control_group, 'x', sizeof(r.control_group));
        r.control_group[0] = '/';
        assert_int_equal(open_pressure_check(&r), -EINVAL);
        r.control_group[sizeof(r.control_group) - 1] = '\0';
        assert_return_code(open_pressure_check(&r), 0);
        /* no name of a file is that long */
        assert_true(open_pressure(&r) < 0);
}

static void test_windows_are_whole_steps(void **state) {
        for (uint32_t s = 2; s <= 10; s += 2)
                assert_return_code(check_times(1, s * USEC_PER_SEC), 0);
        assert_int_equal(check_times(1, 0), -EINVAL);
        assert_int_equal(check_times(1, USEC_PER_SEC), -EINVAL);
        assert_int_equal(check_times(1, 3 * USEC_PER_SEC), -EINVAL);
        assert_int_equal(check_times(1, 2 * USEC_PER_SEC + 1), -EINVAL);
        assert_int_equal(check_times(1, 12 * USEC_PER_SEC), -EINVAL);
}

static void test_a_stall_is_no_longer_than_its_window(void **state) {
        assert_return_code(check_times(2 * USEC_PER_SEC, 2 * USEC_PER_SEC), 0);
        assert_int_equal(check_times(2 * USEC_PER_SEC + 1, 2 * USEC_PER_SEC), -EINVAL);
        assert_int_equal(check_times(0, 2 * USEC_PER_SEC), -EINVAL);
}

static void test_magic_and_resource_are_known_ones(void **state) {
        OpenPressureRequest r = request_for("/x");

        r.magic = OPEN_MAGIC;
        assert_int_equal(open_pressure_check(&r), -EBADMSG);
        r = request_for("/x");
        r.resource = _OPEN_PRESSURE_MAX;
        assert_int_equal(open_pressure_check(&r), -EINVAL);
}

static void test_a_cgroup_that_is_not_there_is_an_error(void **state) {
        OpenPressureRequest r = request_for("/there-is-no-such-group.slice/x");
        int fd = open_pressure(&r);

        assert_true(fd == -ENOENT || fd == -EOPNOTSUPP);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_path_stays_below_the_tree),
                cmocka_unit_test(test_a_path_without_an_end_is_none),
                cmocka_unit_test(test_windows_are_whole_steps),
                cmocka_unit_test(test_a_stall_is_no_longer_than_its_window),
                cmocka_unit_test(test_magic_and_resource_are_known_ones),
                cmocka_unit_test(test_a_cgroup_that_is_not_there_is_an_error),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
