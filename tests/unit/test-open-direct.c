/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Opening Directly */

#include <fcntl.h>

#include "open/open-direct.h"
#include "unit-test.h"

static void test_kernel_symbols_are_open_for_reading_and_not_inherited(void **state) {
        OpenRequest request = { OPEN_MAGIC, OPEN_KALLSYMS, 0, 0 };
        _cleanup_close_ int fd = open_direct(&request);

        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void test_an_event_is_not_inherited(void **state) {
        OpenRequest request = { OPEN_MAGIC, OPEN_CPU_CLOCK, 0, 99 };
        _cleanup_close_ int fd = open_direct(&request);

        if (fd == -EACCES || fd == -EPERM || fd == -ENOSYS)
                skip(); /* the kernel keeps events to others */
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void test_a_cpu_that_is_none_is_an_error(void **state) {
        OpenRequest request = { OPEN_MAGIC, OPEN_CPU_CLOCK, OPEN_CPU_MAX - 1, 99 };

        assert_true(open_direct(&request) < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kernel_symbols_are_open_for_reading_and_not_inherited),
                cmocka_unit_test(test_an_event_is_not_inherited),
                cmocka_unit_test(test_a_cpu_that_is_none_is_an_error),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
