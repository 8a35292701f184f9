/* SPDX-License-Identifier: Apache-2.0 */
/* Opener */

#include <ctype.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "open/open-direct.h"
#include "open/open-pressure.h"
#include "open/opener.h"
#include "open/perf-attr.h"

/*
 * Absolute symbols have small addresses and the first is 0 on some machines, so one line does not
 * tell; where addresses are hidden all of them are 0.
 */
int kallsyms_is_visible(int fd) {
        bool in_address = true;
        char buffer[4096];
        int visible = 0;

        while (!visible) {
                ssize_t n = read(fd, buffer, sizeof(buffer));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                for (ssize_t i = 0; i < n && !visible; i++) {
                        if (buffer[i] == '\n')
                                in_address = true;
                        else if (!isxdigit((unsigned char) buffer[i]))
                                in_address = false;
                        else if (in_address && buffer[i] != '0')
                                visible = 1;
                }
        }
        return lseek(fd, 0, SEEK_SET) < 0 ? -errno : visible;
}

static int connect_to(const char *socket_path) {
        const struct timeval timeout = { .tv_sec = OPENER_TIMEOUT_USEC / USEC_PER_SEC };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        if (strlen(socket_path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, socket_path);

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;

        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -ENOTCONN;
        return TAKE_FD(fd);
}

/* The descriptor of a message; -EBADF: none, -EPROTO: there were several, and all are closed. */
static int take_descriptor(struct msghdr *message) {
        _cleanup_close_ int taken = -EBADF;
        size_t n_taken = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                size_t n;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++, n_taken++) {
                        safe_close(taken);
                        memcpy(&taken, CMSG_DATA(c) + i * sizeof(taken), sizeof(taken));
                }
        }
        return n_taken > 1 ? -EPROTO : TAKE_FD(taken);
}

int opener_receive(int connection) {
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        char data[sizeof(OpenAnswer) + 1]; /* a longer message is not taken for an answer */
        struct iovec iov = { data, sizeof(data) };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control),
        };
        _cleanup_close_ int fd = -EBADF;
        OpenAnswer answer;
        ssize_t n;

        do
                n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? -ETIMEDOUT : errno == ECONNRESET ? -EPROTO : -errno;

        fd = take_descriptor(&message);
        if (fd == -EPROTO || n != sizeof(answer) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
                return -EPROTO;
        memcpy(&answer, data, sizeof(answer));
        if (answer.magic != OPEN_MAGIC || answer.error > 0 || (answer.error == 0) != (fd >= 0))
                return -EPROTO;
        return answer.error < 0 ? answer.error : TAKE_FD(fd);
}

static int send_request(const char *socket_path, const void *request, size_t size) {
        _cleanup_close_ int connection = -EBADF;
        ssize_t n;

        connection = connect_to(socket_path);
        if (connection < 0)
                return connection;

        n = send(connection, request, size, MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN ? -ETIMEDOUT : errno == EPIPE ? -ENOTCONN : -errno;
        return TAKE_FD(connection);
}

int opener_send(const char *socket_path, const OpenRequest *request) {
        return send_request(socket_path, request, sizeof(*request));
}

static int ask(const char *socket_path, const void *request, size_t size) {
        _cleanup_close_ int connection = -EBADF;

        connection = send_request(socket_path, request, size);
        return connection < 0 ? connection : opener_receive(connection);
}

int opener_ask(const char *socket_path, const OpenRequest *request) {
        return ask(socket_path, request, sizeof(*request));
}

/* -EPERM also where what was opened shows nothing. */
static int open_visible(const OpenRequest *request) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = open_direct(request);
        if (fd < 0 || request->kind != OPEN_KALLSYMS)
                return TAKE_FD(fd);

        r = kallsyms_is_visible(fd);
        if (r < 0)
                return r;
        return r > 0 ? TAKE_FD(fd) : -EPERM;
}

int opener_open(const char *socket_path, const OpenRequest *request) {
        int fd, r;

        r = open_request_check(request);
        if (r < 0)
                return r;

        fd = open_visible(request);
        /* A sandbox may hide the file altogether (ProcSubset=pid). */
        if (fd == -ENOENT && request->kind == OPEN_KALLSYMS)
                fd = -EPERM;
        if (!socket_path || (fd != -EACCES && fd != -EPERM))
                return fd;
        return opener_ask(socket_path, request);
}

int opener_open_pressure(const char *socket_path, const OpenPressureRequest *request) {
        int fd, r;

        r = open_pressure_check(request);
        if (r < 0)
                return r;

        fd = open_pressure(request);
        if (!socket_path || (fd != -EACCES && fd != -EPERM && fd != -EROFS))
                return fd;
        return ask(socket_path, request, sizeof(*request));
}
