/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl report: where a unit spent its time, on one page */

#include <fcntl.h>
#include <limits.h>

#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-format.h"
#include "ctl/ctl-store.h"
#include "ctl/report-data.h"
#include "ctl/report-print.h"
#include "profile/profile-report.h"

/* Without --since= and --until=: so much time, back from the end of the newest profile. */
#define REPORT_RANGE_DEFAULT (1 * USEC_PER_HOUR)

/* Without a range the newest hour: older profiles are of another load, and there may be many. */
static size_t skip_old(const Ctl *c, const StoreEntry *entries, size_t n) {
        usec_t newest = 0;
        size_t first = 0;

        if (c->since || c->until || c->n_newest > 0)
                return 0;
        for (size_t i = 0; i < n; i++)
                newest = MAX(newest, entries[i].start_usec + entries[i].duration_usec);
        while (first < n && entries[first].start_usec + REPORT_RANGE_DEFAULT < newest)
                first++;
        return MIN(first, n - 1);
}

/* Does the store as a whole start later than what was asked for? Then it is not the unit's fault.
 */
static bool range_is_cut(const Ctl *c, Store *s, usec_t *ret_oldest) {
        StoreSummary all;

        if (!c->since || ctl_store_summarize(s, NULL, NULL, &all) < 0 || all.n_profiles == 0)
                return false;
        *ret_oldest = all.oldest_usec;
        return all.oldest_usec > c->since_usec;
}

/* Of files that all failed, each with a warning. */
static ExitCode failure_code(const ReportData *d) {
        bool denied = d->first_error == -EACCES || d->first_error == -EPERM;

        return denied ? EXIT_CODE_DENIED : EXIT_CODE_FAILURE;
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
        int r;

        for (size_t i = 0; i < n; i++) {
                char shown[PATH_MAX];

                snprintf(shown, sizeof(shown), "%s/%s", store_get_directory(s), entries[i].path);
                r = report_data_add_file(&d, store_get_fd(s), entries[i].path, shown, type);
                if (r < 0)
                        return ctl_oom();
        }
        if (!d.profile)
                return ctl_error(failure_code(&d), NULL, "'profilerctl verify' checks the files.",
                                 "No profile of %s could be read.", unit);

        r = report_print(c, sink, unit, type, &d);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The report of %s failed.", unit);
        return d.n_failed > 0 ? EXIT_CODE_GAPS : EXIT_CODE_OK;
}

static int compare_entries(const void *a, const void *b) {
        const StoreEntry *x = a, *y = b;
        int r;

        r = strcmp(x->unit, y->unit);
        if (r == 0)
                r = x->start_usec < y->start_usec ? -1 : x->start_usec > y->start_usec;
        return r;
}

/* A report for each unit of the entries; sorts them. The worst exit code. */
static int report_entries(
        const Ctl *c, Store *s, StoreEntry *entries, size_t n, const char *type, ReportSink *sink) {
        int code = EXIT_CODE_OK;

        qsort(entries, n, sizeof(*entries), compare_entries);
        for (size_t i = 0, end; i < n; i = end) {
                int r;

                for (end = i + 1; end < n && streq(entries[end].unit, entries[i].unit); end++)
                        ;
                /* -n counts for each unit: those with the older windows are asked for, too. */
                if (c->n_newest > 0 && end - i > c->n_newest)
                        i = end - c->n_newest;
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
        Ctl all = *c;
        usec_t oldest;
        size_t n, first, n_unmatched;
        int r, code;

        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_store_open(c, &s);
        if (r != 0)
                return r;
        all.n_newest = 0;
        r = ctl_store_list(&all, s, patterns, type, &entries, &n);
        if (r != 0)
                return r;

        n_unmatched = ctl_warn_unmatched(patterns, entries, n);
        first = skip_old(c, entries, n);
        code = report_entries(c, s, entries + first, n - first, type, sink);
        store_entries_free(entries, n);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;

        if (range_is_cut(c, s, &oldest)) {
                ctl_warning("The range is not fully covered: profiles are kept from %s on.",
                            FORMAT_TIME(oldest, FORMAT_TIME_FULL));
                code = EXIT_CODE_GAPS;
        }
        return n_unmatched > 0 ? EXIT_CODE_GAPS : code;
}

/* All files are one report: whoever names several wants them merged. */
static int report_files(const Ctl *c, char **names, ReportSink *sink) {
        _cleanup_(report_data_done) ReportData d = {};
        int r;

        for (char **name = names; *name; name++) {
                r = report_data_add_file(&d, AT_FDCWD, *name, *name, c->type);
                if (r < 0)
                        return ctl_oom();
        }
        if (!d.profile)
                return ctl_error(failure_code(&d), NULL, "'profilerctl verify FILE' says more.",
                                 "%s could not be reported.",
                                 names[1] ? "None of the files" : names[0]);

        r = report_print(c, sink, NULL, NULL, &d);
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

        r = report_sink_init(&sink, c);
        if (r < 0)
                return ctl_oom();
        code = n_files > 0 ? report_files(c, names, &sink) : report_units(c, names, &sink);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        r = report_sink_finish(&sink, c);
        return r != EXIT_CODE_OK ? r : code;
}
