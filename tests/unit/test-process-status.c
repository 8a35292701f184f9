/* SPDX-License-Identifier: Apache-2.0 */
/* Who a process is to itself */

#include "process/process-status.h"
#include "unit-test.h"

static void test_the_effective_user_and_the_innermost_pid_count(void **state) {
        ProcessStatus s;

        assert_return_code(process_status_parse("Name:\tx\nUid:\t1\t2\t3\t4\nNStgid:\t9\t9\n"
                                                "NSpid:\t4711\t12\t1\nNSpgid:\t0\n",
                                                &s),
                           0);
        assert_int_equal(s.uid, 2);
        assert_int_equal(s.inner_pid, 1);
}

static void test_what_is_not_understood_is_refused(void **state) {
        static const char *const texts[] = {
                "",
                "\nUid:\t1\n",
                "\nUid:\t1\t2\n",
                "\nUid:\t1\t2\nNSpid:\t\n",
                "\nUid:\t1\t99999999999\nNSpid:\t1\n",
                "\nUid:\t1\t2\nNSpid:\t0\n",
        };
        ProcessStatus s;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(process_status_parse(texts[i], &s), -EBADMSG);
}

static void test_we_are_ourselves(void **state) {
        ProcessStatus s;

        assert_return_code(process_status_read(getpid(), &s), 0);
        assert_int_equal(s.uid, geteuid());
        assert_true(s.inner_pid > 0);
        assert_true(process_has_our_user_namespace(getpid()));
        assert_int_equal(process_status_read(INT32_MAX, &s), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_effective_user_and_the_innermost_pid_count),
                cmocka_unit_test(test_what_is_not_understood_is_refused),
                cmocka_unit_test(test_we_are_ourselves),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
