/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Interrupts */

#include <signal.h>
#include <sys/wait.h>

#include "ctl/interrupt.h"
#include "unit-test.h"

static void test_the_first_is_told_and_stays_told(void **state) {
        Interrupt i;

        assert_return_code(interrupt_init(&i), 0);
        assert_false(interrupt_is_pending(&i));
        assert_int_equal(raise(SIGINT), 0);
        assert_true(interrupt_is_pending(&i));
        assert_true(interrupt_is_pending(&i));
        interrupt_done(&i);
}

static void test_the_second_ends_the_program(void **state) {
        pid_t pid;
        int status;

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                Interrupt i;

                if (interrupt_init(&i) < 0 || raise(SIGINT) != 0 || !interrupt_is_pending(&i))
                        _exit(1);
                raise(SIGINT);
                _exit(2);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGINT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_first_is_told_and_stays_told),
                cmocka_unit_test(test_the_second_ends_the_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
