/* SPDX-License-Identifier: Apache-2.0 */
/* CPU Lists */

#include "capture/cpu-list.h"
#include "unit-test.h"

static void test_ranges_and_single_numbers_are_read(void **state) {
        _cleanup_free_ unsigned *cpus = NULL;
        size_t n;

        assert_int_equal(cpu_list_parse("0-2,8\n", &cpus, &n), 0);
        assert_int_equal(n, 4);
        assert_int_equal(cpus[0], 0);
        assert_int_equal(cpus[2], 2);
        assert_int_equal(cpus[3], 8);
}

static void test_what_the_kernel_would_not_write_is_refused(void **state) {
        static const char *const bad[] = {
                "", "\n", "-1", "3-1", "0-", "0 1", "1,1", "2,1", "a", "0-99999999999", "99999",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                unsigned *cpus = NULL;
                size_t n;

                assert_int_equal(cpu_list_parse(bad[i], &cpus, &n), -EINVAL);
                assert_null(cpus);
        }
}

static void test_the_running_machine_has_cpu_0_or_more(void **state) {
        _cleanup_free_ unsigned *cpus = NULL;
        unsigned possible;
        size_t n;

        assert_int_equal(cpu_list_online(&cpus, &n), 0);
        assert_int_equal(cpu_list_possible(&possible), 0);
        assert_true(n >= 1);
        assert_true(cpus[n - 1] < possible);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ranges_and_single_numbers_are_read),
                cmocka_unit_test(test_what_the_kernel_would_not_write_is_refused),
                cmocka_unit_test(test_the_running_machine_has_cpu_0_or_more),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
