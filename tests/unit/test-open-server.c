/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Server of profilerd-open */

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "open/open-server.h"
#include "unit-test.h"

static const OpenRequest kallsyms = { OPEN_MAGIC, OPEN_KALLSYMS, 0, 0 };

static void make_pair(int pair[static 2]) {
        assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), errno);
}

/* Sends a message, has it served, and returns the answer's error or its descriptor. */
static int ask(const void *data, size_t size, int *ret_result) {
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
        OpenAnswer answer = {};
        struct iovec iov = { &answer, sizeof(answer) };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *c;
        int pair[2], fd = -EBADF;

        make_pair(pair);
        assert_int_equal(send(pair[0], data, size, 0), size);
        *ret_result = open_server_serve(pair[1], geteuid());
        safe_close(pair[1]);
        assert_int_equal(recvmsg(pair[0], &message, 0), sizeof(answer));
        safe_close(pair[0]);

        assert_int_equal(answer.magic, OPEN_MAGIC);
        c = CMSG_FIRSTHDR(&message);
        if (!c)
                return answer.error;
        assert_int_equal(answer.error, 0);
        assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(int)));
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        return fd;
}

static void test_a_good_request_gets_a_descriptor_for_reading(void **state) {
        _cleanup_close_ int fd = -EBADF;
        char c;
        int r;

        fd = ask(&kallsyms, sizeof(kallsyms), &r);
        assert_return_code(r, 0);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(read(fd, &c, 1), 1);
}

static void test_a_message_of_another_size_is_no_request(void **state) {
        char long_one[sizeof(OpenRequest) + 1] = {}, huge[4096] = {};
        int r;

        memcpy(long_one, &kallsyms, sizeof(kallsyms));
        memcpy(huge, &kallsyms, sizeof(kallsyms));
        assert_int_equal(ask(&kallsyms, sizeof(kallsyms) - 1, &r), -EBADMSG);
        assert_int_equal(r, -EBADMSG);
        assert_int_equal(ask(long_one, sizeof(long_one), &r), -EBADMSG);
        assert_int_equal(ask(huge, sizeof(huge), &r), -EBADMSG);
        assert_int_equal(ask("", 1, &r), -EBADMSG);
}

static void test_a_wrong_request_is_answered_with_its_fault(void **state) {
        OpenRequest request = kallsyms;
        int r;

        request.magic++;
        assert_int_equal(ask(&request, sizeof(request), &r), -EBADMSG);
        request = kallsyms;
        request.kind = _OPEN_KIND_MAX;
        assert_int_equal(ask(&request, sizeof(request), &r), -EINVAL);
        request = (OpenRequest){ OPEN_MAGIC, OPEN_CPU_CLOCK, 4096, 99 };
        assert_int_equal(ask(&request, sizeof(request), &r), -EINVAL);
        request = (OpenRequest){ OPEN_MAGIC, OPEN_CPU_CLOCK, 0, 0 };
        assert_int_equal(ask(&request, sizeof(request), &r), -EINVAL);
        assert_int_equal(r, -EINVAL);
}

static void test_a_wrong_request_of_pressure_is_answered_with_its_fault(void **state) {
        OpenPressureRequest request = {
                .magic = OPEN_PRESSURE_MAGIC,
                .stall_usec = USEC_PER_SEC,
                .window_usec = USEC_PER_SEC,
                .control_group = "/",
        };
        int r;

        assert_int_equal(ask(&request, sizeof(request), &r), -EINVAL);
        assert_int_equal(ask(&request, sizeof(request) - 1, &r), -EBADMSG);
        request.window_usec = 2 * USEC_PER_SEC;
        strcpy(request.control_group, "/../etc");
        assert_int_equal(ask(&request, sizeof(request), &r), -EINVAL);
        request.magic = OPEN_MAGIC;
        assert_int_equal(ask(&request, sizeof(request), &r), -EBADMSG);
        assert_int_equal(r, -EBADMSG);
}

/* No machine of ours has that CPU; what is refused before is as good. */
static void test_what_the_kernel_says_is_handed_on(void **state) {
        OpenRequest request = { OPEN_MAGIC, OPEN_RECORDS, OPEN_CPU_MAX - 1, 0 };
        int r, error;

        error = ask(&request, sizeof(request), &r);
        assert_true(error < 0);
        assert_int_equal(r, error);
}

static void test_another_user_gets_nothing(void **state) {
        _cleanup_close_ int a = -EBADF, b = -EBADF;
        const bool is_root = geteuid() == 0;
        OpenAnswer answer;
        int pair[2];

        if (is_root)
                assert_return_code(seteuid(65534), errno);
        make_pair(pair);
        a = pair[0];
        b = pair[1];
        if (is_root)
                assert_return_code(seteuid(0), errno);

        assert_int_equal(send(a, &kallsyms, sizeof(kallsyms), 0), sizeof(kallsyms));
        assert_int_equal(open_server_serve(b, 12345), -EACCES);
        b = safe_close(b);
        assert_int_equal(recv(a, &answer, sizeof(answer), 0), sizeof(answer));
        assert_int_equal(answer.error, -EACCES);
}

static void test_descriptors_that_come_along_are_closed(void **state) {
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        struct iovec iov = { (void *) &kallsyms, sizeof(kallsyms) };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        int pair[2], pipes[2];
        char byte;

        make_pair(pair);
        assert_return_code(pipe(pipes), errno);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pipes[1], sizeof(int));
        assert_int_equal(sendmsg(pair[0], &message, 0), sizeof(kallsyms));
        safe_close(pipes[1]);

        assert_return_code(open_server_serve(pair[1], geteuid()), 0);
        assert_int_equal(read(pipes[0], &byte, 1), 0); /* no writer is left */
        safe_close(pipes[0]);
        safe_close(pair[0]);
        safe_close(pair[1]);
}

static void test_a_peer_that_is_gone_is_an_error_of_its_own(void **state) {
        int pair[2];

        make_pair(pair);
        safe_close(pair[0]);
        assert_true(open_server_serve(pair[1], geteuid()) < 0);
        safe_close(pair[1]);
}

static void test_an_idle_server_ends(void **state) {
        _cleanup_close_ int listener = -EBADF;
        struct sockaddr_un anywhere = { .sun_family = AF_UNIX };

        listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_true(listener >= 0);
        assert_return_code(bind(listener, (struct sockaddr *) &anywhere, sizeof(sa_family_t)),
                           errno);
        assert_return_code(listen(listener, 1), errno);
        assert_int_equal(open_server_run(listener, geteuid(), 1000, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_good_request_gets_a_descriptor_for_reading),
                cmocka_unit_test(test_a_message_of_another_size_is_no_request),
                cmocka_unit_test(test_a_wrong_request_is_answered_with_its_fault),
                cmocka_unit_test(test_a_wrong_request_of_pressure_is_answered_with_its_fault),
                cmocka_unit_test(test_what_the_kernel_says_is_handed_on),
                cmocka_unit_test(test_another_user_gets_nothing),
                cmocka_unit_test(test_descriptors_that_come_along_are_closed),
                cmocka_unit_test(test_a_peer_that_is_gone_is_an_error_of_its_own),
                cmocka_unit_test(test_an_idle_server_ends),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
