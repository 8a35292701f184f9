/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profilerd
 *
 * How we start: arguments, configuration, manager, bus, loop. Nothing else lives here.
 */

#include <getopt.h>
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "basic/log.h"
#include "bus/bus.h"
#include "config-file.h"
#include "manager.h"
#include "paths.h"
#include "trigger-rule.h"

/* EX_CONFIG: the administrator has to change something; units do not restart after it. */
enum { EXIT_CONFIG = 78 };

/* Ready without a word from systemd: then the bus comes later. */
#define SYNC_PATIENCE_USEC (20 * USEC_PER_SEC)

static ManagerPaths arg_paths;
static bool arg_check_config;

static void help(FILE *f) {
        fputs("profilerd [OPTIONS...]\n\n"
              "Profile the CPU use of systemd units.\n\n"
              "  -h --help             Show this help\n"
              "     --version          Show the version\n"
              "     --check-config     Check the configuration, print it and exit\n"
              "     --config=FILE      Read this file only, no drop-ins\n"
              "     --root=DIR         Read the configuration below DIR\n"
              "     --store=DIR        Keep profiles in DIR\n"
              "     --cache=DIR        Keep indexes of ELF files in DIR\n"
              "     --worker=PATH      Program that reads ELF files\n"
              "     --open-socket=PATH Socket of profilerd-open\n"
              "     --log-level=LEVEL  debug, info, notice, warning or err\n\n"
              "See profilerd(8), profilerd.conf(5) and profilerctl(1).\n",
              f);
}

/* 1: go on, 0: done, < 0: wrong usage. */
static int parse_arguments(int argc, char *argv[]) {
        enum {
                ARG_VERSION = 0x100,
                ARG_CHECK_CONFIG,
                ARG_CONFIG,
                ARG_ROOT,
                ARG_STORE,
                ARG_CACHE,
                ARG_WORKER,
                ARG_OPEN_SOCKET,
                ARG_LOG_LEVEL,
        };
        /* clang-format off */
        static const struct option options[] = {
                { "help",         no_argument,       NULL, 'h'              },
                { "version",      no_argument,       NULL, ARG_VERSION      },
                { "check-config", no_argument,       NULL, ARG_CHECK_CONFIG },
                { "config",       required_argument, NULL, ARG_CONFIG       },
                { "root",         required_argument, NULL, ARG_ROOT         },
                { "store",        required_argument, NULL, ARG_STORE        },
                { "cache",        required_argument, NULL, ARG_CACHE        },
                { "worker",       required_argument, NULL, ARG_WORKER       },
                { "open-socket",  required_argument, NULL, ARG_OPEN_SOCKET  },
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
                        puts("profilerd " VERSION);
                        return 0;
                case ARG_CHECK_CONFIG:
                        arg_check_config = true;
                        break;
                case ARG_CONFIG:
                        arg_paths.config = optarg;
                        break;
                case ARG_ROOT:
                        arg_paths.root = optarg;
                        break;
                case ARG_STORE:
                        arg_paths.store = optarg;
                        break;
                case ARG_CACHE:
                        arg_paths.cache = optarg;
                        break;
                case ARG_WORKER:
                        arg_paths.worker = optarg;
                        break;
                case ARG_OPEN_SOCKET:
                        arg_paths.open_socket = optarg;
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
        _cleanup_(trigger_rules_done) TriggerRules rules = {};
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *text = NULL;
        bool complained = false;
        int r;

        r = arg_paths.config
                    ? config_load_file(&config, arg_paths.config, on_complaint, &complained)
                    : config_load(&config, arg_paths.root, on_complaint, &complained);
        if (r >= 0 && !arg_paths.config)
                r = trigger_rules_load(&rules, arg_paths.root, on_complaint, &complained);
        if (r < 0) {
                log_error_errno(r, "Failed to load the configuration: %m");
                return EXIT_CONFIG;
        }
        r = config_format(config, &text);
        if (r < 0) {
                log_oom();
                return EXIT_FAILURE;
        }
        fputs(text, stdout);
        return complained ? EXIT_CONFIG : EXIT_SUCCESS;
}

/* ---- signals and readiness ---- */

static int on_reload_signal(sd_event_source *source,
                            const struct signalfd_siginfo *si,
                            void *userdata) {
        (void) manager_reload(userdata, NULL); /* logs what is wrong */
        return 0;
}

static int add_signals(sd_event *event, Manager *m) {
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        sigaddset(&mask, SIGCHLD);
        /* Of a pipe that a session's caller has closed: writing to it says so as well. */
        (void) signal(SIGPIPE, SIG_IGN);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        if (r < 0)
                return r;
        r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
        if (r < 0)
                return r;
        return sd_event_add_signal(event, NULL, SIGHUP, on_reload_signal, m);
}

static void notify_ready(void) {
        (void) sd_notify(false, "READY=1");
}

static void on_synced(Bus *bus, void *userdata) {
        notify_ready();
}

static int on_patience_ended(sd_event_source *source, uint64_t usec, void *userdata) {
        Bus *bus = userdata;

        if (!bus_is_synced(bus))
                log_warning("systemd does not answer on the bus; units are taken up when it does.");
        notify_ready();
        return 0;
}

/* ---- the daemon ---- */

static int run(void) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(manager_freep) Manager *manager = NULL;
        _cleanup_(bus_freep) Bus *bus = NULL;
        int r;

        r = sd_event_default(&event);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the event loop: %m");
        r = manager_new(&manager, event, &arg_paths);
        if (r < 0)
                return log_oom();
        r = add_signals(event, manager);
        if (r < 0)
                return log_error_errno(r, "Failed to set up signals: %m");
        (void) sd_event_set_watchdog(event, true);

        r = bus_new(&bus, event, manager);
        if (r < 0)
                return log_oom();
        bus_set_on_synced(bus, on_synced, NULL);
        r = manager_start(manager);
        if (r < 0)
                return r;
        r = bus_start(bus);
        if (r < 0)
                return log_error_errno(r, "Failed to connect to the bus: %m");
        r = sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, SYNC_PATIENCE_USEC, 0,
                                       on_patience_ended, bus);
        if (r < 0)
                return log_error_errno(r, "Failed to add a timer: %m");

        r = sd_event_loop(event);
        (void) sd_notify(false, "STOPPING=1");
        manager_stop(manager);
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
        if (r == -EBADMSG || r == -EOPNOTSUPP)
                return EXIT_CONFIG;
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
