/* SPDX-License-Identifier: Apache-2.0 */
/* Server of profilerd-open */

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "open/open-direct.h"
#include "open/open-pressure.h"
#include "open/open-server.h"
#include "open/perf-attr.h"

static int check_peer(int connection, uid_t uid) {
        struct ucred peer = { .uid = (uid_t) -1 };
        socklen_t size = sizeof(peer);

        if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        return size == sizeof(peer) && (peer.uid == 0 || peer.uid == uid) ? 0 : -EACCES;
}

typedef union Request {
        OpenRequest plain;
        OpenPressureRequest pressure;
} Request;

/* 0: a plain one, 1: of pressure. Without a place for descriptors: the kernel closes those that
 * come along. */
static int receive_request(int connection, Request *ret) {
        const struct timeval timeout = { .tv_sec = OPEN_REQUEST_USEC / USEC_PER_SEC };
        char data[sizeof(Request) + 1];
        ssize_t n;
        int r;

        if (setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        do
                n = recv(connection, data, sizeof(data), 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n == sizeof(ret->plain)) {
                memcpy(&ret->plain, data, sizeof(ret->plain));
                return open_request_check(&ret->plain);
        }
        if (n != sizeof(ret->pressure))
                return -EBADMSG;
        memcpy(&ret->pressure, data, sizeof(ret->pressure));
        r = open_pressure_check(&ret->pressure);
        return r < 0 ? r : 1;
}

static int send_answer(int connection, int fd_or_error) {
        OpenAnswer answer = { OPEN_MAGIC, MIN(fd_or_error, 0) };
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        struct iovec iov = { &answer, sizeof(answer) };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (fd_or_error >= 0) {
                struct cmsghdr *c;

                message.msg_control = control;
                message.msg_controllen = sizeof(control);
                c = CMSG_FIRSTHDR(&message);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &fd_or_error, sizeof(int));
        }
        return sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int open_server_serve(int connection, uid_t uid) {
        _cleanup_close_ int fd = -EBADF;
        Request request;
        int r, k;

        /* Taken from the socket in any case: a peer whose message is left behind finds its
         * connection reset, and no answer. */
        r = receive_request(connection, &request);
        k = check_peer(connection, uid);
        if (k < 0)
                r = k;
        if (r >= 0)
                r = fd = r > 0 ? open_pressure(&request.pressure) : open_direct(&request.plain);

        k = send_answer(connection, r);
        return r < 0 ? r : k;
}

int open_server_run(int listener, uid_t uid, usec_t idle_usec, void (*on_error)(int error)) {
        for (;;) {
                struct pollfd p = { .fd = listener, .events = POLLIN };
                _cleanup_close_ int connection = -EBADF;
                int r;

                r = poll(&p, 1, (int) (idle_usec / USEC_PER_MSEC));
                if (r == 0)
                        return 0;
                if (r > 0)
                        connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (r < 0 || connection < 0) {
                        /* A peer that gave up before its turn is none of our trouble. */
                        if (errno == EINTR || errno == EAGAIN || errno == ECONNABORTED)
                                continue;
                        return negative_errno();
                }

                r = open_server_serve(connection, uid);
                if (r < 0 && on_error)
                        on_error(r);
        }
}
