/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Session Request */

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "session-request.h"
#include "unit-test.h"

static int parse(SessionRequest *r, const char *text) {
        const char *reason = NULL;
        int k;

        *r = SESSION_REQUEST_NONE;
        k = session_request_parse_target(r, text, -EBADF, &reason);
        if (k < 0)
                assert_non_null(reason);
        return k;
}

static void test_the_host_is_the_root_slice(void **state) {
        static const char *const names[] = { "host", "slice:-", "slice:-.slice" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(session_request_done) SessionRequest r;

                assert_int_equal(parse(&r, names[i]), 0);
                assert_int_equal(r.scope, SESSION_SCOPE_HOST);
                assert_string_equal(r.unit, SESSION_HOST_UNIT);
                assert_string_equal(r.target, names[i]);
        }
}

static void test_the_cgroup_of_a_slice_follows_from_its_name(void **state) {
        static const struct {
                const char *target, *control_group;
        } cases[] = {
                { "slice:system", "/system.slice" },
                { "slice:a-b.slice", "/a.slice/a-b.slice" },
                { "unit:a-bc-d.slice", "/a.slice/a-bc.slice/a-bc-d.slice" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(session_request_done) SessionRequest r;

                assert_int_equal(parse(&r, cases[i].target), 0);
                assert_int_equal(r.scope, SESSION_SCOPE_CGROUPS);
                assert_string_equal(r.control_group, cases[i].control_group);
        }
}

static void test_where_a_service_is_only_systemd_knows(void **state) {
        _cleanup_(session_request_done) SessionRequest r;

        assert_int_equal(parse(&r, "unit:nginx"), 0);
        assert_string_equal(r.unit, "nginx.service");
        assert_int_equal(r.scope, SESSION_SCOPE_CGROUPS);
        assert_null(r.control_group);
}

static void test_what_is_no_target_is_refused(void **state) {
        static const char *const texts[] = {
                "",
                "nginx",
                "unit:",
                "unit:a*",
                "unit:a/b",
                "slice:-a",
                "slice:a--b",
                "slice:a-",
                "slice:a b",
                "pid:",
                "pid:0",
                "pid:-1",
                "pid:1x",
                "pid:9999999999",
                "cgroup:",
                "cgroup:system",
                "cgroup:/../x",
                "hosts",
        };
        char longest[SESSION_TARGET_MAX + 10];

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(session_request_done) SessionRequest r;
                int k = parse(&r, texts[i]);

                if (k != -EINVAL && k != -ENOENT) /* the latter without a cgroup2 tree */
                        fail_msg("'%s': %d", texts[i], k);
        }
        _cleanup_(session_request_done) SessionRequest r;

        memset(longest, 'a', sizeof(longest) - 1);
        memcpy(longest, "unit:", strlen("unit:"));
        longest[sizeof(longest) - 1] = '\0';
        assert_int_equal(parse(&r, longest), -EINVAL);
}

static void test_a_process_is_held_by_a_descriptor(void **state) {
        _cleanup_(session_request_done) SessionRequest r;
        char text[32];

        snprintf(text, sizeof(text), "pid:%d", getpid());
        assert_int_equal(parse(&r, text), 0);
        assert_int_equal(r.scope, SESSION_SCOPE_PROCESSES);
        assert_int_equal(r.pid, getpid());
        assert_true(r.pidfd >= 0);
        assert_true(r.start_tick > 0);
        assert_non_null(r.unit);
        assert_int_equal(session_request_is_own(&r, getuid()), 1);
        assert_int_equal(session_request_is_own(&r, getuid() + 1), 0);
}

static pid_t make_child(void) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        while (pid == 0)
                pause();
        return pid;
}

/* A number may have become another process since its caller looked at it; a descriptor may not. */
static void test_the_descriptor_decides_and_not_the_number(void **state) {
        _cleanup_(session_request_done) SessionRequest r = SESSION_REQUEST_NONE,
                                                       dead = SESSION_REQUEST_NONE;
        pid_t pid = make_child();
        const char *reason;
        int pidfd;

        pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        assert_return_code(pidfd, errno);
        assert_int_equal(session_request_parse_target(&r, "pid:1", pidfd, &reason), 0);
        assert_int_equal(r.pid, pid);

        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_int_equal(session_request_parse_target(&dead, "pid:1", pidfd, &reason), -ESRCH);
        close(pidfd);
}

static void test_a_process_that_is_gone_is_no_target(void **state) {
        _cleanup_(session_request_done) SessionRequest r;
        pid_t pid = make_child();
        char text[32];

        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        snprintf(text, sizeof(text), "pid:%d", pid);
        assert_int_equal(parse(&r, text), -ESRCH);
}

static void test_a_login_owns_what_is_below_its_slice(void **state) {
        SessionRequest r = {
                .scope = SESSION_SCOPE_CGROUPS,
                .control_group = (char *) "/user.slice/user-1000.slice/session-1.scope",
        };

        assert_int_equal(session_request_is_own(&r, 1000), 1);
        assert_int_equal(session_request_is_own(&r, 100), 0);
        r.control_group = (char *) "/user.slice/user-10000.slice/session-1.scope";
        assert_int_equal(session_request_is_own(&r, 1000), 0);
        r.scope = SESSION_SCOPE_HOST;
        assert_int_equal(session_request_is_own(&r, 0), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_host_is_the_root_slice),
                cmocka_unit_test(test_the_cgroup_of_a_slice_follows_from_its_name),
                cmocka_unit_test(test_where_a_service_is_only_systemd_knows),
                cmocka_unit_test(test_what_is_no_target_is_refused),
                cmocka_unit_test(test_a_process_is_held_by_a_descriptor),
                cmocka_unit_test(test_the_descriptor_decides_and_not_the_number),
                cmocka_unit_test(test_a_process_that_is_gone_is_no_target),
                cmocka_unit_test(test_a_login_owns_what_is_below_its_slice),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
