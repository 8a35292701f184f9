/* SPDX-License-Identifier: Apache-2.0 */
/* Attempt: whatever goes wrong in it, what comes behind it runs */

#include <signal.h>
#include <sys/wait.h>

#include "elf/attempt.h"
#include "unit-test.h"

static int succeed(void *userdata) {
        *(int *) userdata = 42;
        return 7;
}

static int give_up(void *userdata) {
        attempt_abort(*(int *) userdata);
}

static int crash(void *userdata) {
        raise(*(int *) userdata);
        return 0;
}

static void test_what_it_returns_is_returned(void **state) {
        int n = 0;

        assert_int_equal(attempt(succeed, &n), 7);
        assert_int_equal(n, 42);
}

static void test_it_can_be_left_from_the_inside(void **state) {
        int error = -ENOMEM;

        for (int i = 0; i < 3; i++)
                assert_int_equal(attempt(give_up, &error), -ENOMEM);
}

/* In a process of its own: the handlers stay. */
static void test_a_crash_is_an_error_and_the_second_one_is_the_end(void **state) {
        static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                int signal = signals[i], status;
                pid_t pid = fork();

                assert_return_code(pid, errno);
                if (pid == 0) {
                        if (attempt_catch_crashes() < 0 || attempt(crash, &signal) != -EFAULT)
                                _exit(1);
                        (void) attempt(crash, &signal);
                        _exit(2);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signal);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_it_returns_is_returned),
                cmocka_unit_test(test_it_can_be_left_from_the_inside),
                cmocka_unit_test(test_a_crash_is_an_error_and_the_second_one_is_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
