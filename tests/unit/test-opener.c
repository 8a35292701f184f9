/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Opener */

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "basic/file-util.h"
#include "open/open-server.h"
#include "open/opener.h"
#include "unit-test.h"

static const OpenRequest kallsyms = { OPEN_MAGIC, OPEN_KALLSYMS, 0, 0 };

typedef struct Bed {
        char directory[32], path[64];
        int listener;
        pid_t server;
} Bed;

static int bed_setup(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Bed *b = calloc(1, sizeof(*b));

        assert_non_null(b);
        strcpy(b->directory, "/tmp/test-opener-XXXXXX");
        assert_non_null(mkdtemp(b->directory));
        assert_return_code(chmod(b->directory, 0755), errno);
        snprintf(b->path, sizeof(b->path), "%s/socket", b->directory);
        strcpy(address.sun_path, b->path);

        b->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_true(b->listener >= 0);
        assert_return_code(bind(b->listener, (struct sockaddr *) &address, sizeof(address)), errno);
        assert_return_code(chmod(b->path, 0666), errno);
        assert_return_code(listen(b->listener, 4), errno);
        *state = b;
        return 0;
}

static int bed_teardown(void **state) {
        Bed *b = *state;

        safe_close(b->listener);
        if (b->server > 0) {
                kill(b->server, SIGKILL);
                waitpid(b->server, NULL, 0);
        }
        unlink(b->path);
        rmdir(b->directory);
        free(b);
        return 0;
}

/* The real server, in a process of its own. */
static void start_server(Bed *b, uid_t uid) {
        b->server = fork();
        assert_return_code(b->server, errno);
        if (b->server == 0) {
                open_server_run(b->listener, uid, 10 * USEC_PER_SEC, NULL);
                _exit(0);
        }
}

/* One that takes a request and answers with these bytes and n descriptors. */
static void start_liar(Bed *b, const void *data, size_t size, size_t n) {
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {};
        struct iovec iov = { (void *) data, size };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        char request[64];
        int connection;

        b->server = fork();
        assert_return_code(b->server, errno);
        if (b->server != 0)
                return;

        if (n > 0) {
                struct cmsghdr *c;

                message.msg_control = control;
                message.msg_controllen = CMSG_SPACE(n * sizeof(int));
                c = CMSG_FIRSTHDR(&message);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(n * sizeof(int));
                for (size_t i = 0; i < n; i++)
                        memcpy(CMSG_DATA(c) + i * sizeof(int), &b->listener, sizeof(int));
        }
        connection = accept(b->listener, NULL, NULL);
        (void) recv(connection, request, sizeof(request), 0);
        if (size > 0)
                (void) sendmsg(connection, &message, 0);
        _exit(0);
}

static size_t count_descriptors(void) {
        size_t n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void test_the_server_hands_over_what_was_asked_for(void **state) {
        Bed *b = *state;

        start_server(b, geteuid());
        for (unsigned i = 0; i < 5; i++) {
                _cleanup_close_ int fd = opener_ask(b->path, &kallsyms);
                char c;

                assert_true(fd >= 0);
                assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
                assert_int_equal(read(fd, &c, 1), 1);
        }
}

static void test_the_server_says_what_is_wrong(void **state) {
        OpenRequest request = { OPEN_MAGIC, OPEN_CPU_CLOCK, 0, 1001 };
        Bed *b = *state;

        start_server(b, geteuid());
        assert_int_equal(opener_ask(b->path, &request), -EINVAL);
        request.magic = 0;
        assert_int_equal(opener_ask(b->path, &request), -EBADMSG);
        request = (OpenRequest){ OPEN_MAGIC, 99, 0, 99 };
        assert_int_equal(opener_ask(b->path, &request), -EINVAL);
}

static void test_a_wrong_request_is_not_even_asked(void **state) {
        OpenRequest request = { OPEN_MAGIC, OPEN_CPU_CLOCK, 0, 0 };

        assert_int_equal(opener_open("/nonexistent/socket", &request), -EINVAL);
        request.magic = 0;
        assert_int_equal(opener_open("/nonexistent/socket", &request), -EBADMSG);
}

static void test_nobody_behind_the_socket_is_not_connected(void **state) {
        _cleanup_free_ char *long_path = calloc(1, 200);
        Bed *b = *state;

        assert_int_equal(opener_ask("/nonexistent/socket", &kallsyms), -ENOTCONN);
        b->listener = safe_close(b->listener);
        assert_int_equal(opener_ask(b->path, &kallsyms), -ENOTCONN);
        assert_non_null(long_path);
        memset(long_path, 'x', 199);
        assert_int_equal(opener_ask(long_path, &kallsyms), -ENAMETOOLONG);
}

static void test_answers_that_are_none_are_refused(void **state) {
        static const struct {
                OpenAnswer answer;
                size_t size, n_descriptors;
        } cases[] = {
                { {}, 0, 0 },                                      /* gone without a word */
                { { OPEN_MAGIC, 0 }, sizeof(OpenAnswer), 0 },      /* no descriptor */
                { { OPEN_MAGIC, -EPERM }, sizeof(OpenAnswer), 1 }, /* an error with one */
                { { OPEN_MAGIC, 7 }, sizeof(OpenAnswer), 0 },
                { { OPEN_MAGIC, 7 }, sizeof(OpenAnswer), 1 },
                { { OPEN_MAGIC + 1, 0 }, sizeof(OpenAnswer), 1 },
                { { OPEN_MAGIC, 0 }, sizeof(OpenAnswer) - 1, 1 },
                { { OPEN_MAGIC, 0 }, sizeof(OpenAnswer), 2 },
                { { OPEN_MAGIC, 0 }, sizeof(OpenAnswer), 4 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t before = count_descriptors();
                Bed *b = *state;

                start_liar(b, &cases[i].answer, cases[i].size, cases[i].n_descriptors);
                assert_int_equal(opener_ask(b->path, &kallsyms), -EPROTO);
                assert_int_equal(count_descriptors(), before);
                assert_int_equal(waitpid(b->server, NULL, 0), b->server);
                b->server = 0;
        }
}

static void test_a_long_answer_is_none(void **state) {
        char data[64] = {};
        Bed *b = *state;

        memcpy(data, &(OpenAnswer){ OPEN_MAGIC, 0 }, sizeof(OpenAnswer));
        start_liar(b, data, sizeof(data), 1);
        assert_int_equal(opener_ask(b->path, &kallsyms), -EPROTO);
}

static void test_a_refusal_without_a_server_says_so(void **state) {
        OpenRequest request = { OPEN_MAGIC, OPEN_CPU_CLOCK, 0, 99 };
        int fd;

        fd = opener_open("/nonexistent/socket", &request);
        if (fd >= 0)
                safe_close(fd); /* the kernel lets us */
        else
                assert_int_equal(fd, -ENOTCONN);

        fd = opener_open(NULL, &request);
        if (fd >= 0)
                safe_close(fd);
        else
                assert_true(fd == -EACCES || fd == -EPERM);
}

/* As the daemon does it where the kernel refuses it the event: takes root to be both. */
static void test_what_the_kernel_refuses_comes_from_the_server(void **state) {
        OpenRequest request = { OPEN_MAGIC, OPEN_CPU_CLOCK, 0, 99 };
        const uid_t uid = 65534;
        Bed *b = *state;
        int status;
        pid_t pid;

        if (geteuid() != 0) {
                print_message("# needs root\n");
                skip();
        }
        start_server(b, uid);
        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                if (setgroups(0, NULL) < 0 || setresuid(uid, uid, uid) < 0)
                        _exit(2);
                _exit(opener_open(b->path, &request) >= 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static int file_of(const char *text) {
        int fd = memfd_create("kallsyms", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_return_code(write_all(fd, text, strlen(text)), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

static void test_hidden_kernel_symbols_are_told_from_visible_ones(void **state) {
        static const struct {
                const char *text;
                int visible;
        } cases[] = {
                { "", 0 },
                { "0000000000000000 T _text\n0000000000000000 t f1 [abc]\n", 0 },
                { "0000000000000000 A first\nffffffff81000000 T _text\n", 1 },
                { "ffffffff81000000 T _text\n", 1 },
                { "0000000000000000 A first\n0000000000000010 A second", 1 },
        };
        _cleanup_free_ char *many = NULL;
        char *p;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_close_ int fd = file_of(cases[i].text);

                assert_int_equal(kallsyms_is_visible(fd), cases[i].visible);
                assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
        }

        /* Lines lie across the borders of what is read at once. */
        p = many = malloc(1 << 16);
        assert_non_null(many);
        while (p < many + (1 << 16) - 64)
                p += sprintf(p, "0000000000000000 t abcdef123\n");
        *p = '\0';
        {
                _cleanup_close_ int fd = file_of(many);

                assert_int_equal(kallsyms_is_visible(fd), 0);
        }
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                bed_test(test_the_server_hands_over_what_was_asked_for),
                bed_test(test_the_server_says_what_is_wrong),
                cmocka_unit_test(test_a_wrong_request_is_not_even_asked),
                bed_test(test_nobody_behind_the_socket_is_not_connected),
                bed_test(test_answers_that_are_none_are_refused),
                bed_test(test_a_long_answer_is_none),
                cmocka_unit_test(test_a_refusal_without_a_server_says_so),
                bed_test(test_what_the_kernel_refuses_comes_from_the_server),
                cmocka_unit_test(test_hidden_kernel_symbols_are_told_from_visible_ones),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
