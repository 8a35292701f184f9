/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profilerd-web
 *
 * Shows stored profiles to browsers and to tools that speak HTTP. Reads the store and asks the bus,
 * nothing else. The socket comes from systemd; or, for one user, from here, with a token in the
 * address that is printed.
 */

#include <arpa/inet.h>
#include <getopt.h>
#include <locale.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "basic/log.h"
#include "basic/parse.h"
#include "basic/string-util.h"
#include "paths.h"
#include "web/web-app.h"

enum {
        TOKEN_BYTES = 16,
        BACKLOG = 128,
};

/* Started by its socket, it ends when nobody asks for so long. */
#define IDLE_USEC (5 * USEC_PER_MINUTE)

static const char *arg_directory = STATE_DIR;
static const char *arg_path = "/";
static char **arg_hosts;
static bool arg_private;
static unsigned arg_port;

static void help(void) {
        printf("profilerd-web [OPTIONS…]\n\n"
               "Show stored profiles by HTTP.\n"
               "Started by systemd through its socket; 'profilerctl web' is for one user.\n\n"
               "  -h --help            Show this help\n"
               "     --version         Show the version\n"
               "  -D --directory=PATH  The store (default: " STATE_DIR ")\n"
               "     --host=NAME       A name of this server, besides those of loopback\n"
               "     --private         Listen on loopback, and answer who has the token\n"
               "     --port=PORT       With --private: this port (default: a free one)\n"
               "     --path=PATH       With --private: the page of the address that is printed\n");
}

/* 1: go on, 0: done. */
static int parse_arguments(int argc, char *argv[]) {
        enum { ARG_VERSION = 0x100, ARG_HOST, ARG_PRIVATE, ARG_PORT, ARG_PATH };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "directory", required_argument, NULL, 'D' },
                { "host", required_argument, NULL, ARG_HOST },
                { "private", no_argument, NULL, ARG_PRIVATE },
                { "port", required_argument, NULL, ARG_PORT },
                { "path", required_argument, NULL, ARG_PATH },
                {},
        };

        for (;;)
                switch (getopt_long(argc, argv, "hD:", options, NULL)) {
                case 'h':
                        help();
                        return 0;
                case ARG_VERSION:
                        printf("profilerd-web %s\n", VERSION);
                        return 0;
                case 'D':
                        arg_directory = optarg;
                        break;
                case ARG_HOST:
                        if (strv_extend(&arg_hosts, optarg) < 0)
                                return log_oom();
                        break;
                case ARG_PRIVATE:
                        arg_private = true;
                        break;
                case ARG_PORT:
                        if (parse_unsigned(optarg, 0, UINT16_MAX, &arg_port) < 0)
                                return log_error_errno(-EINVAL, "Invalid port '%s'.", optarg);
                        break;
                case ARG_PATH:
                        if (optarg[0] != '/')
                                return log_error_errno(-EINVAL, "Invalid path '%s'.", optarg);
                        arg_path = optarg;
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

static int make_token(char ret[static 2 * TOKEN_BYTES + 1]) {
        uint8_t bytes[TOKEN_BYTES];

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return negative_errno();
        for (size_t i = 0; i < sizeof(bytes); i++)
                snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

static int listen_on(struct sockaddr_in *address) {
        socklen_t size = sizeof(*address);
        _cleanup_close_ int fd = -EBADF;
        int on = 1;

        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, (struct sockaddr *) address, size) < 0 || listen(fd, BACKLOG) < 0 ||
            getsockname(fd, (struct sockaddr *) address, &size) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* Browsers send the cookies of a host to all its ports, and behind another port of 127.0.0.1 may be
 * another user: so it is an address of our own, where the whole of 127.0.0.0/8 is loopback. */
static int listen_on_loopback(struct sockaddr_in *address) {
        uint32_t own;
        int r;

        *address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(arg_port) };
        if (getrandom(&own, sizeof(own), 0) != sizeof(own))
                return negative_errno();
        /* No byte is 0 or 255: neither 127.0.0.1 nor what stands for many. */
        own = (own & 0x7f7f7f) + 0x010101;
        address->sin_addr.s_addr = htonl(0x7f000000 | own);
        r = listen_on(address);
        if (r != -EADDRNOTAVAIL)
                return r;
        address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return listen_on(address);
}

/* The address becomes one of the names of this server. */
static int open_private(struct sockaddr_in *address) {
        char text[INET_ADDRSTRLEN];
        int fd;

        fd = listen_on_loopback(address);
        if (fd < 0)
                return log_error_errno(fd, "Failed to listen on loopback: %m");
        if (!inet_ntop(AF_INET, &address->sin_addr, text, sizeof(text)) ||
            strv_extend(&arg_hosts, text) < 0) {
                safe_close(fd);
                return log_oom();
        }
        return fd;
}

static int add_private(WebServer *s, int fd, const struct sockaddr_in *address, const char *token) {
        char text[INET_ADDRSTRLEN];
        int r;

        r = web_server_add_socket(s, fd);
        if (r < 0)
                return log_error_errno(r, "Failed to serve: %m");
        printf("http://%s:%u%s%ctoken=%s\n",
               inet_ntop(AF_INET, &address->sin_addr, text, sizeof(text)), ntohs(address->sin_port),
               arg_path, strchr(arg_path, '?') ? '&' : '?', token);
        fflush(stdout);
        return 0;
}

static int add_passed(WebServer *s) {
        int n, r;

        n = sd_listen_fds(true);
        if (n < 0)
                return log_error_errno(n, "Failed to look for sockets: %m");
        if (n == 0)
                return log_error_errno(-ENOTCONN,
                                       "No socket was passed: start it by profilerd-web.socket, or "
                                       "use 'profilerctl web'.");
        for (int i = 0; i < n; i++) {
                r = web_server_add_socket(s, SD_LISTEN_FDS_START + i);
                if (r < 0)
                        return log_error_errno(r, "Failed to serve a socket: %m");
        }
        return 0;
}

/* ---- the end ---- */

static int on_idle(sd_event_source *source, uint64_t t, void *userdata) {
        WebServer *s = userdata;

        (void) t;
        if (web_server_is_idle(s))
                return sd_event_exit(sd_event_source_get_event(source), 0);
        return sd_event_source_set_time_relative(source, IDLE_USEC);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        (void) info;
        (void) userdata;
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int add_sources(sd_event *event, WebServer *s) {
        static const int signals[] = { SIGTERM, SIGINT };
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(event, NULL, signals[i], on_signal, NULL);
                if (r < 0)
                        return r;
        }
        if (arg_private)
                return 0;
        r = sd_event_set_watchdog(event, true);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, IDLE_USEC, 0, on_idle, s);
}

static int serve(void) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(web_app_freep) WebApp *app = NULL;
        _cleanup_close_ int fd = -EBADF;
        char token[2 * TOKEN_BYTES + 1];
        WebAppOptions options = { .directory = arg_directory };
        struct sockaddr_in address;
        int r;

        if (arg_private) {
                r = make_token(token);
                if (r < 0)
                        return log_error_errno(r, "Failed to make a token: %m");
                options.token = token;
                fd = open_private(&address);
                if (fd < 0)
                        return fd;
        }
        options.hosts = arg_hosts;
        r = sd_event_new(&event);
        if (r >= 0)
                r = web_app_new(&app, event, &options);
        if (r >= 0)
                r = add_sources(event, web_app_get_server(app));
        if (r < 0)
                return log_error_errno(r, "Failed to start: %m");
        r = arg_private ? add_private(web_app_get_server(app), TAKE_FD(fd), &address, token)
                        : add_passed(web_app_get_server(app));
        if (r < 0)
                return r;
        (void) sd_notify(false, "READY=1");
        r = sd_event_loop(event);
        (void) sd_notify(false, "STOPPING=1");
        return r < 0 ? log_error_errno(r, "The event loop failed: %m") : 0;
}

int main(int argc, char *argv[]) {
        int r;

        setlocale(LC_ALL, "");
        log_setup();
        signal(SIGPIPE, SIG_IGN);
        r = parse_arguments(argc, argv);
        if (r > 0)
                r = serve();
        strv_free(arg_hosts);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
