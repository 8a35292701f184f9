/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl report --peek= */

#include <regex.h>

#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/report-peek.h"
#include "ctl/table.h"
#include "profile/profile-peek.h"
#include "view/format.h"

enum {
        PEEK_FUNCTIONS_MAX = 10,
        PEEK_NEIGHBOURS_MAX = 20, /* on each side; --lines=0 shows all */
};

static bool matches(const Frame *f, void *userdata) {
        return regexec(userdata, f->name, 0, NULL, 0) == 0;
}

int report_check_peek(const Ctl *c) {
        char why[256];
        regex_t regex;
        int r;

        if (!c->peek)
                return 0;
        r = regcomp(&regex, c->peek, REG_EXTENDED | REG_NOSUB);
        if (r == 0) {
                regfree(&regex);
                return 0;
        }
        regerror(r, &regex, why, sizeof(why));
        return ctl_error(EXIT_CODE_USAGE, why,
                         "It is an extended regular expression, as for 'grep -E'.",
                         "Invalid --peek=%s.", c->peek);
}

/* ---- as text ---- */

static int add_row(const Ctl *c,
                   Table *t,
                   const char *role,
                   const char *share,
                   const char *name,
                   const char *binary,
                   bool kernel) {
        _cleanup_free_ char *clean = NULL, *full = NULL;

        clean = format_text(name, c->all ? 0 : FORMAT_NAME_COLUMNS, c->terminal.utf8);
        if (!clean || asprintf(&full, "%s%s", kernel ? "[k] " : "", clean) < 0) {
                full = NULL;
                return -ENOMEM;
        }
        return table_add_row(t, (const char *const[]){ share, role, full, binary });
}

static int add_neighbours(
        const Ctl *c, Table *t, const char *role, const PeekRow *rows, size_t n, int64_t whole) {
        size_t max = c->n_lines > 0 ? MIN(c->n_lines, (size_t) PEEK_NEIGHBOURS_MAX) : n;

        for (size_t i = 0; i < MIN(n, max); i++) {
                bool start = isempty(rows[i].name);
                int r;

                r = add_row(c, t, role, FORMAT_SHARE_FINE(rows[i].value, whole),
                            start ? "[start of the thread]" : rows[i].name, rows[i].binary,
                            rows[i].kernel);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int print_peek(const Ctl *c, const Peek *p, int64_t total) {
        static const struct {
                const char *name;
                unsigned flags;
        } columns[] = {
                { "SHARE", TABLE_RIGHT },
                { "", 0 },
                { "FUNCTION", TABLE_TRUNCATE },
                { "BINARY", 0 },
        };
        _cleanup_(table_freep) Table *t = NULL;
        char share[FORMAT_MAX];
        int r;

        r = table_new(&t, &c->terminal, c->legend);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(columns); i++)
                r = table_add_column(t, columns[i].name, columns[i].flags);
        if (r >= 0)
                r = add_neighbours(c, t, "caller", p->callers, p->n_callers, p->cumulative);
        if (r >= 0)
                r = add_row(c, t, "", format_share_fine(share, p->cumulative, total), p->name,
                            p->binary, p->kernel);
        if (r >= 0)
                r = table_set_color(t, 2, TERMINAL_BOLD);
        if (r >= 0)
                r = add_neighbours(c, t, "callee", p->callees, p->n_callees, p->cumulative);
        if (r >= 0 && p->self != 0)
                r = add_row(c, t, "self", format_share_fine(share, p->self, p->cumulative), p->name,
                            p->binary, p->kernel);
        return r < 0 ? r : table_print(t, stdout);
}

static int print_text(const Ctl *c,
                      const char *unit,
                      const char *type,
                      ReportData *d,
                      const Peek *peeks,
                      size_t n,
                      size_t n_matches) {
        _cleanup_free_ char *head = report_describe(unit, type, d);
        int64_t total = profile_total(d->profile, d->value_type);

        ctl_start_output(c);
        ctl_print_wrapped(c, 0, 2, head ?: "?");
        for (size_t i = 0; i < n; i++) {
                int r;

                r = print_peek(c, &peeks[i], total);
                if (r < 0)
                        return r;
        }
        if (c->legend) {
                char text[160];

                snprintf(text, sizeof(text),
                         "%zu of %zu %s. Callers, callees and self are shares of the function.", n,
                         n_matches,
                         n_matches == 1 ? "function that matches" : "functions that match");
                ctl_print_wrapped(c, 0, 0, text);
        }
        return 0;
}

/* ---- as JSON ---- */

static void add_json_rows(JsonOutput *j, const char *key, const PeekRow *rows, size_t n) {
        json_open_array(j, key);
        for (size_t i = 0; i < n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "name", isempty(rows[i].name) ? NULL : rows[i].name);
                json_add_string(j, "binary", rows[i].binary);
                json_add_bool(j, "kernel", rows[i].kernel);
                json_add_integer(j, "value", rows[i].value);
                json_close(j);
        }
        json_close(j);
}

static void add_json(JsonOutput *j,
                     const char *unit,
                     ReportData *d,
                     const Peek *peeks,
                     size_t n,
                     size_t n_matches) {
        json_open_object(j, NULL);
        json_add_string(j, "unit", unit);
        json_add_count(j, "start_usec", d->start_usec);
        json_add_count(j, "end_usec", d->end_usec);
        json_add_integer(j, "total", profile_total(d->profile, d->value_type));
        json_add_count(j, "n_functions", n_matches);
        json_open_array(j, "functions");
        for (size_t i = 0; i < n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "name", peeks[i].name);
                json_add_string(j, "binary", peeks[i].binary);
                json_add_bool(j, "kernel", peeks[i].kernel);
                json_add_integer(j, "self", peeks[i].self);
                json_add_integer(j, "cumulative", peeks[i].cumulative);
                add_json_rows(j, "callers", peeks[i].callers, peeks[i].n_callers);
                add_json_rows(j, "callees", peeks[i].callees, peeks[i].n_callees);
                json_close(j);
        }
        json_close(j);
        json_close(j);
}

int report_print_peek(
        const Ctl *c, ReportSink *sink, const char *unit, const char *type, ReportData *d) {
        size_t n = 0, n_matches = 0;
        Peek *peeks = NULL;
        regex_t regex;
        int r;

        if (regcomp(&regex, c->peek, REG_EXTENDED | REG_NOSUB) != 0)
                return -EINVAL;
        r = profile_peek(d->profile, d->value_type, matches, &regex, PEEK_FUNCTIONS_MAX, &peeks, &n,
                         &n_matches);
        regfree(&regex);
        if (r < 0)
                return r;
        if (n == 0)
                r = -ENOENT;
        else if (sink->json)
                add_json(sink->json, unit, d, peeks, n, n_matches);
        else
                r = print_text(c, unit, type, d, peeks, n, n_matches);
        peeks_free(peeks, n);
        return r;
}
