/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * profilerctl
 *
 * What every verb is given: the parsed options and the terminal. A verb prints its results to
 * stdout, everything else to stderr, and returns an exit code.
 */

#include "basic/time-util.h"
#include "ctl/pager.h"
#include "ctl/terminal.h"
#include "profile/profile-report.h"
#include "view/json-output.h"

/* Documented in profilerctl(1). */
typedef enum ExitCode {
        EXIT_CODE_OK = 0,
        EXIT_CODE_FAILURE = 1,
        EXIT_CODE_USAGE = 2,
        EXIT_CODE_NOT_RUNNING = 3, /* the daemon */
        EXIT_CODE_NO_MATCH = 4,    /* no unit or no profile */
        EXIT_CODE_DENIED = 5,
        EXIT_CODE_GAPS = 6, /* done, but something of what was asked for is missing */
} ExitCode;

enum {
        CTL_LINES_DEFAULT = 50, /* rows of a report */
};

typedef struct Ctl {
        const char *directory;         /* of the store; NULL: as installed, or as the daemon says */
        const char *type;              /* of profiles; NULL: any in lists, "cpu" in reports */
        const char *since, *until;     /* as given, NULL: not */
        usec_t since_usec, until_usec; /* 0, USEC_INFINITY: not given */
        size_t n_newest;               /* 0: all */
        size_t n_lines;                /* 0: all */
        ReportGrouping by;
        const char *output; /* file, "-": stdout; NULL: not given */
        const char *format; /* of an export; NULL: as the file's name says */
        JsonMode json;
        bool by_day; /* --by=day: of disk-usage */
        bool reverse, quiet, all, legend, pager, invert, normalize;
        const char *vacuum_size, *vacuum_time, *vacuum_files; /* as given, NULL: not */
        const char *delay, *sort;                             /* of top; as given, NULL: not */
        const char *peek;         /* a regular expression; NULL: not given */
        const char *focus, *hide; /* regular expressions; NULL: not given */
        const char *record_for, *record_frequency, *record_pid, *record_cgroup; /* as given */
        bool record_host, record_children, record_store, record_no_kernel, record_no_user;
        const char *base_since, *base_until;
        usec_t base_since_usec, base_until_usec; /* as since_usec, until_usec */
        unsigned restart, boot;                  /* the how many last one; 0: not given */
        usec_t now_usec; /* when the command started: all ages refer to it */
        Terminal terminal;
        Pager *page; /* not open yet */
} Ctl;

/* To be called before the first line of a result that may be long. */
void ctl_start_output(const Ctl *c);
/* Prints the text, a new line for what does not fit into the terminal's; column: where it starts,
 * indent: where the further lines do. With a line feed at the end. */
void ctl_print_wrapped(const Ctl *c, size_t column, size_t indent, const char *text);
/* Prints the document and frees it. An exit code. */
int ctl_print_json(const Ctl *c, JsonOutput *j);

/* One for each verb; names: the words behind it, NULL-terminated. Each group of verbs has a file.
 */
int verb_status(const Ctl *c, char **names);
int verb_list(const Ctl *c, char **names);
int verb_report(const Ctl *c, char **names);
int verb_info(const Ctl *c, char **names);
int verb_disk_usage(const Ctl *c, char **names);
int verb_compact(const Ctl *c, char **names);
int verb_pause(const Ctl *c, char **names);
int verb_resume(const Ctl *c, char **names);
int verb_set(const Ctl *c, char **names);
int verb_top(const Ctl *c, char **names);
int verb_vacuum(const Ctl *c, char **names);
int verb_uploads(const Ctl *c, char **names);
int verb_monitor(const Ctl *c, char **names);
int verb_diff(const Ctl *c, char **names);
int verb_flame(const Ctl *c, char **names);
int verb_export(const Ctl *c, char **names);
int verb_merge(const Ctl *c, char **names);
int verb_verify(const Ctl *c, char **names);
int verb_reload(const Ctl *c, char **names);
int verb_record(const Ctl *c, char **names);
int verb_sessions(const Ctl *c, char **names);
int verb_trigger(const Ctl *c, char **names);
int verb_flush(const Ctl *c, char **names);
int verb_symbols(const Ctl *c, char **names);
int verb_doctor(const Ctl *c, char **names);
int verb_web(const Ctl *c, char **names);
