/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl symbols: which files have names, and what to do about the others */

#include "basic/string-util.h"
#include "ctl/ctl-collect.h"
#include "ctl/ctl-error.h"
#include "ctl/symbols-advice.h"
#include "ctl/symbols-fetch.h"
#include "ctl/table.h"
#include "profile/profile-symbols.h"
#include "view/format.h"

enum {
        BUILD_ID_COLUMNS = 12, /* digits that are shown without --all */
        ADVICE_MAX = 10,       /* files that it is given for without --all */
};

static const char *display_name(const Ctl *c, const SymbolsRow *row) {
        const char *slash = strrchr(row->file, '/');

        if (isempty(row->file))
                return PROFILE_UNKNOWN_NAME;
        if (row->kernel)
                return PROFILE_KERNEL_BINARY;
        return !c->all && slash && slash[1] != '\0' ? slash + 1 : row->file;
}

static int add_row(const Ctl *c, Table *t, const SymbolsRow *row, bool is_poor, int64_t total) {
        char self[FORMAT_MAX], build_id[BUILD_ID_COLUMNS + 1];
        const char *cells[5];
        int r;

        snprintf(build_id, sizeof(build_id), "%s", row->build_id);
        cells[0] = format_share_fine(self, row->self, total);
        cells[1] = FORMAT_SHARE(row->named, row->frames);
        cells[2] = row->kernel ? "kallsyms" : isempty(row->sources) ? "-" : row->sources;
        cells[3] = display_name(c, row);
        cells[4] = isempty(row->build_id) ? "-" : c->all ? row->build_id : build_id;
        r = table_add_row(t, cells);
        return r >= 0 && is_poor ? table_set_color(t, 1, TERMINAL_YELLOW) : r;
}

static int print_table(
        const Ctl *c, const SymbolsRow *rows, size_t n, size_t shown, int64_t total) {
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = table_new(&t, &c->terminal, c->legend);
        if (r >= 0)
                r = table_add_column(t, "SELF", TABLE_RIGHT);
        if (r >= 0)
                r = table_add_column(t, "NAMED", TABLE_RIGHT);
        if (r >= 0)
                r = table_add_column(t, "SOURCE", 0);
        if (r >= 0)
                r = table_add_column(t, "FILE", TABLE_TRUNCATE);
        if (r >= 0)
                r = table_add_column(t, "BUILD ID", 0);
        for (size_t i = 0; r >= 0 && i < shown; i++)
                r = add_row(c, t, &rows[i], symbols_row_is_poor(&rows[i], rows, n), total);
        if (r >= 0)
                r = table_print(t, stdout);
        if (r >= 0 && shown < n && c->legend)
                printf("%zu of %zu files; --lines=0 for all\n", shown, n);
        return r;
}

/* NULL: out of memory. */
static char *make_advice(const SymbolsRow *row,
                         const SymbolsRow *rows,
                         size_t n,
                         const char *unit) {
        _cleanup_free_ char *package = NULL;

        if (symbols_row_is_file(row))
                (void) symbols_find_package(row->file, &package);
        return symbols_advise(row, rows, n, package, unit);
}

static int print_advice(const Ctl *c, const SymbolsRow *rows, size_t n, const char *unit) {
        bool any_dbgsym = false;
        size_t n_given = 0;

        for (size_t i = 0; i < n && (c->all || n_given < ADVICE_MAX); i++) {
                _cleanup_free_ char *advice = NULL, *name = NULL;

                if (!symbols_row_is_poor(&rows[i], rows, n))
                        continue;
                advice = make_advice(&rows[i], rows, n, unit);
                name = format_text(display_name(c, &rows[i]), 0, c->terminal.utf8);
                if (!advice || !name)
                        return -ENOMEM;
                printf("%s%s: %s of its frames are named\n", n_given++ == 0 ? "\n" : "", name,
                       FORMAT_SHARE(rows[i].named, rows[i].frames));
                printf("  Fix: ");
                ctl_print_wrapped(c, strlen("  Fix: "), strlen("  Fix: "), advice);
                any_dbgsym = any_dbgsym || strstr(advice, "-dbgsym");
        }
        if (any_dbgsym)
                ctl_hint(c, "Packages that end in -dbgsym are in the archive debian-debug; see "
                            "https://wiki.debian.org/HowToGetABacktrace.");
        return 0;
}

static void add_json(JsonOutput *j, const SymbolsRow *row, const char *advice) {
        json_open_object(j, NULL);
        json_add_string(j, "file", isempty(row->file) ? NULL : row->file);
        json_add_string(j, "build_id", isempty(row->build_id) ? NULL : row->build_id);
        json_add_bool(j, "kernel", row->kernel);
        json_add_string(j, "source",
                        row->kernel             ? "kallsyms"
                        : isempty(row->sources) ? NULL
                                                : row->sources);
        json_add_count(j, "frames", row->frames);
        json_add_count(j, "frames_named", row->named);
        json_add_integer(j, "self", row->self);
        json_add_integer(j, "self_unnamed", row->unnamed);
        json_add_string(j, "fix", advice);
        json_close(j);
}

static int print_json(const Ctl *c,
                      const SymbolsRow *rows,
                      size_t n,
                      size_t shown,
                      int64_t total,
                      const char *unit) {
        JsonOutput *j;

        if (json_output_new(&j) < 0)
                return ctl_oom();
        json_add_string(j, "title", unit);
        json_add_integer(j, "total", total);
        json_open_array(j, "files");
        for (size_t i = 0; i < shown; i++) {
                _cleanup_free_ char *advice = NULL;

                if (symbols_row_is_poor(&rows[i], rows, n))
                        advice = make_advice(&rows[i], rows, n, unit);
                add_json(j, &rows[i], advice);
        }
        json_close(j);
        return ctl_print_json(c, j);
}

static int print_symbols(const Ctl *c, ReportData *d, const char *title) {
        int64_t total = profile_total(d->profile, d->value_type);
        SymbolsRow *rows;
        size_t n, shown;
        int r;

        r = profile_symbols(d->profile, d->value_type, &rows, &n);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The files of %s cannot be listed.", title);
        shown = c->n_lines > 0 ? MIN(c->n_lines, n) : n;

        if (c->json != JSON_MODE_OFF)
                r = print_json(c, rows, n, shown, total, title);
        else {
                ctl_start_output(c);
                r = print_table(c, rows, n, shown, total);
                if (r >= 0)
                        r = print_advice(c, rows, n, title);
                if (r < 0)
                        r = ctl_error_errno(r, NULL, "The table failed.");
        }
        symbols_rows_free(rows, n);
        return r;
}

int verb_symbols(const Ctl *c, char **names) {
        char *all_units[] = { (char[]){ "*" }, NULL };
        _cleanup_(report_data_done) ReportData d = {};
        _cleanup_free_ char *title = NULL;
        bool fetch = names[0] && streq(names[0], "fetch");
        int r = 0, code;

        if (fetch && !*++names)
                return ctl_error(EXIT_CODE_USAGE,
                                 "It asks servers on the network, so it wants to be "
                                 "told what for.",
                                 "Name a unit: 'profilerctl symbols fetch UNIT'.",
                                 "'symbols fetch' needs a name.");
        if (fetch) {
                r = symbols_fetch_check(c);
                if (r != EXIT_CODE_OK)
                        return r;
        }
        code = collect_names(c, names[0] ? names : all_units, &d, &title);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        /* Of several no one name is right. */
        if (!names[0] || names[1])
                r = free_and_strdup(&title, "UNIT");
        if (r < 0)
                return ctl_oom();
        r = fetch ? symbols_fetch(c, &d) : print_symbols(c, &d, title);
        return r != EXIT_CODE_OK ? r : code;
}
