/* SPDX-License-Identifier: Apache-2.0 */
/* A Report on Paper */

#include <inttypes.h>

#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/report-print.h"
#include "ctl/table.h"
#include "profile/profile-report.h"
#include "view/daemon-status.h"
#include "view/format.h"

enum {
        STRIP_COLUMNS_MAX = 40,
        QUALITY_COLUMNS = 60,   /* room for that half of the line */
        PATH_COLUMNS_MAX = 100, /* of the heaviest path, where there is no terminal */
        PATH_INDENT = 2,
};

int report_sink_init(ReportSink *sink, const Ctl *c) {
        int r;

        *sink = (ReportSink){};
        if (c->json == JSON_MODE_OFF)
                return 0;
        r = json_output_new(&sink->json);
        if (r < 0)
                return r;
        json_open_array(sink->json, "reports");
        return 0;
}

void report_sink_done(ReportSink *sink) {
        sink->json = json_output_free(sink->json);
}

int report_sink_finish(ReportSink *sink, const Ctl *c) {
        if (!sink->json)
                return EXIT_CODE_OK;
        json_close(sink->json);
        return ctl_print_json(c, TAKE_PTR(sink->json));
}

/* The unit of the value, as the profile says it: "nanoseconds". */
static const char *value_unit(const ReportData *d) {
        ProfileValueType t;

        profile_get_value_type(d->profile, d->value_type, &t);
        return t.unit;
}

static const char *value_name(const ReportData *d) {
        ProfileValueType t;

        profile_get_value_type(d->profile, d->value_type, &t);
        return t.type;
}

char *report_describe(const char *unit, const char *type, ReportData *d) {
        int64_t samples = report_data_count_samples(d),
                total = profile_total(d->profile, d->value_type);
        const char *title = unit ?: profile_get_note(d->profile, "unit");
        FormatTime style =
                d->end_usec - d->start_usec < USEC_PER_DAY ? FORMAT_TIME_SHORT : FORMAT_TIME_MINUTE;
        size_t n_files = d->n_parts + d->n_failed;
        char count[2 * FORMAT_MAX] = "", value[2 * FORMAT_MAX], text[1024];

        if (samples >= 0)
                snprintf(count, sizeof(count), ", %s %s", FORMAT_COUNT(samples),
                         samples == 1 ? "sample" : "samples");
        if (streq(value_unit(d), "nanoseconds") && d->covered_usec > 0)
                snprintf(value, sizeof(value), "%s %s",
                         FORMAT_CORES(MAX(total, 0), d->covered_usec), report_data_rate(d));
        else
                snprintf(value, sizeof(value), "%" PRIi64 " %.64s", total, value_unit(d));

        snprintf(text, sizeof(text), "%s, %s, %s%s%s (%zu of %zu %s)%s, %s",
                 isempty(title) ? "profile" : title, type ?: value_name(d),
                 FORMAT_TIME(d->start_usec, style), style == FORMAT_TIME_SHORT ? "-" : " - ",
                 FORMAT_TIME(d->end_usec, style), d->n_parts, n_files,
                 n_files == 1 ? "profile" : "profiles", count, value);
        /* A file may come from anyone. */
        return utf8_sanitize(text, strlen(text));
}

static void print_header(const Ctl *c, const char *unit, const char *type, ReportData *d) {
        _cleanup_free_ char *text = report_describe(unit, type, d);

        ctl_print_wrapped(c, 0, 2, text ?: "?");
}

void report_print_reasons(const ProfileReasons *reasons, uint64_t all, const char *before) {
        for (size_t i = 0; i < reasons->n; i++)
                printf("%s%s %s", i == 0 ? before : ", ",
                       FORMAT_SHARE_FINE((int64_t) reasons->items[i].stacks, (int64_t) all),
                       reasons->items[i].name);
}

/* What is behind the share of complete stacks, where there is something to tell. */
static void print_stacks(const ProfileNotes *notes) {
        uint64_t all = notes->stacks_complete + notes->stacks_truncated + notes->stacks_broken;
        bool guessed = notes->stacks_guessed > 0 && notes->stacks_guessed * 100 >= all;
        const char *before = "Stacks   ";

        if (!guessed && notes->stacks_truncated == 0 && notes->broken.n == 0)
                return;
        if (guessed) {
                printf("%s%s in part by frame pointer", before,
                       FORMAT_SHARE(notes->stacks_guessed, all));
                before = "; ";
        }
        if (notes->stacks_truncated > 0) {
                printf("%s%s truncated", before,
                       FORMAT_SHARE_FINE((int64_t) notes->stacks_truncated, (int64_t) all));
                before = ", ";
        }
        report_print_reasons(&notes->broken, all, before);
        putchar('\n');
}

static int print_load(const Ctl *c, ReportData *d, const ProfileFrames *frames) {
        const ProfileNotes *notes = &d->notes;
        uint64_t stacks = notes->stacks_complete + notes->stacks_truncated + notes->stacks_broken;
        size_t n = report_data_n_slices(d, STRIP_COLUMNS_MAX), column = 0;

        if (n > 1) {
                _cleanup_free_ double *slices = NULL;
                _cleanup_free_ char *strip = NULL;

                slices = report_data_slice(d, n);
                if (!slices)
                        return -ENOMEM;
                strip = format_strip(slices, n, c->terminal.utf8);
                if (!strip)
                        return -ENOMEM;
                column = n + strlen("Load  00:00  00:00      ");
                printf("Load  %s %s %s", FORMAT_TIME(d->start_usec, FORMAT_TIME_SHORT), strip,
                       FORMAT_TIME(d->end_usec, FORMAT_TIME_SHORT));
        }

        /* Side by side where there is room for both. */
        if (column > 0)
                fputs(c->terminal.columns > 0 && column + QUALITY_COLUMNS > c->terminal.columns
                              ? "\n"
                              : "      ",
                      stdout);
        printf("Quality  %s named", FORMAT_SHARE(frames->named, frames->frames));
        if (notes->found)
                printf(", %s complete stacks, %s lost %s",
                       FORMAT_SHARE(notes->stacks_complete, stacks),
                       FORMAT_COUNT(notes->lost_samples),
                       notes->lost_samples == 1 ? "sample" : "samples");
        putchar('\n');
        print_stacks(notes);
        return 0;
}

static int print_path(const Ctl *c, ReportData *d, int64_t total) {
        size_t n, column = PATH_INDENT,
                  columns = c->terminal.columns > 0 ? c->terminal.columns : PATH_COLUMNS_MAX;
        const char *arrow = terminal_text(&c->terminal, " › ", " > ");
        ReportStep *steps;
        int64_t value;
        int r;

        r = profile_heaviest_path(d->profile, d->value_type, &steps, &n, &value);
        if (r < 0)
                return r;

        if (n > 0)
                printf("Heaviest path (%s of unit)\n%*s", FORMAT_SHARE_FINE(value, total),
                       PATH_INDENT, "");
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = NULL;
                size_t width;

                name = format_text(steps[i].name, c->all ? 0 : FORMAT_NAME_COLUMNS,
                                   c->terminal.utf8);
                if (!name) {
                        report_steps_free(steps, n);
                        return -ENOMEM;
                }
                width = text_columns(name) + text_columns(arrow);
                if (i > 0 && column + width > columns) {
                        printf("\n%*s", PATH_INDENT + 2, "");
                        column = PATH_INDENT + 2;
                }
                printf("%s%s", i > 0 ? arrow : "", name);
                column += width;
        }
        if (n > 0)
                putchar('\n');
        report_steps_free(steps, n);
        return 0;
}

/* "ExecInterpExpr", "[k] copy_user", "main at main.c:12". */
static int format_name(const Ctl *c, const ReportRow *row, char **ret) {
        _cleanup_free_ char *name = NULL;
        const char *slash = strrchr(row->file, '/'), *base = slash ? slash + 1 : row->file;
        bool by_binary = c->by == REPORT_BY_BINARY;
        int r;

        name = format_text(row->name, c->all ? 0 : FORMAT_NAME_COLUMNS, c->terminal.utf8);
        if (!name)
                return -ENOMEM;
        if (isempty(base))
                r = asprintf(ret, "%s%s", row->kernel && !by_binary ? "[k] " : "", name);
        else
                r = asprintf(ret, "%s%s at %s:%" PRIi64, row->kernel ? "[k] " : "", name, base,
                             row->line);
        return r < 0 ? -ENOMEM : 0;
}

static int add_row(const Ctl *c, Table *t, const ReportRow *row, int64_t total) {
        bool by_label = c->by == REPORT_BY_THREAD || c->by == REPORT_BY_PID;
        char self[FORMAT_MAX], cumulative[FORMAT_MAX];
        _cleanup_free_ char *name = NULL;
        const char *cells[4];
        size_t n = 0;
        int r;

        r = format_name(c, row, &name);
        if (r < 0)
                return r;
        cells[n++] = format_share_fine(self, row->self, total);
        if (!by_label)
                cells[n++] = format_share_fine(cumulative, row->cumulative, total);
        cells[n++] = name;
        if (c->by == REPORT_BY_FUNCTION || c->by == REPORT_BY_LINE)
                cells[n++] = row->binary;
        r = table_add_row(t, cells);
        if (r < 0)
                return r;
        return row->kernel ? table_set_color(t, by_label ? 1 : 2, TERMINAL_GREY) : 0;
}

int report_print_table(const Ctl *c, const ReportRow *rows, size_t n, size_t shown, int64_t total) {
        static const char *const titles[] = {
                [REPORT_BY_FUNCTION] = "FUNCTION", [REPORT_BY_LINE] = "LINE",
                [REPORT_BY_BINARY] = "BINARY",     [REPORT_BY_THREAD] = "THREAD",
                [REPORT_BY_PID] = "PID",
        };
        static const char *const plurals[] = {
                [REPORT_BY_FUNCTION] = "functions", [REPORT_BY_LINE] = "lines",
                [REPORT_BY_BINARY] = "binaries",    [REPORT_BY_THREAD] = "threads",
                [REPORT_BY_PID] = "processes",
        };
        bool by_label = c->by == REPORT_BY_THREAD || c->by == REPORT_BY_PID;
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = table_new(&t, &c->terminal, c->legend);
        if (r >= 0)
                r = table_add_column(t, "SELF", TABLE_RIGHT);
        if (r >= 0 && !by_label)
                r = table_add_column(t, "CUM", TABLE_RIGHT);
        if (r >= 0)
                r = table_add_column(t, titles[c->by], TABLE_TRUNCATE);
        if (r >= 0 && (c->by == REPORT_BY_FUNCTION || c->by == REPORT_BY_LINE))
                r = table_add_column(t, "BINARY", 0);
        for (size_t i = 0; r >= 0 && i < shown; i++)
                r = add_row(c, t, &rows[i], total);
        if (r < 0)
                return r;

        r = table_print(t, stdout);
        if (r < 0)
                return r;
        if (shown < n && c->legend)
                printf("%zu of %s %s; --lines=0 for all\n", shown, FORMAT_COUNT(n), plurals[c->by]);
        return 0;
}

void report_add_json_rows(
        const Ctl *c, JsonOutput *j, const ReportRow *rows, size_t n, size_t shown) {
        json_add_string(j, "by", report_grouping_to_string(c->by));
        json_add_count(j, "n_rows", n);
        report_rows_to_json(j, "rows", rows, shown);
}

static void add_json_quality(JsonOutput *j,
                             const ProfileNotes *notes,
                             const ProfileFrames *frames) {
        json_open_object(j, "quality");
        json_add_count(j, "frames", frames->frames);
        json_add_count(j, "frames_named", frames->named);
        json_add_count(j, "lost_samples", notes->lost_samples);
        json_add_count(j, "stacks_complete", notes->stacks_complete);
        json_add_count(j, "stacks_truncated", notes->stacks_truncated);
        json_add_count(j, "stacks_broken", notes->stacks_broken);
        json_add_count(j, "stacks_none", notes->stacks_none);
        json_add_count(j, "stacks_guessed", notes->stacks_guessed);
        stack_reasons_to_json(&notes->broken, j);
        json_close(j);
}

static int add_json_path(JsonOutput *j, ReportData *d) {
        ReportStep *steps;
        int64_t value;
        size_t n;
        int r;

        r = profile_heaviest_path(d->profile, d->value_type, &steps, &n, &value);
        if (r < 0)
                return r;
        json_open_object(j, "heaviest_path");
        json_add_integer(j, "value", value);
        json_open_array(j, "functions");
        for (size_t i = 0; i < n; i++)
                json_add_string(j, NULL, steps[i].name);
        json_close(j);
        json_close(j);
        report_steps_free(steps, n);
        return 0;
}

static int add_json(const Ctl *c,
                    JsonOutput *j,
                    const char *unit,
                    ReportData *d,
                    const ReportRow *rows,
                    size_t n,
                    size_t shown) {
        int64_t samples = report_data_count_samples(d);
        ProfileFrames frames;
        int r;

        profile_count_frames(d->profile, &frames);
        json_open_object(j, NULL);
        json_add_string(j, "unit", unit ?: profile_get_note(d->profile, "unit"));
        json_add_string(j, "type", value_name(d));
        json_add_string(j, "value_unit", value_unit(d));
        json_add_count(j, "start_usec", d->start_usec);
        json_add_count(j, "end_usec", d->end_usec);
        json_add_count(j, "covered_usec", d->covered_usec);
        json_add_count(j, "profiles", d->n_parts);
        json_add_count(j, "unreadable", d->n_failed);
        if (samples >= 0)
                json_add_integer(j, "samples", samples);
        else
                json_add_null(j, "samples");
        json_add_integer(j, "total", profile_total(d->profile, d->value_type));
        json_open_array(j, "load");
        for (size_t i = 0; i < d->n_parts; i++) {
                json_open_object(j, NULL);
                json_add_count(j, "start_usec", d->parts[i].start_usec);
                json_add_count(j, "duration_usec", d->parts[i].duration_usec);
                json_add_integer(j, "value", d->parts[i].value);
                json_close(j);
        }
        json_close(j);
        add_json_quality(j, &d->notes, &frames);
        r = add_json_path(j, d);
        report_add_json_rows(c, j, rows, n, shown);
        json_close(j);
        return r;
}

static int print_text(const Ctl *c,
                      const char *unit,
                      const char *type,
                      ReportData *d,
                      const ReportRow *rows,
                      size_t n,
                      size_t shown) {
        int64_t total = profile_total(d->profile, d->value_type);
        ProfileFrames frames;
        int r;

        profile_count_frames(d->profile, &frames);
        print_header(c, unit, type, d);
        r = print_load(c, d, &frames);
        if (r < 0)
                return r;
        r = print_path(c, d, total);
        if (r < 0)
                return r;
        return report_print_table(c, rows, n, shown, total);
}

int report_print(
        const Ctl *c, ReportSink *sink, const char *unit, const char *type, ReportData *d) {
        ReportRow *rows;
        size_t n, shown;
        int r;

        r = profile_report_rows(d->profile, d->value_type, c->by, &rows, &n);
        if (r < 0)
                return r;
        shown = c->n_lines > 0 ? MIN(c->n_lines, n) : n;

        if (sink->json)
                r = add_json(c, sink->json, unit, d, rows, n, shown);
        else {
                ctl_start_output(c);
                if (sink->n_reports > 0)
                        putchar('\n');
                r = print_text(c, unit, type, d, rows, n, shown);
        }
        sink->n_reports++;
        report_rows_free(rows, n);
        return r;
}
