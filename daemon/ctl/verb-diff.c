/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl diff: what has changed, without the noise */

#include <inttypes.h>

#include "basic/string-util.h"
#include "ctl/ctl-compare.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-flame.h"
#include "ctl/table.h"
#include "profile/profile-report.h"
#include "view/format.h"

static const char *kind_name(DiffKind kind) {
        static const char *const names[] = {
                [DIFF_NOISE] = "noise", [DIFF_MORE] = "more", [DIFF_LESS] = "less",
                [DIFF_NEW] = "new",     [DIFF_GONE] = "gone",
        };

        return names[kind];
}

static const char *kind_mark(const Ctl *c, const DiffRow *row) {
        if (row->kind == DIFF_NEW)
                return terminal_text(&c->terminal, "★ ", "* ");
        if (row->after_rate > row->before_rate)
                return terminal_text(&c->terminal, "▲ ", "^ ");
        if (row->after_rate < row->before_rate)
                return terminal_text(&c->terminal, "▼ ", "v ");
        return "";
}

/* ---- as text ---- */

static void format_rate(
        char buffer[static FORMAT_MAX], const Ctl *c, const Comparison *k, double rate, bool sign) {
        if (c->normalize)
                snprintf(buffer, FORMAT_MAX, sign ? "%+.2f%%" : "%.2f%%", 100 * rate);
        else if (k->cores)
                snprintf(buffer, FORMAT_MAX, sign ? "%+.3f" : "%.3f", rate);
        else
                snprintf(buffer, FORMAT_MAX, sign ? "%+.6g" : "%.6g", rate);
}

static void print_head(const Ctl *c, Comparison *k) {
        int64_t before = profile_total(k->before.profile, k->before.value_type),
                after = profile_total(k->after.profile, k->after.value_type);
        double from = (double) before * k->rule.scale_before,
               to = (double) after * k->rule.scale_after;
        char change[FORMAT_MAX] = "", x[FORMAT_MAX], y[FORMAT_MAX];
        ProfileValueType type;

        ctl_print_wrapped(c, 0, 2, k->title);
        profile_get_value_type(k->after.profile, k->after.value_type, &type);
        if (c->normalize) {
                printf("Shares of each total\n");
                return;
        }
        if (from > 0)
                snprintf(change, sizeof(change), " (%+.0f%%)", 100 * (to - from) / from);
        format_rate(x, c, k, from, false);
        format_rate(y, c, k, to, false);
        printf("Total %s %s %s %s%s\n", x, terminal_text(&c->terminal, "→", "->"), y,
               k->cores ? "cores" : type.unit, change);
}

static int add_row(const Ctl *c, const Comparison *k, Table *t, const DiffRow *row) {
        char before[FORMAT_MAX], after[FORMAT_MAX], change[FORMAT_MAX], marked[2 * FORMAT_MAX];
        _cleanup_free_ char *name = NULL, *full = NULL;
        const char *cells[6];
        int r;

        format_rate(before, c, k, row->before_rate, false);
        format_rate(after, c, k, row->after_rate, false);
        format_rate(change, c, k, row->after_rate - row->before_rate, true);
        snprintf(marked, sizeof(marked), "%s%s", kind_mark(c, row), change);
        name = format_text(row->name, c->all ? 0 : FORMAT_NAME_COLUMNS, c->terminal.utf8);
        if (!name || asprintf(&full, "%s%s", row->kernel ? "[k] " : "", name) < 0) {
                full = NULL;
                return -ENOMEM;
        }
        cells[0] = before;
        cells[1] = after;
        cells[2] = marked;
        cells[3] = full;
        cells[4] = row->binary;
        cells[5] = row->kind == DIFF_NEW ? "new" : row->kind == DIFF_GONE ? "gone" : "";
        r = table_add_row(t, cells);
        if (r < 0 || row->kind == DIFF_NOISE)
                return r;
        return table_set_color(
                t, 2, row->after_rate > row->before_rate ? TERMINAL_YELLOW : TERMINAL_GREEN);
}

static int make_table(const Ctl *c, const Comparison *k, Table **ret) {
        const struct {
                const char *name;
                unsigned flags;
        } columns[] = {
                { "BEFORE", TABLE_RIGHT },
                { "AFTER", TABLE_RIGHT },
                { k->cores ? "CHANGE (cores)" : "CHANGE", TABLE_RIGHT },
                { "FUNCTION", TABLE_TRUNCATE },
                { "BINARY", 0 },
                { "", 0 },
        };
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = table_new(&t, &c->terminal, c->legend);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(columns); i++)
                r = table_add_column(t, columns[i].name, columns[i].flags);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static bool is_shown(const Ctl *c, const DiffRow *row) {
        return row->kind != DIFF_NOISE || c->all;
}

static int print_text(const Ctl *c, Comparison *k, const DiffRow *rows, size_t n) {
        _cleanup_(table_freep) Table *t = NULL;
        size_t n_changes = 0, n_printed = 0;
        int r;

        r = make_table(c, k, &t);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (!is_shown(c, &rows[i]))
                        continue;
                n_changes++;
                if (c->n_lines > 0 && n_printed >= c->n_lines)
                        continue;
                r = add_row(c, k, t, &rows[i]);
                if (r < 0)
                        return r;
                n_printed++;
        }

        ctl_start_output(c);
        print_head(c, k);
        if (n_printed > 0) {
                r = table_print(t, stdout);
                if (r < 0)
                        return r;
        } else
                printf("No function has changed beyond the noise.\n");
        if (!c->legend)
                return 0;
        if (n_printed < n_changes)
                printf("%zu of %zu changes; --lines=0 for all.\n", n_printed, n_changes);
        if (!c->all) {
                char text[128];

                snprintf(text, sizeof(text),
                         "Changes under %.0f%% of the total or under twice the sampling error are "
                         "left out (--all shows them).",
                         100 * DIFF_SHARE_MIN);
                ctl_print_wrapped(c, 0, 0, text);
        }
        return 0;
}

/* ---- as JSON ---- */

static void side_to_json(JsonOutput *j, const char *key, const ReportData *d) {
        json_open_object(j, key);
        json_add_count(j, "start_usec", d->start_usec);
        json_add_count(j, "end_usec", d->end_usec);
        json_add_count(j, "covered_usec", d->covered_usec);
        json_add_count(j, "profiles", d->n_parts);
        json_add_count(j, "unreadable", d->n_failed);
        json_add_integer(j, "total", profile_total(d->profile, d->value_type));
        json_close(j);
}

static int print_json(const Ctl *c, Comparison *k, const DiffRow *rows, size_t n) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        ProfileValueType type;
        size_t n_printed = 0;

        if (json_output_new(&j) < 0)
                return ctl_oom();
        profile_get_value_type(k->after.profile, k->after.value_type, &type);
        json_add_string(j, "title", k->title);
        json_add_string(j, "type", type.type);
        json_add_string(j, "value_unit", type.unit);
        side_to_json(j, "before", &k->before);
        side_to_json(j, "after", &k->after);
        json_open_array(j, "rows");
        for (size_t i = 0; i < n; i++) {
                if (!is_shown(c, &rows[i]) || (c->n_lines > 0 && n_printed >= c->n_lines))
                        continue;
                n_printed++;
                json_open_object(j, NULL);
                json_add_string(j, "name", rows[i].name);
                json_add_string(j, "binary", rows[i].binary);
                json_add_bool(j, "kernel", rows[i].kernel);
                json_add_integer(j, "before", rows[i].before);
                json_add_integer(j, "after", rows[i].after);
                json_add_string(j, "change", kind_name(rows[i].kind));
                json_close(j);
        }
        json_close(j);
        return ctl_print_json(c, TAKE_PTR(j));
}

static int print_rows(const Ctl *c, Comparison *k) {
        ReportRow *before = NULL, *after = NULL;
        size_t n_before = 0, n_after = 0, n = 0;
        DiffRow *rows = NULL;
        int r;

        r = profile_report_rows(k->before.profile, k->before.value_type, REPORT_BY_FUNCTION,
                                &before, &n_before);
        if (r >= 0)
                r = profile_report_rows(k->after.profile, k->after.value_type, REPORT_BY_FUNCTION,
                                        &after, &n_after);
        if (r >= 0)
                r = diff_rows(&k->rule, before, n_before, after, n_after, &rows, &n);
        report_rows_free(before, n_before);
        report_rows_free(after, n_after);
        if (r >= 0)
                r = c->json != JSON_MODE_OFF ? print_json(c, k, rows, n)
                                             : print_text(c, k, rows, n);
        diff_rows_free(rows, n);
        return r < 0 ? ctl_error_errno(r, NULL, "The comparison failed.") : r;
}

int verb_diff(const Ctl *c, char **names) {
        _cleanup_(comparison_done) Comparison k = {};
        int r, code;

        if (c->output) {
                r = flame_check_options(c);
                if (r != 0)
                        return r;
        }
        code = compare_collect(c, names, &k);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        r = c->output ? flame_write_comparison(c, &k) : print_rows(c, &k);
        return r == EXIT_CODE_OK ? code : r;
}
