/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profilerctl
 *
 * Options may stand anywhere, as with systemd's tools; the first other word is the verb. A new verb
 * is a row in the table and a function in the file of its group.
 */

#include <getopt.h>
#include <limits.h>
#include <locale.h>

#include "basic/parse.h"
#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-time.h"
#include "ctl/ctl.h"
#include "paths.h"

enum {
        NAMES_ANY = UINT_MAX,
};

/* The store below --root=. */
static char arg_store[PATH_MAX];

typedef struct Verb {
        const char *name;
        const char *arguments; /* for the help text */
        unsigned names_min, names_max;
        int (*run)(const Ctl *c, char **names);
        const char *help;
} Verb;

/* A row without a function is the title of the group below it. */
/* clang-format off */
static const Verb verbs[] = {
        { .name = "Look at profiles" },
        { "status", "[UNIT...]", 0, NAMES_ANY, verb_status, "The daemon, its store and its units (default)" },
        { "list",   "[UNIT...]", 0, NAMES_ANY, verb_list,   "Stored profiles" },
        { "info",   "NAME...",   1, NAMES_ANY, verb_info,   "All that a profile says about itself" },
        { "report", "NAME...",   1, NAMES_ANY, verb_report, "Where the time went, on one page" },
        { "top",    "[UNIT]",    0, 1,         verb_top,    "What runs now: the units, or the functions of one" },
        { "diff",   "NAME...",   1, NAMES_ANY, verb_diff,   "What has changed, without the noise" },
        { "symbols", "[NAME...]", 0, NAMES_ANY, verb_symbols, "Which files have names, and how to get more" },
        { "flame",  "NAME...",   1, NAMES_ANY, verb_flame,  "Flame graph as one file of HTML or SVG" },
        { "web",    "[UNIT]",    0, 1,         verb_web,    "Pages for the browser, until Ctrl-C" },
        { .name = "Look closer, now" },
        { "record", "[UNIT]",    0, NAMES_ANY, verb_record, "Record a unit, a process or the host for a while" },
        { "trigger", "NAME UNIT", 2, 2,        verb_trigger, "Set off a trigger by hand" },
        { "sessions", "",        0, 0,         verb_sessions, "Who records what, and what is still kept" },
        { .name = "Take profiles elsewhere" },
        { "export", "NAME...",   1, NAMES_ANY, verb_export, "For another tool: pprof, folded, speedscope, ..." },
        { "merge",  "NAME...",   1, NAMES_ANY, verb_merge,  "Many profiles as one file of pprof" },
        { "verify", "[NAME...]", 0, NAMES_ANY, verb_verify, "Check files against the rules of pprof" },
        { .name = "Manage the store" },
        { "disk-usage", "[UNIT...]", 0, NAMES_ANY, verb_disk_usage, "What profiles take, by unit and day" },
        { "vacuum", "[UNIT...]", 0, NAMES_ANY, verb_vacuum, "Remove old profiles" },
        { "compact", "[UNIT...]", 0, NAMES_ANY, verb_compact, "Make one file of the old profiles of an hour" },
        { .name = "Manage the daemon" },
        { "monitor", "[UNIT...]", 0, NAMES_ANY, verb_monitor, "A line for each profile as it is written" },
        { "uploads", "[TARGET...]", 0, NAMES_ANY, verb_uploads, "Where profiles are sent, and how that goes" },
        { "reload", "",          0, 0,         verb_reload, "Read the configuration again" },
        { "flush",  "[UNIT...]", 0, NAMES_ANY, verb_flush,  "End the open windows and store their profiles" },
        { "set",    "[UNIT] KEY=VALUE...", 1, NAMES_ANY, verb_set, "Change settings until the next boot" },
        { "pause",  "",          0, 0,         verb_pause,  "Take no samples until it is resumed" },
        { "resume", "",          0, 0,         verb_resume, "Go on sampling" },
        { "doctor", "[UNIT...]", 0, NAMES_ANY, verb_doctor, "Find what makes profiles poor, and the remedy" },
        { "help",   "",          0, 0,         NULL,        "This text" },
};
/* clang-format on */

static bool is_title(const Verb *v) {
        return !v->help;
}

static const Verb *find_verb(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (!is_title(&verbs[i]) && streq(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

static int help(const Ctl *c) {
        ctl_start_output(c);
        printf("profilerctl [OPTIONS...] [VERB] [NAME...]\n\n"
               "Look at what profilerd sampled, and manage it.\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                const Verb *v = &verbs[i];

                if (is_title(v))
                        printf("\n%s:\n", v->name);
                else
                        printf("  %-10s %-11s %s\n", v->name, v->arguments, v->help);
        }
        printf("\nOptions:\n"
               "  -h --help               Show this text\n"
               "     --version            Show the version\n"
               "  -S --since=TIME         From this time on: '-1h', '14:00', 'boot', 'restart'\n"
               "  -U --until=TIME         Up to this time\n"
               "  -n N                    The newest N profiles\n"
               "  -1                      The newest profile\n"
               "  -r --reverse            Newest first\n"
               "     --type=TYPE          Profiles of this type: cpu, offcpu; record: or both\n"
               "     --by=WHAT            Rows of a report: function, line, binary, thread, pid;\n"
               "                          of disk-usage: day\n"
               "     --peek=REGEX         Callers and callees of such functions\n"
               "  -d --delay=SPAN         Top: time between two pictures, 2s\n"
               "     --sort=WHAT          Top: self or cum\n"
               "     --lines=N            Rows of a report, 0 for all (default: %d)\n"
               "     --all                Leave nothing out\n"
               "     --base-since=TIME    Compare with the time from here on,\n"
               "     --base-until=TIME    and up to here (default: the --since= time)\n"
               "     --restart[=N]        Compare before and after the last, or Nth last, start\n"
               "     --boot[=N]           Compare this boot with the last, or Nth last, before\n"
               "     --normalize          Compare shares of the total\n"
               "     --focus=REGEX        Only stacks with such a function\n"
               "     --hide=REGEX         Leave such functions out\n"
               "     --invert             Callers below callees: who calls what is hot\n"
               "     --size=BYTES         Vacuum: keep so much, '500M'\n"
               "     --time=SPAN          Vacuum, compact: leave what is younger, '7d'\n"
               "     --files=N            Vacuum: keep the newest N of each unit\n"
               "     --for=SPAN           Record: so long (default: 10s)\n"
               "     --frequency=HZ       Record: samples a second (default: as the daemon)\n"
               "     --pid=PID            Record a process with all its threads\n"
               "     --cgroup=/PATH       Record a control group\n"
               "     --host               Record everything\n"
               "     --children           With --pid=: what it starts, too\n"
               "     --no-kernel          Record: only what is done in user mode, or for it\n"
               "     --no-user            Record: only what is done in the kernel\n"
               "     --store              Record: keep the result in the store as well\n"
               "  -o --output=FILE        Write the result here, '-' is the standard output\n"
               "     --format=FORMAT      pprof, folded, speedscope, firefox, json, otlp\n"
               "  -D --directory=DIR      Read this store instead of %s\n"
               "     --root=DIR           Read the store of the system below DIR\n"
               "     --json=MODE          short, pretty or off\n"
               "     --no-pager           Do not pipe the output into a pager\n"
               "     --no-legend          No headings and footers\n"
               "  -q --quiet              No hints\n"
               "\nUNIT: 'nginx' is nginx.service, 'app@*' matches many. NAME: a unit, or a file "
               "of\n"
               "pprof (it has a '/' or ends in .pb.gz). More in profilerctl(1).\n",
               CTL_LINES_DEFAULT, STATE_DIR);
        return EXIT_CODE_OK;
}

static int usage_error(const char *what, const char *value) {
        return ctl_error(EXIT_CODE_USAGE, NULL, "'profilerctl --help' lists what there is.", what,
                         value);
}

enum {
        OPTION_VERSION = 0x100,
        OPTION_NO_PAGER,
        OPTION_NO_LEGEND,
        OPTION_JSON,
        OPTION_TYPE,
        OPTION_ALL,
        OPTION_LINES,
        OPTION_BY,
        OPTION_FORMAT,
        OPTION_BASE_SINCE,
        OPTION_BASE_UNTIL,
        OPTION_RESTART,
        OPTION_BOOT,
        OPTION_NORMALIZE,
        OPTION_FOCUS,
        OPTION_HIDE,
        OPTION_INVERT,
        OPTION_SIZE,
        OPTION_TIME,
        OPTION_FILES,
        OPTION_PEEK,
        OPTION_SORT,
        OPTION_FOR,
        OPTION_FREQUENCY,
        OPTION_PID,
        OPTION_CGROUP,
        OPTION_HOST,
        OPTION_CHILDREN,
        OPTION_STORE,
        OPTION_NO_KERNEL,
        OPTION_NO_USER,
        OPTION_ROOT,
};

/* What parsing can end in beside an exit code. */
enum {
        PARSED_RUN = -1, /* go on with the verb */
        PARSED_HELP = -2,
};

static int parse_count(const char *s, size_t *ret) {
        unsigned n;

        if (parse_unsigned(s, 0, UINT_MAX, &n) < 0)
                return usage_error("Invalid number '%s'.", s);
        *ret = n;
        return PARSED_RUN;
}

/* "--restart" is the last one. */
static int parse_which(const char *s, unsigned *ret) {
        *ret = 1;
        if (s && parse_unsigned(s, 1, UINT_MAX, ret) < 0)
                return usage_error("Invalid number '%s'.", s);
        return PARSED_RUN;
}

static int parse_record_option(Ctl *c, int option, char *value) {
        switch (option) {
        case OPTION_FOR:
                c->record_for = value;
                return PARSED_RUN;
        case OPTION_FREQUENCY:
                c->record_frequency = value;
                return PARSED_RUN;
        case OPTION_PID:
                c->record_pid = value;
                return PARSED_RUN;
        case OPTION_CGROUP:
                c->record_cgroup = value;
                return PARSED_RUN;
        case OPTION_HOST:
                c->record_host = true;
                return PARSED_RUN;
        case OPTION_CHILDREN:
                c->record_children = true;
                return PARSED_RUN;
        case OPTION_STORE:
                c->record_store = true;
                return PARSED_RUN;
        case OPTION_NO_KERNEL:
                c->record_no_kernel = true;
                return PARSED_RUN;
        case OPTION_NO_USER:
                c->record_no_user = true;
                return PARSED_RUN;
        default: /* getopt has said what is wrong */
                fprintf(stderr, "'profilerctl --help' lists what there is.\n");
                return EXIT_CODE_USAGE;
        }
}

/* Options of comparisons and flame graphs. */
static int parse_graph_option(Ctl *c, int option, char *value) {
        switch (option) {
        case OPTION_BASE_SINCE:
                c->base_since = value;
                return PARSED_RUN;
        case OPTION_BASE_UNTIL:
                c->base_until = value;
                return PARSED_RUN;
        case OPTION_RESTART:
                return parse_which(value, &c->restart);
        case OPTION_BOOT:
                return parse_which(value, &c->boot);
        case OPTION_NORMALIZE:
                c->normalize = true;
                return PARSED_RUN;
        case OPTION_FOCUS:
                c->focus = value;
                return PARSED_RUN;
        case OPTION_HIDE:
                c->hide = value;
                return PARSED_RUN;
        case OPTION_PEEK:
                c->peek = value;
                return PARSED_RUN;
        case OPTION_SIZE:
                c->vacuum_size = value;
                return PARSED_RUN;
        case OPTION_TIME:
                c->vacuum_time = value;
                return PARSED_RUN;
        case OPTION_FILES:
                c->vacuum_files = value;
                return PARSED_RUN;
        case OPTION_INVERT:
                c->invert = true;
                return PARSED_RUN;
        default:
                return parse_record_option(c, option, value);
        }
}

static int parse_option(Ctl *c, int option, char *value) {
        switch (option) {
        case 'h':
                return PARSED_HELP;
        case OPTION_VERSION:
                printf("profilerctl %s\n", VERSION);
                return EXIT_CODE_OK;
        case 'S':
                c->since = value;
                return PARSED_RUN;
        case 'U':
                c->until = value;
                return PARSED_RUN;
        case 'n':
                return parse_count(value, &c->n_newest);
        case '1':
                c->n_newest = 1;
                return PARSED_RUN;
        case 'r':
                c->reverse = true;
                return PARSED_RUN;
        case 'q':
                c->quiet = true;
                return PARSED_RUN;
        case 'd':
                c->delay = value;
                return PARSED_RUN;
        case OPTION_ROOT:
                snprintf(arg_store, sizeof(arg_store), "%s%s", value, STATE_DIR);
                c->directory = arg_store;
                return PARSED_RUN;
        case OPTION_SORT:
                c->sort = value;
                return PARSED_RUN;
        case 'D':
                c->directory = value;
                return PARSED_RUN;
        case 'o':
                c->output = value;
                return PARSED_RUN;
        case OPTION_FORMAT:
                c->format = value;
                return PARSED_RUN;
        case OPTION_NO_PAGER:
                c->pager = false;
                return PARSED_RUN;
        case OPTION_NO_LEGEND:
                c->legend = false;
                return PARSED_RUN;
        case OPTION_TYPE:
                c->type = value;
                return PARSED_RUN;
        case OPTION_ALL:
                c->all = true;
                return PARSED_RUN;
        case OPTION_LINES:
                return parse_count(value, &c->n_lines);
        case OPTION_JSON:
                c->json = json_mode_from_string(value);
                return c->json < 0 ? usage_error("Invalid --json=%s.", value) : PARSED_RUN;
        case OPTION_BY:
                c->by_day = streq(value, "day");
                if (c->by_day)
                        return PARSED_RUN;
                c->by = report_grouping_from_string(value);
                return c->by < 0 ? usage_error("Invalid --by=%s.", value) : PARSED_RUN;
        default:
                return parse_graph_option(c, option, value);
        }
}

static int parse_options(Ctl *c, int argc, char **argv) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { "no-pager", no_argument, NULL, OPTION_NO_PAGER },
                { "no-legend", no_argument, NULL, OPTION_NO_LEGEND },
                { "quiet", no_argument, NULL, 'q' },
                { "since", required_argument, NULL, 'S' },
                { "until", required_argument, NULL, 'U' },
                { "reverse", no_argument, NULL, 'r' },
                { "json", required_argument, NULL, OPTION_JSON },
                { "type", required_argument, NULL, OPTION_TYPE },
                { "delay", required_argument, NULL, 'd' },
                { "root", required_argument, NULL, OPTION_ROOT },
                { "sort", required_argument, NULL, OPTION_SORT },
                { "directory", required_argument, NULL, 'D' },
                { "all", no_argument, NULL, OPTION_ALL },
                { "lines", required_argument, NULL, OPTION_LINES },
                { "output", required_argument, NULL, 'o' },
                { "format", required_argument, NULL, OPTION_FORMAT },
                { "base-since", required_argument, NULL, OPTION_BASE_SINCE },
                { "base-until", required_argument, NULL, OPTION_BASE_UNTIL },
                { "restart", optional_argument, NULL, OPTION_RESTART },
                { "boot", optional_argument, NULL, OPTION_BOOT },
                { "normalize", no_argument, NULL, OPTION_NORMALIZE },
                { "focus", required_argument, NULL, OPTION_FOCUS },
                { "hide", required_argument, NULL, OPTION_HIDE },
                { "invert", no_argument, NULL, OPTION_INVERT },
                { "peek", required_argument, NULL, OPTION_PEEK },
                { "size", required_argument, NULL, OPTION_SIZE },
                { "time", required_argument, NULL, OPTION_TIME },
                { "files", required_argument, NULL, OPTION_FILES },
                { "by", required_argument, NULL, OPTION_BY },
                { "for", required_argument, NULL, OPTION_FOR },
                { "frequency", required_argument, NULL, OPTION_FREQUENCY },
                { "pid", required_argument, NULL, OPTION_PID },
                { "cgroup", required_argument, NULL, OPTION_CGROUP },
                { "host", no_argument, NULL, OPTION_HOST },
                { "children", no_argument, NULL, OPTION_CHILDREN },
                { "store", no_argument, NULL, OPTION_STORE },
                { "no-kernel", no_argument, NULL, OPTION_NO_KERNEL },
                { "no-user", no_argument, NULL, OPTION_NO_USER },
                {},
        };
        int option, r;

        while ((option = getopt_long(argc, argv, "hqS:U:n:r1d:D:o:", options, NULL)) >= 0) {
                r = parse_option(c, option, optarg);
                if (r != PARSED_RUN)
                        return r;
        }
        return PARSED_RUN;
}

static int run(Ctl *c, char **words) {
        char *fallback[] = { (char[]){ "status" }, NULL };
        const Verb *v;
        unsigned n;
        int r;

        if (!words[0])
                words = fallback;
        v = find_verb(words[0]);
        if (!v)
                return usage_error("Unknown verb '%s'.", words[0]);

        n = (unsigned) strv_length(words + 1);
        if (n < v->names_min)
                return usage_error("'%s' needs a name.", v->name);
        if (n > v->names_max)
                return usage_error("'%s' takes no name.", v->name);
        if (!v->run)
                return help(c);
        r = ctl_resolve_times(c, words + 1);
        return r != 0 ? r : v->run(c, words + 1);
}

int main(int argc, char **argv) {
        Pager page = {};
        Ctl c = {
                .until_usec = USEC_INFINITY,
                .base_until_usec = USEC_INFINITY,
                .n_lines = CTL_LINES_DEFAULT,
                .legend = true,
                .pager = true,
                .now_usec = now_usec(CLOCK_REALTIME),
                .page = &page,
        };
        int r;

        (void) setlocale(LC_CTYPE, "");
        terminal_probe(&c.terminal, STDOUT_FILENO);

        r = parse_options(&c, argc, argv);
        if (r == PARSED_RUN)
                r = run(&c, argv + optind);
        else if (r == PARSED_HELP)
                r = help(&c);

        /* A full disk behind the standard output is a failure, too. */
        if (page.pid == 0 && fflush(stdout) == EOF && r == EXIT_CODE_OK && errno != EPIPE)
                r = ctl_error_errno(-errno, NULL, "The result cannot be written.");
        pager_close(&page);
        return r;
}
