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
#include "basic/timestamp.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl.h"
#include "paths.h"

enum {
        NAMES_ANY = UINT_MAX,
};

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
        { "report", "NAME...",   1, NAMES_ANY, verb_report, "Where the time went, on one page" },
        { "verify", "[NAME...]", 0, NAMES_ANY, verb_verify, "Check files against the rules of pprof" },
        { .name = "Manage the daemon" },
        { "reload", "",          0, 0,         verb_reload, "Read the configuration again" },
        { "flush",  "[UNIT...]", 0, NAMES_ANY, verb_flush,  "End the open windows and store their profiles" },
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
                        printf("  %-8s %-13s %s\n", v->name, v->arguments, v->help);
        }
        printf("\nOptions:\n"
               "  -h --help               Show this text\n"
               "     --version            Show the version\n"
               "  -S --since=TIME         From this time on: '-1h', '14:00', 'yesterday'\n"
               "  -U --until=TIME         Up to this time\n"
               "  -n N                    The newest N profiles\n"
               "  -1                      The newest profile\n"
               "  -r --reverse            Newest first\n"
               "     --type=TYPE          Profiles of this type: cpu\n"
               "     --by=WHAT            Rows of a report: function, line, binary, thread, pid\n"
               "     --lines=N            Rows of a report, 0 for all (default: %d)\n"
               "     --all                Leave nothing out\n"
               "  -D --directory=DIR      Read this store instead of %s\n"
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
};

/* What parsing can end in beside an exit code. */
enum {
        PARSED_RUN = -1, /* go on with the verb */
        PARSED_HELP = -2,
};

static int parse_time(const Ctl *c, const char *s, usec_t *ret) {
        int r;

        r = timestamp_parse(s, c->now_usec, ret);
        if (r < 0)
                return ctl_error(EXIT_CODE_USAGE,
                                 r == -ERANGE ? "It is before 1970 or after 9999."
                                              : "It is no time as systemd.time(7) describes them.",
                                 "Write '-1h', '14:00', 'yesterday', '2026-11-20 14:00' or "
                                 "'@1795183320'.",
                                 "Invalid time '%s'.", s);
        return PARSED_RUN;
}

static int parse_count(const char *s, size_t *ret) {
        unsigned n;

        if (parse_unsigned(s, 0, UINT_MAX, &n) < 0)
                return usage_error("Invalid number '%s'.", s);
        *ret = n;
        return PARSED_RUN;
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
                return parse_time(c, value, &c->since_usec);
        case 'U':
                c->until = value;
                return parse_time(c, value, &c->until_usec);
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
        case 'D':
                c->directory = value;
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
                c->by = report_grouping_from_string(value);
                return c->by < 0 ? usage_error("Invalid --by=%s.", value) : PARSED_RUN;
        default: /* getopt has said what is wrong */
                fprintf(stderr, "'profilerctl --help' lists what there is.\n");
                return EXIT_CODE_USAGE;
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
                { "directory", required_argument, NULL, 'D' },
                { "all", no_argument, NULL, OPTION_ALL },
                { "lines", required_argument, NULL, OPTION_LINES },
                { "by", required_argument, NULL, OPTION_BY },
                {},
        };
        int option, r;

        while ((option = getopt_long(argc, argv, "hqS:U:n:r1D:", options, NULL)) >= 0) {
                r = parse_option(c, option, optarg);
                if (r != PARSED_RUN)
                        return r;
        }
        if (c->since_usec >= c->until_usec)
                return ctl_error(EXIT_CODE_USAGE,
                                 "The time of --since= must be before that of --until=.",
                                 "Swap them, or leave one out.", "The range is empty.");
        return PARSED_RUN;
}

static int run(const Ctl *c, char **words) {
        char *fallback[] = { (char[]){ "status" }, NULL };
        const Verb *v;
        unsigned n;

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
        return v->run ? v->run(c, words + 1) : help(c);
}

int main(int argc, char **argv) {
        Pager page = {};
        Ctl c = {
                .until_usec = USEC_INFINITY,
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
