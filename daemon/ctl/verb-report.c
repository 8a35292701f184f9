/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl report: where a unit spent its time, on one page */

#include <fcntl.h>

#include "basic/string-util.h"
#include "ctl/ctl-collect.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "ctl/report-peek.h"
#include "ctl/report-print.h"
#include "profile/profile-report.h"
#include "view/report-data.h"

static int print_report(
        const Ctl *c, ReportSink *sink, const char *unit, const char *type, ReportData *d) {
        return c->peek ? report_print_peek(c, sink, unit, type, d)
                       : report_print(c, sink, unit, type, d);
}

static int no_peek(const Ctl *c) {
        return ctl_error(EXIT_CODE_NO_MATCH,
                         "It is compared with the names as the report shows them.",
                         "'profilerctl report --lines=0' lists all functions.",
                         "No function matches --peek=%s.", c->peek);
}

/* The n entries are all of one unit. */
static int report_unit(const Ctl *c,
                       Store *s,
                       const StoreEntry *entries,
                       size_t n,
                       const char *type,
                       ReportSink *sink) {
        _cleanup_(report_data_done) ReportData d = {};
        const char *unit = entries[0].unit;
        int r, code;

        code = collect_stored(c, s, entries, n, type, &d);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        if (!d.profile)
                return ctl_error(collect_failure_code(&d), NULL,
                                 "'profilerctl verify' checks the files.",
                                 "No profile of %s could be read.", unit);

        r = print_report(c, sink, unit, type, &d);
        if (r == -ENOENT)
                return no_peek(c);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The report of %s failed.", unit);
        return code;
}

/* A report for each unit of the entries, which are sorted by it. The worst exit code. */
static int report_entries(const Ctl *c,
                          Store *s,
                          const StoreEntry *entries,
                          size_t n,
                          const char *type,
                          ReportSink *sink) {
        int code = EXIT_CODE_OK;

        for (size_t i = 0, end; i < n; i = end) {
                int r;

                for (end = i + 1; end < n && streq(entries[end].unit, entries[i].unit); end++)
                        ;
                r = report_unit(c, s, entries + i, end - i, type, sink);
                if (r != EXIT_CODE_OK && r != EXIT_CODE_GAPS)
                        return r;
                code = MAX(code, r);
        }
        return code;
}

static int report_units(const Ctl *c, char **names, ReportSink *sink) {
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        const char *type = c->type ?: "cpu";
        StoreEntry *entries = NULL;
        int r, code;
        size_t n;

        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_store_open(c, &s);
        if (r != 0)
                return r;
        code = collect_entries(c, s, patterns, type, &entries, &n);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        r = report_entries(c, s, entries, n, type, sink);
        store_entries_free(entries, n);
        return r == EXIT_CODE_OK ? code : r;
}

/* All files are one report: whoever names several wants them merged. */
static int report_files(const Ctl *c, char **names, ReportSink *sink) {
        _cleanup_(report_data_done) ReportData d = {};
        int r;

        for (char **name = names; *name; name++) {
                r = report_data_add_file(&d, AT_FDCWD, *name, *name, c->type, ctl_warn_left_out);
                if (r < 0)
                        return ctl_oom();
        }
        if (!d.profile)
                return ctl_error(
                        collect_failure_code(&d), NULL, "'profilerctl verify FILE' says more.",
                        "%s could not be reported.", names[1] ? "None of the files" : names[0]);

        if (report_data_settle(&d) < 0)
                return ctl_oom();
        r = print_report(c, sink, NULL, NULL, &d);
        if (r == -ENOENT)
                return no_peek(c);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The report failed.");
        return d.n_failed > 0 ? EXIT_CODE_GAPS : EXIT_CODE_OK;
}

int verb_report(const Ctl *c, char **names) {
        _cleanup_(report_sink_done) ReportSink sink = {};
        size_t n_files = 0;
        int r, code;

        for (char **name = names; *name; name++)
                n_files += ctl_name_is_file(*name);
        if (n_files > 0 && names[n_files])
                return ctl_error(EXIT_CODE_USAGE, "A report is either of units or of files.",
                                 "Ask for two reports.", "Units and files cannot be mixed.");

        r = report_check_peek(c);
        if (r != 0)
                return r;
        r = report_sink_init(&sink, c);
        if (r < 0)
                return ctl_oom();
        code = n_files > 0 ? report_files(c, names, &sink) : report_units(c, names, &sink);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        r = report_sink_finish(&sink, c);
        return r != EXIT_CODE_OK ? r : code;
}
