/* SPDX-License-Identifier: Apache-2.0 */
/* Sandbox: what a process inside can still do, and what ends it */

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "elf/sandbox.h"
#include "unit-test.h"

enum { DESCRIPTORS = 3, OUTPUT_MAX = 1 << 20, INHERITED_FD = 200 };

/* Runs f in a sandboxed child. Its return value, or 128 plus the signal that ended it. */
static int run_inside_with(unsigned n_descriptors, int (*f)(void)) {
        int status;
        pid_t pid;

        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                int r = sandbox_enter(n_descriptors, 0, OUTPUT_MAX);

                _exit(r < 0 ? -r : f());
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_inside(int (*f)(void)) {
        return run_inside_with(DESCRIPTORS, f);
}

/* What the work needs: memory, and its three descriptors. */
static int do_work(void) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct stat st;

        if (p == MAP_FAILED)
                return 1;
        p[4096] = 1;
        if (fstat(STDIN_FILENO, &st) < 0 || munmap(p, 1 << 20) < 0)
                return 2;
        /* What it is of no use for is an error, not the end. */
        if (fdatasync(STDOUT_FILENO) < 0 && errno != EINVAL)
                return 4;
        return write(STDOUT_FILENO, p, 0) < 0 ? 3 : 0;
}

/* Fills memory until there is no more. */
static int do_exhaust_memory(void) {
        for (size_t n = 0; n < 2 * SANDBOX_HEAP_MAX; n += 64 << 20)
                if (mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                         0) == MAP_FAILED)
                        return errno;
        return 0;
}

/* A write that would be one byte too far. */
static int do_exceed_output(void) {
        return pwrite(STDOUT_FILENO, "x", 1, OUTPUT_MAX) < 0 ? errno : 0;
}

static int do_read_inherited(void) {
        char byte;

        return read(INHERITED_FD, &byte, 1) < 0 ? errno : 0;
}

static int do_open(void) {
        return open("/dev/null", O_RDONLY);
}

static int do_socket(void) {
        return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int do_fork(void) {
        return (int) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int do_exec(void) {
        return (int) syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static int do_ptrace(void) {
        return (int) syscall(SYS_ptrace, 0, 0, 0, 0);
}

static int do_map_code(void) {
        return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                               MAP_FAILED
                       ? 1
                       : 0;
}

static int do_protect_code(void) {
        void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0;
}

static int do_stat_by_path(void) {
        struct stat st;

        return fstatat(AT_FDCWD, "/etc/passwd", &st, 0) < 0;
}

static void test_the_work_can_be_done(void **state) {
        assert_int_equal(run_inside(do_work), 0);
}

static void test_everything_else_ends_the_process(void **state) {
        static int (*const forbidden[])(void) = {
                do_open,   do_socket,   do_fork,         do_exec,
                do_ptrace, do_map_code, do_protect_code, do_stat_by_path,
        };

        for (size_t i = 0; i < ELEMENTSOF(forbidden); i++)
                assert_int_equal(run_inside(forbidden[i]), 128 + SIGSYS);
}

static void test_descriptors_are_closed_but_the_first(void **state) {
        int fd = open("/dev/zero", O_RDONLY);

        assert_return_code(dup2(fd, INHERITED_FD), errno);
        assert_int_equal(do_read_inherited(), 0);
        assert_int_equal(run_inside(do_read_inherited), EBADF);
        assert_int_equal(run_inside_with(INHERITED_FD, do_read_inherited), EBADF);
        assert_int_equal(run_inside_with(INHERITED_FD + 1, do_read_inherited), 0);
        close(INHERITED_FD);
        close(fd);
}

static void test_memory_and_output_are_limited(void **state) {
        int saved = dup(STDOUT_FILENO);
        int output = memfd_create("output", MFD_CLOEXEC);

        fflush(stdout);
        assert_return_code(dup2(output, STDOUT_FILENO), errno);
        assert_int_equal(run_inside(do_exceed_output), EFBIG);
        assert_return_code(dup2(saved, STDOUT_FILENO), errno);
        close(output);
        close(saved);

        if (SANDBOX_LIMITS_MEMORY)
                assert_int_equal(run_inside(do_exhaust_memory), ENOMEM);
}

/* The parent looks on from outside: inside, nobody could ask. */
static void test_no_privilege_is_left(void **state) {
        static const struct {
                const char *format;
                unsigned long long expected;
        } lines[] = {
                { "CapInh: %llx", 0 }, { "CapPrm: %llx", 0 },     { "CapEff: %llx", 0 },
                { "CapAmb: %llx", 0 }, { "NoNewPrivs: %llu", 1 }, { "Seccomp: %llu", 2 },
        };
        char path[64], line[256], byte;
        unsigned found = 0;
        int ready[2];
        pid_t pid;
        FILE *f;

        assert_return_code(pipe(ready), errno);
        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                /* Says that it is inside, then waits for a byte that never comes. */
                if (dup2(ready[1], STDOUT_FILENO) < 0 || dup2(ready[0], STDIN_FILENO) < 0 ||
                    sandbox_enter(DESCRIPTORS, 0, OUTPUT_MAX) < 0 ||
                    write(STDOUT_FILENO, "x", 1) != 1)
                        _exit(1);
                for (;;)
                        (void) lseek(STDIN_FILENO, 0, SEEK_CUR);
        }

        assert_int_equal(read(ready[0], &byte, 1), 1);
        snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
        f = fopen(path, "re");
        assert_non_null(f);
        while (fgets(line, sizeof(line), f))
                for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                        unsigned long long value;

                        if (sscanf(line, lines[i].format, &value) == 1) {
                                assert_int_equal(value, lines[i].expected);
                                found++;
                        }
                }
        fclose(f);
        assert_int_equal(found, ELEMENTSOF(lines));

        assert_return_code(kill(pid, SIGKILL), errno);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(ready[0]);
        close(ready[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_work_can_be_done),
                cmocka_unit_test(test_everything_else_ends_the_process),
                cmocka_unit_test(test_descriptors_are_closed_but_the_first),
                cmocka_unit_test(test_memory_and_output_are_limited),
                cmocka_unit_test(test_no_privilege_is_left),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
