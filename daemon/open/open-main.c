/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profilerd-open
 *
 * Opens perf events and the kernel's symbols for profilerd on hosts where that takes CAP_SYS_ADMIN
 * or CAP_SYSLOG, so that profilerd needs neither. Started by its socket, gone when nobody asks.
 */

#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "basic/log.h"
#include "open/open-filter.h"
#include "open/open-server.h"
#include "paths.h"

#define OPEN_IDLE_USEC (10 * USEC_PER_SEC)

static const char *arg_user = "profilerd";

static void help(void) {
        printf("profilerd-open [OPTIONS…]\n\n"
               "Open perf events and kernel symbols for profilerd.\n"
               "Started by systemd through its socket.\n\n"
               "  -h --help       Show this help\n"
               "     --version    Show the version\n"
               "     --user=NAME  Serve this user besides root (default: profilerd)\n");
}

/* 1: go on, 0: done. */
static int parse_arguments(int argc, char *argv[]) {
        enum { ARG_VERSION = 0x100, ARG_USER };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "user", required_argument, NULL, ARG_USER },
                {},
        };

        for (;;)
                switch (getopt_long(argc, argv, "h", options, NULL)) {
                case 'h':
                        help();
                        return 0;
                case ARG_VERSION:
                        printf("profilerd-open %s\n", VERSION);
                        return 0;
                case ARG_USER:
                        arg_user = optarg;
                        break;
                case -1:
                        if (optind < argc)
                                return log_error_errno(-EINVAL, "Unexpected argument '%s'.",
                                                       argv[optind]);
                        return 1;
                default:
                        return -EINVAL;
                }
}

static int find_user(uid_t *ret) {
        const struct passwd *user;

        errno = 0;
        user = getpwnam(arg_user);
        if (!user)
                return log_error_errno(errno > 0 ? -errno : -ESRCH,
                                       "There is no user '%s': run systemd-sysusers, or name one "
                                       "with --user=.",
                                       arg_user);
        *ret = user->pw_uid;
        return 0;
}

static int take_listener(void) {
        const int fd = SD_LISTEN_FDS_START;
        int r;

        r = sd_listen_fds(true);
        if (r < 0)
                return log_error_errno(r, "Failed to take the socket from systemd: %m");
        if (r != 1 || sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 1) <= 0)
                return log_error_errno(-EINVAL,
                                       "Expected one listening SOCK_SEQPACKET unix socket from "
                                       "systemd: start profilerd-open.socket instead.");
        return fd;
}

/* What the kernel refuses is for profilerd to tell; what nobody but profilerd should have asked is
 * for us. */
static void on_error(int error) {
        bool is_odd = error == -EACCES || error == -EBADMSG || error == -EINVAL;

        (void) log_full(is_odd ? LOG_WARNING : LOG_DEBUG, error, NULL, "Request refused: %m");
}

static int run(int argc, char *argv[]) {
        int listener, r;
        uid_t uid = 0;

        r = parse_arguments(argc, argv);
        if (r <= 0)
                return r;

        listener = take_listener();
        if (listener < 0)
                return listener;
        r = find_user(&uid);
        if (r < 0)
                return r;
        (void) signal(SIGPIPE, SIG_IGN);

        r = open_filter_install();
        if (r < 0)
                return log_error_errno(r, "Failed to restrict the system calls: %m");

        r = open_server_run(listener, uid, OPEN_IDLE_USEC, on_error);
        if (r < 0)
                return log_error_errno(r, "Failed to serve: %m");
        return 0;
}

int main(int argc, char *argv[]) {
        log_setup();
        return run(argc, argv) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
