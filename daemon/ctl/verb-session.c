/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl record, sessions, trigger: a closer look, now */

#include <inttypes.h>
#include <pwd.h>

#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-output.h"
#include "ctl/ctl-session.h"
#include "ctl/table.h"
#include "profile/pprof.h"
#include "view/export-format.h"
#include "view/format.h"

#define DEFAULT_DURATION_USEC (10 * USEC_PER_SEC)
enum { BAR_COLUMNS = 30, FREQUENCY_MAX_HZ = 1000 };

/* ---- the bar ---- */

typedef struct Bar {
        const Ctl *ctl;
        usec_t duration_usec;
        bool is_shown;
} Bar;

static void print_bar(const SessionProgress *p, void *userdata) {
        Bar *b = userdata;
        unsigned done = b->duration_usec ? (unsigned) (MIN(p->elapsed_usec, b->duration_usec) *
                                                       BAR_COLUMNS / b->duration_usec)
                                         : 0;
        const char *full = terminal_text(&b->ctl->terminal, "━", "=");
        const char *rest = terminal_text(&b->ctl->terminal, "─", "-");

        if (b->ctl->quiet || !isatty(STDERR_FILENO))
                return;
        fputs("\r  ", stderr);
        for (unsigned i = 0; i < BAR_COLUMNS; i++)
                fputs(i < done ? full : rest, stderr);
        fprintf(stderr, "  %.1fs of %s  %s samples\033[K",
                (double) p->elapsed_usec / (double) USEC_PER_SEC, FORMAT_SPAN(b->duration_usec),
                FORMAT_COUNT(p->samples));
        if (p->lost > 0)
                fprintf(stderr, ", %s lost", FORMAT_COUNT(p->lost));
        fflush(stderr);
        b->is_shown = true;
}

static void end_bar(const Bar *b) {
        if (b->is_shown)
                fputs("\r\033[K", stderr);
}

/* ---- what is asked for ---- */

static int make_target(const Ctl *c, char **names, char **ret) {
        unsigned n = (names[0] != NULL) + (c->record_pid != NULL) + (c->record_cgroup != NULL) +
                     c->record_host;
        int r;

        if (n != 1 || (names[0] && names[1]))
                return ctl_error(EXIT_CODE_USAGE, NULL,
                                 "Name one unit, or use one of --pid=, --cgroup= and --host.",
                                 "'record' needs one target.");
        if (c->record_host)
                r = asprintf(ret, "host");
        else if (c->record_pid)
                r = asprintf(ret, "pid:%s", c->record_pid);
        else if (c->record_cgroup)
                r = asprintf(ret, "cgroup:%s", c->record_cgroup);
        else
                r = asprintf(ret, "%s%s", strchr(names[0], ':') ? "" : "unit:", names[0]);
        if (r < 0) {
                *ret = NULL;
                return ctl_oom();
        }
        return 0;
}

/* "cpu,offcpu" */
static int parse_types(const Ctl *c, SessionOptions *o) {
        _cleanup_free_ char *copy = NULL;
        char *state = NULL;

        if (!c->type)
                return 0;
        copy = strdup(c->type);
        if (!copy)
                return ctl_oom();
        for (char *name = strtok_r(copy, ",", &state); name; name = strtok_r(NULL, ",", &state)) {
                if ((!streq(name, "cpu") && !streq(name, "offcpu")) ||
                    strv_contains(o->types, name))
                        return ctl_error(EXIT_CODE_USAGE, NULL,
                                         "It is 'cpu', 'offcpu' or 'cpu,offcpu'.",
                                         "Invalid --type=%s.", c->type);
                if (strv_extend(&o->types, name) < 0)
                        return ctl_oom();
        }
        return 0;
}

static bool wants_waits(const SessionOptions *o) {
        return strv_contains(o->types, "offcpu");
}

static bool wants_cpu(const SessionOptions *o) {
        return !o->types || strv_contains(o->types, "cpu");
}

static int parse_options(const Ctl *c, SessionOptions *o) {
        unsigned hz = 0;

        o->duration_usec = DEFAULT_DURATION_USEC;
        if (c->record_for && parse_timespan(c->record_for, &o->duration_usec) < 0)
                return ctl_error(EXIT_CODE_USAGE, NULL, "Write it as '30s' or '2min'.",
                                 "Invalid --for=%s.", c->record_for);
        if (c->record_frequency &&
            parse_unsigned(c->record_frequency, 1, FREQUENCY_MAX_HZ, &hz) < 0)
                return ctl_error(EXIT_CODE_USAGE, NULL, "It is a number from 1 to 1000.",
                                 "Invalid --frequency=%s.", c->record_frequency);
        o->frequency_hz = hz;
        o->no_kernel = c->record_no_kernel;
        o->no_user = c->record_no_user;
        o->children = c->record_children;
        o->store = c->record_store;
        return parse_types(c, o);
}

static int session_error(const CtlBus *b, int error, const SessionStatus *s, const char *target) {
        const char *why = ctl_bus_get_message(b);

        switch (error) {
        case -ESRCH:
        case -ENOENT:
                return ctl_error(EXIT_CODE_NO_MATCH, why,
                                 "'systemctl status' and 'systemd-cgls' show what is running.",
                                 "%s cannot be recorded.", target);
        case -ERANGE:
                return ctl_error(EXIT_CODE_USAGE, why,
                                 "The limits are in section [Sessions] of profilerd.conf(5).",
                                 "%s cannot be recorded like this.", target);
        case -EUSERS:
                return ctl_error(EXIT_CODE_FAILURE, why, "'profilerctl sessions' lists them.",
                                 "%s cannot be recorded now.", target);
        case -EINVAL:
                return ctl_error(EXIT_CODE_USAGE, why, "See profilerctl(1).",
                                 "%s cannot be recorded.", target);
        case -ECANCELED:
                return ctl_error(EXIT_CODE_FAILURE, isempty(s->error) ? s->state : s->error,
                                 "See 'journalctl -u profilerd'.",
                                 "The session of %s ended without a result.", target);
        default:
                return ctl_bus_error(b, error, "Recording");
        }
}

/* ---- the result ---- */

/* "nginx.service-20261120T140000.pb.gz" */
static char *default_output(const SessionStatus *s) {
        time_t t = (time_t) (s->started_usec / USEC_PER_SEC);
        char stamp[32], *path;
        struct tm tm;

        if (!localtime_r(&t, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm) == 0)
                return NULL;
        if (asprintf(&path, "./%s-%s.pb.gz", isempty(s->unit) ? "session" : s->unit, stamp) < 0)
                return NULL;
        for (char *p = path + 2; *p; p++) /* a unit's name has none, but it came over the bus */
                if (*p == '/')
                        *p = '_';
        return path;
}

static int convert(
        ExportFormat format, const char *target, const char *value, char **data, size_t *size) {
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_free_ char *converted = NULL;
        const char *reason = NULL;
        int r, type;

        if (format == EXPORT_FORMAT_PPROF)
                return 0;
        r = pprof_decode(*data, *size, &profile, &reason);
        if (r < 0)
                return r;
        type = profile_find_value_type(profile, value);
        r = export_encode(format, profile, type < 0 ? 0 : (size_t) type, target, &converted, size);
        if (r < 0)
                return r;
        free(*data);
        *data = TAKE_PTR(converted);
        return 0;
}

static void print_summary(const Ctl *c,
                          const SessionOptions *o,
                          const SessionStatus *s,
                          const char *target) {
        char hz[32] = "", cpu[80] = "", waits[80] = "";

        if (wants_cpu(o)) {
                snprintf(hz, sizeof(hz), " at %" PRIu32 " Hz", s->frequency_hz);
                snprintf(cpu, sizeof(cpu), ", %s CPU",
                         FORMAT_SPAN(s->cpu_profiled_nsec / NSEC_PER_USEC));
        }
        if (wants_waits(o))
                snprintf(waits, sizeof(waits), ", %s of waiting",
                         FORMAT_SPAN(s->waits_nsec / NSEC_PER_USEC));
        ctl_hint(c, "%s: %s samples in %s%s%s%s%s%s.", target, FORMAT_COUNT(s->samples),
                 FORMAT_SPAN(s->elapsed_usec), hz, cpu, waits, s->lost > 0 ? ", lost: " : "",
                 s->lost > 0 ? FORMAT_COUNT(s->lost) : "");
        if (s->samples == 0 && !wants_waits(o))
                ctl_hint(c, "It used no CPU in this time, or only that of other users.");
        else if (s->samples == 0)
                ctl_hint(
                        c,
                        "Nothing of it went to wait in this time, or only what is of other users.");
        if (!isempty(s->stored_path))
                ctl_hint(c, "Stored as %s.", s->stored_path);
}

static int write_result(const Ctl *given,
                        const SessionStatus *s,
                        ExportFormat format,
                        const char *target,
                        const char *value,
                        char **data,
                        size_t size) {
        ReportData d = {
                .n_parts = 1,
                .start_usec = s->started_usec,
                .end_usec = s->started_usec + s->elapsed_usec,
        };
        _cleanup_free_ char *path = NULL;
        Output o = {
                .format = export_format_to_string(format),
                .binary = export_format_is_binary(format),
                .consumer = export_format_consumer(format),
        };
        Ctl c = *given;
        int r;

        if (!c.output) {
                c.output = path = default_output(s);
                if (!path)
                        return ctl_oom();
        }
        r = convert(format, target, value, data, &size);
        if (r < 0)
                return ctl_error_errno(r, "Choose another --format=.",
                                       "The result cannot be written as %s.", o.format);
        o.data = *data;
        o.size = size;
        r = ctl_write_output(&c, &o, &d);
        if (r == EXIT_CODE_OK && path)
                ctl_hint(given, "See 'profilerctl report %s'.", path);
        return r;
}

static int choose_format(const Ctl *c, const SessionOptions *o, ExportFormat *ret) {
        *ret = c->format ? export_format_from_string(c->format)
                         : export_format_from_path(c->output);
        if (*ret < 0)
                return ctl_error(EXIT_CODE_USAGE, NULL,
                                 "There are pprof, folded, speedscope, firefox, json and otlp.",
                                 "Unknown format '%s'.", c->format);
        if (wants_cpu(o) && wants_waits(o) &&
            (*ret == EXPORT_FORMAT_FOLDED || *ret == EXPORT_FORMAT_SPEEDSCOPE ||
             *ret == EXPORT_FORMAT_FIREFOX))
                return ctl_error(EXIT_CODE_USAGE, NULL,
                                 "Record one type, or write pprof, json or otlp.",
                                 "A file of format %s has room for one type.",
                                 export_format_to_string(*ret));
        return c->output ? ctl_check_output(c, export_format_to_string(*ret),
                                            export_format_is_binary(*ret))
                         : 0;
}

static void options_done(SessionOptions *o) {
        strv_free(o->types);
}

int verb_record(const Ctl *c, char **names) {
        _cleanup_(session_status_done) SessionStatus status = {};
        _cleanup_free_ char *target = NULL, *data = NULL;
        _cleanup_(options_done) SessionOptions options = {};
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        ExportFormat format;
        Bar bar = { .ctl = c };
        size_t size = 0;
        int r;

        r = make_target(c, names, &target);
        if (r != 0)
                return r;
        r = parse_options(c, &options);
        if (r != 0)
                return r;
        r = choose_format(c, &options, &format);
        if (r != 0)
                return r;
        if (ctl_bus_new(&b) < 0)
                return ctl_oom();

        options.target = target;
        bar.duration_usec = options.duration_usec;
        r = ctl_session_run(b, &options, print_bar, &bar, &status, &data, &size);
        end_bar(&bar);
        if (r < 0)
                return session_error(b, r, &status, target);
        print_summary(c, &options, &status, target);
        return write_result(c, &status, format, target, wants_cpu(&options) ? "cpu" : "offcpu",
                            &data, size);
}

/* ---- the list ---- */

static int print_json(const Ctl *c, const SessionRow *rows, size_t n) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;

        if (json_output_new(&j) < 0)
                return ctl_oom();
        json_open_array(j, "sessions");
        for (size_t i = 0; i < n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "object", rows[i].path);
                json_add_string(j, "target", rows[i].target);
                json_add_string(j, "state", rows[i].state);
                json_add_count(j, "uid", rows[i].uid);
                json_add_count(j, "frequency_hz", rows[i].frequency_hz);
                json_add_count(j, "duration_usec", rows[i].duration_usec);
                json_add_count(j, "elapsed_usec", rows[i].elapsed_usec);
                json_add_count(j, "samples", rows[i].samples);
                json_close(j);
        }
        json_close(j);
        return ctl_print_json(c, TAKE_PTR(j));
}

static int add_row(Table *t, const SessionRow *row) {
        const char *number = strrchr(row->path, '/');
        const struct passwd *user = getpwuid(row->uid);
        char uid[16], hz[16];

        snprintf(uid, sizeof(uid), "%" PRIu32, row->uid);
        snprintf(hz, sizeof(hz), "%" PRIu32, row->frequency_hz);
        return table_add_row(t, (const char *const[]){
                                        number ? number + 1 : row->path,
                                        row->target,
                                        row->state,
                                        user ? user->pw_name : uid,
                                        hz,
                                        FORMAT_SPAN(row->elapsed_usec),
                                        FORMAT_SPAN(row->duration_usec),
                                        FORMAT_COUNT(row->samples),
                                });
}

static int print_table(const Ctl *c, const SessionRow *rows, size_t n) {
        static const struct {
                const char *name;
                unsigned flags;
        } columns[] = {
                { "NUMBER", TABLE_RIGHT },
                { "TARGET", TABLE_TRUNCATE },
                { "STATE", 0 },
                { "USER", 0 },
                { "HZ", TABLE_RIGHT },
                { "ELAPSED", TABLE_RIGHT },
                { "OF", TABLE_RIGHT },
                { "SAMPLES", TABLE_RIGHT },
        };
        _cleanup_(table_freep) Table *t = NULL;

        if (table_new(&t, &c->terminal, c->legend) < 0)
                return ctl_oom();
        for (size_t i = 0; i < ELEMENTSOF(columns); i++)
                if (table_add_column(t, columns[i].name, columns[i].flags) < 0)
                        return ctl_oom();
        for (size_t i = 0; i < n; i++)
                if (add_row(t, &rows[i]) < 0)
                        return ctl_oom();
        ctl_start_output(c);
        return table_print(t, stdout) < 0 ? ctl_oom() : EXIT_CODE_OK;
}

int verb_sessions(const Ctl *c, char **names) {
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        SessionRow *rows = NULL;
        size_t n = 0;
        int r;

        (void) names;
        if (ctl_bus_new(&b) < 0)
                return ctl_oom();
        r = ctl_session_list(b, &rows, &n);
        if (r < 0)
                return ctl_bus_error(b, r, "Listing sessions");
        if (c->json != JSON_MODE_OFF)
                r = print_json(c, rows, n);
        else if (n == 0) {
                ctl_hint(c, "No sessions. 'profilerctl record UNIT' starts one.");
                r = EXIT_CODE_OK;
        } else
                r = print_table(c, rows, n);
        session_rows_free(rows, n);
        return r;
}

/* ---- triggers ---- */

int verb_trigger(const Ctl *c, char **names) {
        _cleanup_free_ char *object = NULL, *unit = NULL;
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        int r;

        if (unit_pattern_complete(names[1], &unit) < 0)
                return ctl_error(EXIT_CODE_USAGE, NULL, "Name the trigger, and then the unit.",
                                 "Invalid unit name '%s'.", names[1]);
        if (ctl_bus_new(&b) < 0)
                return ctl_oom();
        r = ctl_session_trigger(b, names[0], unit, &object);
        if (r == -ESRCH)
                return ctl_error(EXIT_CODE_NO_MATCH, ctl_bus_get_message(b),
                                 "Triggers are files of /etc/profilerd/triggers.d; after a change "
                                 "run 'profilerctl reload'.",
                                 "Trigger %s cannot be set off for %s.", names[0], unit);
        if (r == -EBUSY)
                return ctl_error(EXIT_CODE_FAILURE, ctl_bus_get_message(b),
                                 "Wait, or change CooldownSec= and MaxPerHour= in "
                                 "/etc/profilerd/triggers.d; 'profilerctl record' looks closer at "
                                 "any time.",
                                 "Trigger %s was not set off for %s.", names[0], unit);
        if (r == -EUSERS || r == -ERANGE)
                return ctl_error(EXIT_CODE_FAILURE, ctl_bus_get_message(b),
                                 "Limits are set in section [Sessions] of profilerd.conf(5).",
                                 "Trigger %s could not start a session of %s.", names[0], unit);
        if (r < 0)
                return ctl_bus_error(b, r, "The trigger");
        ctl_hint(c, "Recording %s; 'profilerctl sessions' shows how it goes.", unit);
        return EXIT_CODE_OK;
}
