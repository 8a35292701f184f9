/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: System Calls of profilerd-open */

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "open/open-direct.h"
#include "open/open-filter.h"
#include "open/open-pressure.h"
#include "open/open-server.h"
#include "open/perf-attr.h"
#include "unit-test.h"

/* Each case runs in a process that is left with the filter; 0: it went as it is to go. */

static bool is_refused(long r) {
        return r < 0 && errno == EPERM;
}

static int serve_a_request(void) {
        OpenRequest request = { OPEN_MAGIC, OPEN_KALLSYMS, 0, 0 };
        const uid_t uid = geteuid();
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
            send(pair[0], &request, sizeof(request), 0) < 0 || open_filter_install() < 0)
                return 1;
        return open_server_serve(pair[1], uid) < 0;
}

static int open_events(void) {
        OpenRequest request = { OPEN_MAGIC, OPEN_RECORDS, 0, 0 };
        int before, after;

        before = open_direct(&request);
        if (open_filter_install() < 0)
                return 1;
        after = open_direct(&request);
        return before >= 0 ? after < 0 : after != before;
}

/* glibc 2.36 clears the upper half of an int, glibc 2.41 fills it with the sign. */
static int open_with_either_half(void) {
        const long as_int = (long) (uint32_t) AT_FDCWD, as_long = AT_FDCWD;

        if (open_filter_install() < 0)
                return 1;
        return syscall(SYS_openat, as_int, "/dev/null", O_RDONLY | O_CLOEXEC) < 0 ||
               syscall(SYS_openat, as_long, "/dev/null", O_RDONLY | O_CLOEXEC) < 0;
}

static int watch_one_process(void) {
        OpenRequest request = { OPEN_MAGIC, OPEN_CPU_CLOCK, 0, 99 };
        struct perf_event_attr attr;

        perf_attr_fill(&request, &attr);
        if (open_filter_install() < 0)
                return 1;
        return !is_refused(
                syscall(SYS_perf_event_open, &attr, getpid(), -1, -1, PERF_FLAG_FD_CLOEXEC));
}

static int write_a_file(void) {
        if (open_filter_install() < 0)
                return 1;
        return !is_refused(open("/dev/null", O_WRONLY | O_CLOEXEC)) ||
               !is_refused(open("/dev/null", O_RDWR | O_CLOEXEC)) ||
               !is_refused(open("/dev/null", O_RDONLY | O_CREAT | O_CLOEXEC, 0600)) ||
               !is_refused(unlink("/nonexistent"));
}

/* That the control group is looked for at all takes the calls that lead to it. */
static int watch_pressure(void) {
        OpenPressureRequest request = {
                .magic = OPEN_PRESSURE_MAGIC,
                .resource = OPEN_PRESSURE_CPU,
                .stall_usec = USEC_PER_SEC,
                .window_usec = 2 * USEC_PER_SEC,
                .control_group = "/",
        };
        int before, after;

        before = open_pressure(&request);
        if (open_filter_install() < 0)
                return 1;
        after = open_pressure(&request);
        return before >= 0 ? after < 0 : after != before;
}

static int write_below_a_directory(void) {
        int directory = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (directory < 0 || open_filter_install() < 0)
                return 1;
        return !is_refused(openat(directory, "null", O_WRONLY | O_CLOEXEC)) ||
               !is_refused(openat(directory, "null", OPEN_PRESSURE_FLAGS | O_CREAT, 0600)) ||
               !is_refused(openat(directory, "null", OPEN_PRESSURE_FLAGS | O_TRUNC)) ||
               !is_refused(openat(AT_FDCWD, "/dev/null", OPEN_PRESSURE_FLAGS));
}

static int make_a_process_or_a_socket(void) {
        char *const arguments[] = { (char *) "/bin/true", NULL };

        if (open_filter_install() < 0)
                return 1;
        return !is_refused(syscall(SYS_clone, 0x11, 0, 0, 0, 0)) ||
               !is_refused(execve("/bin/true", arguments, NULL)) ||
               !is_refused(socket(AF_UNIX, SOCK_STREAM, 0)) ||
               !is_refused(syscall(SYS_bpf, 0, NULL, 0)) || !is_refused(setuid(0));
}

static void run(int (*function)(void)) {
        int status;
        pid_t pid;

        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0)
                syscall(SYS_exit_group, function());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void test_requests_are_served(void **state) {
        run(serve_a_request);
}

static void test_events_of_a_cpu_are_opened(void **state) {
        run(open_events);
}

static void test_the_sign_of_an_int_may_be_extended(void **state) {
        run(open_with_either_half);
}

static void test_events_of_one_process_are_not(void **state) {
        run(watch_one_process);
}

static void test_no_file_is_written(void **state) {
        run(write_a_file);
}

static void test_pressure_files_are_opened_below_a_directory(void **state) {
        run(watch_pressure);
}

static void test_what_is_below_a_directory_is_opened_in_no_other_way(void **state) {
        run(write_below_a_directory);
}

static void test_no_process_and_no_socket_is_made(void **state) {
        run(make_a_process_or_a_socket);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests_are_served),
                cmocka_unit_test(test_events_of_a_cpu_are_opened),
                cmocka_unit_test(test_the_sign_of_an_int_may_be_extended),
                cmocka_unit_test(test_events_of_one_process_are_not),
                cmocka_unit_test(test_no_file_is_written),
                cmocka_unit_test(test_pressure_files_are_opened_below_a_directory),
                cmocka_unit_test(test_what_is_below_a_directory_is_opened_in_no_other_way),
                cmocka_unit_test(test_no_process_and_no_socket_is_made),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
