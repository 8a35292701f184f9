/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Children of a Process */

#include <signal.h>
#include <sys/wait.h>

#include "process/process-children.h"
#include "unit-test.h"

typedef struct Seen {
        pid_t pids[8];
        size_t n;
} Seen;

static int on_child(pid_t pid, uint64_t start_tick, void *userdata) {
        Seen *seen = userdata;

        assert_true(start_tick > 0);
        assert_true(seen->n < ELEMENTSOF(seen->pids));
        seen->pids[seen->n++] = pid;
        return 1;
}

/* A child that has a child of its own, whose pid comes through the pipe. */
static pid_t make_family(pid_t *ret_grandchild) {
        int ends[2];
        pid_t pid;

        assert_return_code(pipe(ends), errno);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                pid_t grandchild = fork();

                if (grandchild > 0 && write(ends[1], &grandchild, sizeof(grandchild)) < 0)
                        _exit(1);
                for (;;)
                        pause();
        }
        assert_int_equal(read(ends[0], ret_grandchild, sizeof(*ret_grandchild)),
                         sizeof(*ret_grandchild));
        close(ends[0]);
        close(ends[1]);
        return pid;
}

static void test_children_come_before_their_own(void **state) {
        pid_t child, grandchild;
        Seen seen = {};

        child = make_family(&grandchild);
        assert_int_equal(process_children(getpid(), on_child, &seen), 0);
        assert_int_equal(seen.n, 2);
        assert_int_equal(seen.pids[0], child);
        assert_int_equal(seen.pids[1], grandchild);

        seen.n = 0;
        assert_int_equal(process_children(child, on_child, &seen), 0);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.pids[0], grandchild);
        kill(grandchild, SIGKILL);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
}

static int refuse(pid_t pid, uint64_t start_tick, void *userdata) {
        return -E2BIG;
}

static void test_whoever_is_called_can_end_it(void **state) {
        pid_t child, grandchild;

        child = make_family(&grandchild);
        assert_int_equal(process_children(getpid(), refuse, NULL), -E2BIG);
        kill(grandchild, SIGKILL);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        assert_int_equal(process_children(0, on_child, NULL), -ESRCH);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_children_come_before_their_own),
                cmocka_unit_test(test_whoever_is_called_can_end_it),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
