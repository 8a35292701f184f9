/* SPDX-License-Identifier: Apache-2.0 */
/* ELF Worker: the workers here are lines of shell, which misbehave better than profilerd-elf. */

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "symbol/elf-worker.h"
#include "unit-test.h"

enum { LONG_USEC = 30 * 1000 * 1000, SHORT_USEC = 50 * 1000 };

typedef struct Run {
        sd_event *event;
        int input_fd, output_fd, copy_fd; /* the last one -EBADF but where a test wants it */
        ElfWorker *worker;
        unsigned n_calls;
        int error;
} Run;

static void on_done(ElfWorker *w, int error, void *userdata) {
        Run *run = userdata;

        assert_ptr_equal(w, run->worker);
        run->n_calls++;
        run->error = error;
        run->worker = elf_worker_free(w);
        assert_return_code(sd_event_exit(run->event, 0), 0);
}

static int setup(void **state) {
        Run *run = calloc(1, sizeof(Run));

        assert_non_null(run);
        assert_return_code(sd_event_new(&run->event), 0);
        run->input_fd = memfd_create("input", MFD_CLOEXEC);
        run->output_fd = memfd_create("output", MFD_CLOEXEC);
        run->copy_fd = -EBADF;
        assert_return_code(run->input_fd, errno);
        assert_return_code(run->output_fd, errno);
        *state = run;
        return 0;
}

static int teardown(void **state) {
        Run *run = *state;

        elf_worker_free(run->worker);
        sd_event_unref(run->event);
        safe_close(run->input_fd);
        safe_close(run->output_fd);
        safe_close(run->copy_fd);
        free(run);
        return 0;
}

/* An event loop of the parent is of no use in a forked child. */
static sd_event *new_event(void) {
        sd_event *e;

        if (sd_event_new(&e) < 0)
                _exit(5);
        return e;
}

static int start_command(Run *run, const char *const *command, usec_t timeout_usec) {
        return elf_worker_start(&run->worker, run->event,
                                &(ElfWorkerTask){
                                        .command = command,
                                        .input_fd = run->input_fd,
                                        .output_fd = run->output_fd,
                                        .third_fd = run->copy_fd,
                                        .timeout_usec = timeout_usec,
                                },
                                on_done, run);
}

static int start(Run *run, const char *script, usec_t timeout_usec) {
        const char *const command[] = { "/bin/sh", "-c", script, "worker", NULL };

        return start_command(run, command, timeout_usec);
}

static int run_script(Run *run, const char *script) {
        assert_return_code(start(run, script, LONG_USEC), 0);
        assert_return_code(sd_event_loop(run->event), 0);
        assert_int_equal(run->n_calls, 1);
        return run->error;
}

static void assert_contents(int fd, const char *expected) {
        _cleanup_free_ char *text = NULL;

        assert_return_code(lseek(fd, 0, SEEK_SET), errno);
        assert_return_code(read_full_fd(fd, 4096, &text, NULL), 0);
        assert_string_equal(text, expected);
}

static void assert_output(Run *run, const char *expected) {
        assert_contents(run->output_fd, expected);
}

static void test_it_reads_the_file_from_its_start_and_writes_the_result(void **state) {
        Run *run = *state;

        assert_return_code(write_all(run->input_fd, "hello\n", 6), 0);
        assert_int_equal(run_script(run, "read -r line && echo \"$line, world\""), 0);
        assert_output(run, "hello, world\n");
}

static void test_a_copy_goes_to_descriptor_3(void **state) {
        Run *run = *state;

        run->copy_fd = memfd_create("copy", MFD_CLOEXEC);
        assert_return_code(run->copy_fd, errno);
        assert_int_equal(run_script(run, "echo copy >&3; echo output"), 0);
        assert_output(run, "output\n");
        assert_contents(run->copy_fd, "copy\n");
}

static void test_without_a_copy_there_is_no_descriptor_3(void **state) {
        assert_int_equal(run_script(*state, "[ ! -e /proc/self/fd/3 ]"), 0);
}

static void test_the_way_it_ends_is_told_apart(void **state) {
        static const struct {
                const char *script;
                int error;
        } cases[] = {
                { "exit 0", 0 },           { "exit 65", -EBADMSG }, { "exit 1", -EIO },
                { "exit 66", -EBADMSG },   { "kill -9 $$", -EIO },  { "kill -SEGV $$", -EIO },
                { "kill -TERM $$", -EIO },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Run *run;

                setup((void **) &run);
                assert_int_equal(run_script(run, cases[i].script), cases[i].error);
                teardown((void **) &run);
        }
}

static void test_a_stalled_worker_is_killed(void **state) {
        Run *run = *state;

        assert_return_code(start(run, "while :; do read -r x; done < /dev/zero", SHORT_USEC), 0);
        assert_return_code(sd_event_loop(run->event), 0);
        assert_int_equal(run->error, -ETIME);
        /* It is gone, and reaped. */
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void test_a_worker_that_is_freed_is_killed_and_says_nothing(void **state) {
        Run *run = *state;

        assert_return_code(start(run, "read -r x < /dev/zero", LONG_USEC), 0);
        run->worker = elf_worker_free(run->worker);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
        assert_return_code(sd_event_run(run->event, 0), 0);
        assert_int_equal(run->n_calls, 0);
}

static void test_a_program_that_cannot_be_started_is_an_error_at_once(void **state) {
        Run *run = *state;
        const char *const command[] = { "/nonexistent/profilerd-elf", NULL };

        assert_int_equal(start_command(run, command, LONG_USEC), -ENOENT);
        assert_null(run->worker);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);

        safe_close(run->input_fd);
        run->input_fd = -EBADF;
        assert_int_equal(start(run, "exit 0", LONG_USEC), -EBADF);
}

static void test_it_inherits_no_descriptor(void **state) {
        Run *run = *state;
        char script[64];
        int leaked;

        leaked = memfd_create("leaked", 0);
        assert_return_code(leaked, errno);
        snprintf(script, sizeof(script), "[ -e /proc/self/fd/%d ] && exit 1; exit 0", leaked);
        assert_int_equal(run_script(run, script), 0);
        safe_close(leaked);
}

static void test_it_works_when_standard_descriptors_are_closed(void **state) {
        Run *run = *state;
        int saved, fd, status;
        pid_t pid;

        /* In a child: the output of the test itself goes through them. */
        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                saved = fcntl(run->output_fd, F_DUPFD_CLOEXEC, 10);
                close(STDIN_FILENO);
                close(STDOUT_FILENO);
                close(STDERR_FILENO);
                /* The file is descriptor 0, the output 1. */
                fd = memfd_create("input", MFD_CLOEXEC);
                if (fd != 0 || write(fd, "hello\n", 6) != 6 || dup(saved) != 1)
                        _exit(2);
                run->event = new_event();
                run->input_fd = 0;
                run->output_fd = 1;
                if (start(run, "read -r line && echo \"$line\"", LONG_USEC) < 0 ||
                    sd_event_loop(run->event) < 0)
                        _exit(3);
                _exit(run->error == 0 ? 0 : 4);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_output(run, "hello\n");
}

static void test_it_inherits_no_environment(void **state) {
        Run *run = *state;

        assert_return_code(setenv("LD_PRELOAD_OF_THE_TEST", "1", 1), errno);
        assert_int_equal(run_script(run, "read -r x < /proc/self/environ; [ -z \"$x\" ]"), 0);
}

static void test_signals_reach_it_although_the_daemon_blocks_them(void **state) {
        Run *run = *state;
        sigset_t mask, saved;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGCHLD);
        assert_return_code(sigprocmask(SIG_BLOCK, &mask, &saved), errno);
        signal(SIGPIPE, SIG_IGN);

        /* Signals 32 and 33 are the C library's own: posix_spawn() may leave them ignored. */
        assert_int_equal(run_script(run, "while read -r key value; do case $key in"
                                         " SigBlk:|SigIgn:) echo $((0x$value & ~0x180000000));;"
                                         " esac; done < /proc/self/status"),
                         0);
        assert_output(run, "0\n0\n");

        signal(SIGPIPE, SIG_DFL);
        assert_return_code(sigprocmask(SIG_SETMASK, &saved, NULL), errno);
}

static void test_it_cannot_gain_privileges_and_has_no_ambient_ones(void **state) {
        Run *run = *state;

        assert_int_equal(run_script(run, "while read -r key value; do case $key in"
                                         " CapAmb:|NoNewPrivs:) echo \"$value\";; esac;"
                                         " done < /proc/self/status"),
                         0);
        assert_output(run, "0000000000000000\n1\n");
}

static void test_it_dumps_no_core_and_fills_no_disk(void **state) {
        Run *run = *state;

        assert_int_equal(run_script(run, "ulimit -c; ulimit -f; ulimit -t"), 0);
        assert_output(run, "0\n8388608\n60\n");
}

static void test_it_dies_with_the_daemon(void **state) {
        Run *run = *state;
        int pipe_fds[2], status;
        char c;
        pid_t pid;

        assert_return_code(pipe2(pipe_fds, O_CLOEXEC), errno);
        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                close(pipe_fds[0]);
                run->event = new_event();
                run->output_fd = pipe_fds[1];
                _exit(start(run, "while :; do read -r x; done < /dev/zero", LONG_USEC) < 0);
        }
        close(pipe_fds[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        /* The end of the pipe comes when the worker, which holds the last copy, is gone. */
        assert_int_equal(read(pipe_fds[0], &c, 1), 0);
        close(pipe_fds[0]);
}

#define worker_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                worker_test(test_it_reads_the_file_from_its_start_and_writes_the_result),
                worker_test(test_a_copy_goes_to_descriptor_3),
                worker_test(test_without_a_copy_there_is_no_descriptor_3),
                worker_test(test_the_way_it_ends_is_told_apart),
                worker_test(test_a_stalled_worker_is_killed),
                worker_test(test_a_worker_that_is_freed_is_killed_and_says_nothing),
                worker_test(test_a_program_that_cannot_be_started_is_an_error_at_once),
                worker_test(test_it_inherits_no_descriptor),
                worker_test(test_it_works_when_standard_descriptors_are_closed),
                worker_test(test_it_inherits_no_environment),
                worker_test(test_signals_reach_it_although_the_daemon_blocks_them),
                worker_test(test_it_cannot_gain_privileges_and_has_no_ambient_ones),
                worker_test(test_it_dumps_no_core_and_fills_no_disk),
                worker_test(test_it_dies_with_the_daemon),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
