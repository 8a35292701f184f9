/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profilerd-upload
 *
 * How we start and stop: arguments, uploader, bus, loop. Nothing else lives here.
 */

#include <getopt.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "basic/log.h"
#include "paths.h"
#include "upload/upload-bus.h"

/* EX_CONFIG: the administrator has to change something; units do not restart after it. */
enum { EXIT_CONFIG = 78 };

static UploaderPaths arg_paths;
static bool arg_check_config;

static void help(FILE *f) {
        fputs("profilerd-upload [OPTIONS...]\n\n"
              "Send stored profiles to the servers of uploads.d/.\n\n"
              "  -h --help             Show this help\n"
              "     --version          Show the version\n"
              "     --check-config     Check the configuration, print the targets and exit\n"
              "     --root=DIR         Read the configuration below DIR\n"
              "     --store=DIR        Read profiles from DIR\n"
              "     --state=DIR        Keep note of what was sent in DIR\n"
              "     --log-level=LEVEL  debug, info, notice, warning or err\n\n"
              "See profilerd-upload(8) and profilerctl(1).\n",
              f);
}

/* 1: go on, 0: done, < 0: wrong usage. */
static int parse_arguments(int argc, char *argv[]) {
        enum {
                ARG_VERSION = 0x100,
                ARG_CHECK_CONFIG,
                ARG_ROOT,
                ARG_STORE,
                ARG_STATE,
                ARG_LOG_LEVEL,
        };
        /* clang-format off */
        static const struct option options[] = {
                { "help",         no_argument,       NULL, 'h'              },
                { "version",      no_argument,       NULL, ARG_VERSION      },
                { "check-config", no_argument,       NULL, ARG_CHECK_CONFIG },
                { "root",         required_argument, NULL, ARG_ROOT         },
                { "store",        required_argument, NULL, ARG_STORE        },
                { "state",        required_argument, NULL, ARG_STATE        },
                { "log-level",    required_argument, NULL, ARG_LOG_LEVEL    },
                {}
        };
        /* clang-format on */
        int c, level;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help(stdout);
                        return 0;
                case ARG_VERSION:
                        puts("profilerd-upload " VERSION);
                        return 0;
                case ARG_CHECK_CONFIG:
                        arg_check_config = true;
                        break;
                case ARG_ROOT:
                        arg_paths.root = optarg;
                        break;
                case ARG_STORE:
                        arg_paths.store = optarg;
                        break;
                case ARG_STATE:
                        arg_paths.state = optarg;
                        break;
                case ARG_LOG_LEVEL:
                        level = log_level_from_string(optarg);
                        if (level < 0)
                                return log_error_errno(-EINVAL, "Unknown log level '%s'.", optarg);
                        log_set_max_level(level);
                        break;
                default:
                        return -EINVAL;
                }
        if (optind < argc)
                return log_error_errno(-EINVAL, "Unexpected argument '%s'.", argv[optind]);
        return 1;
}

/* ---- --check-config ---- */

static void on_complaint(const char *file, unsigned line, const char *sentence, void *userdata) {
        _cleanup_free_ char *text = NULL;
        bool *complained = userdata;

        text = config_complaint_format(file, line, sentence);
        log_warning("%s", text ? text : sentence);
        *complained = true;
}

static int check_config(void) {
        UploadTarget *targets = NULL;
        bool complained = false;
        size_t n = 0;
        int r;

        r = upload_targets_load(arg_paths.root, on_complaint, &complained, &targets, &n);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to load the configuration: %m");
                return EXIT_CONFIG;
        }
        for (size_t i = 0; i < n; i++)
                printf("%s\t%s\t%s\n", targets[i].name, targets[i].protocol->name, targets[i].url);
        upload_targets_free(targets, n);
        return complained ? EXIT_CONFIG : EXIT_SUCCESS;
}

/* ---- signals ---- */

static void on_stopped(void *userdata) {
        (void) sd_event_exit(userdata, 0);
}

typedef struct Program {
        sd_event *event;
        Uploader *uploader;
} Program;

static int on_stop_signal(sd_event_source *source _unused_,
                          const struct signalfd_siginfo *si _unused_,
                          void *userdata) {
        Program *p = userdata;

        (void) sd_notify(false, "STOPPING=1");
        uploader_stop(p->uploader, on_stopped, p->event);
        return 0;
}

static int on_reload_signal(sd_event_source *source _unused_,
                            const struct signalfd_siginfo *si _unused_,
                            void *userdata) {
        Program *p = userdata;

        (void) uploader_reload(p->uploader); /* logs what is wrong */
        return 0;
}

static int add_signals(Program *p) {
        sigset_t mask;
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(p->event, NULL, SIGTERM, on_stop_signal, p);
        if (r >= 0)
                r = sd_event_add_signal(p->event, NULL, SIGINT, on_stop_signal, p);
        if (r >= 0)
                r = sd_event_add_signal(p->event, NULL, SIGHUP, on_reload_signal, p);
        return r;
}

static int run(void) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(uploader_freep) Uploader *uploader = NULL;
        _cleanup_(upload_bus_freep) UploadBus *bus = NULL;
        Program program;
        int r;

        r = sd_event_default(&event);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the event loop: %m");
        r = uploader_new(&uploader, event, &arg_paths);
        if (r < 0)
                return r;
        program = (Program){ event, uploader };
        r = add_signals(&program);
        if (r < 0)
                return log_error_errno(r, "Failed to set up signals: %m");
        (void) sd_event_set_watchdog(event, true);

        r = uploader_start(uploader);
        if (r < 0)
                return r;
        r = upload_bus_new(&bus, event, uploader);
        if (r < 0)
                return log_oom();
        (void) sd_notify(false, "READY=1");
        r = sd_event_loop(event);
        return r < 0 ? log_error_errno(r, "Failed to run the event loop: %m") : 0;
}

int main(int argc, char *argv[]) {
        int r;

        log_setup();
        r = parse_arguments(argc, argv);
        if (r < 0)
                return EXIT_FAILURE;
        if (r == 0)
                return EXIT_SUCCESS;
        if (arg_check_config)
                return check_config();

        r = run();
        if (r == -ENOENT)
                return EXIT_CONFIG;
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
