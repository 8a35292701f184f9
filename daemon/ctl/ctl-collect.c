/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting Profiles */

#include <fcntl.h>
#include <limits.h>

#include "basic/string-util.h"
#include "ctl/ctl-collect.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "ctl/progress.h"
#include "view/format.h"
#include "view/selection.h"

static int compare_entries(const void *a, const void *b) {
        const StoreEntry *x = a, *y = b;
        int r;

        r = strcmp(x->unit, y->unit);
        if (r == 0)
                r = x->start_usec < y->start_usec ? -1 : x->start_usec > y->start_usec;
        return r;
}

/* -n counts for each unit: those with the older windows are asked for, too. Returns how many are
 * left. */
static size_t keep_newest(StoreEntry *entries, size_t n, size_t n_newest) {
        size_t kept = 0;

        for (size_t i = 0, end; i < n; i = end) {
                size_t skip;

                for (end = i + 1; end < n && streq(entries[end].unit, entries[i].unit); end++)
                        ;
                skip = n_newest > 0 && end - i > n_newest ? end - i - n_newest : 0;
                for (size_t k = i; k < i + skip; k++)
                        store_entry_done(&entries[k]);
                for (size_t k = i + skip; k < end; k++)
                        entries[kept++] = entries[k];
        }
        return kept;
}

/* Does the store as a whole start later than what was asked for? Then it is not the unit's fault.
 */
static bool range_is_cut(
        const Ctl *c, Store *s, const StoreEntry *entries, size_t n, usec_t *ret_oldest) {
        if (!c->since)
                return false;
        for (size_t i = 0; i < n; i++)
                if (entries[i].start_usec <= c->since_usec)
                        return false;
        return store_find_oldest(s, ret_oldest) >= 0 && *ret_oldest > c->since_usec;
}

/* An hour that was compacted cannot be cut: it is taken whole, and that is said. */
static void hint_wider_range(const Ctl *c, const StoreEntry *entries, size_t n) {
        usec_t from = c->since_usec, to = c->until_usec;

        for (size_t i = 0; i < n; i++) {
                if (entries[i].level == STORE_WINDOW)
                        continue;
                if (c->since)
                        from = MIN(from, entries[i].start_usec);
                if (c->until)
                        to = MAX(to, entries[i].start_usec + entries[i].duration_usec);
        }
        if (from < c->since_usec)
                ctl_hint(c,
                         "Profiles as old as these are kept by the hour or the day: the range "
                         "begins at %s.",
                         FORMAT_TIME(from, FORMAT_TIME_FULL));
        if (to > c->until_usec)
                ctl_hint(c,
                         "Profiles as old as these are kept by the hour or the day: the range "
                         "ends at %s.",
                         FORMAT_TIME(to, FORMAT_TIME_FULL));
}

int collect_entries(const Ctl *c,
                    Store *s,
                    char **patterns,
                    const char *type,
                    StoreEntry **ret,
                    size_t *ret_n) {
        StoreEntry *entries = NULL;
        int r, code = EXIT_CODE_OK;
        Ctl all = *c;
        usec_t oldest;
        size_t n, first;

        all.n_newest = 0;
        r = ctl_store_list(&all, s, patterns, type, &entries, &n);
        if (r != 0)
                return r;

        if (ctl_warn_unmatched(patterns, entries, n) > 0)
                code = EXIT_CODE_GAPS;
        first = c->since || c->until || c->n_newest > 0 ? 0 : selection_find_newest(entries, n);
        for (size_t i = 0; i < first; i++)
                store_entry_done(&entries[i]);
        memmove(entries, entries + first, (n - first) * sizeof(*entries));
        n -= first;
        qsort(entries, n, sizeof(*entries), compare_entries);
        n = keep_newest(entries, n, c->n_newest);
        hint_wider_range(c, entries, n);

        if (range_is_cut(c, s, entries, n, &oldest)) {
                ctl_warning("The range is not fully covered: profiles are kept from %s on.",
                            FORMAT_TIME(oldest, FORMAT_TIME_FULL));
                code = EXIT_CODE_GAPS;
        }
        *ret = entries;
        *ret_n = n;
        return code;
}

ExitCode collect_failure_code(const ReportData *d) {
        bool denied = d->first_error == -EACCES || d->first_error == -EPERM;

        return denied ? EXIT_CODE_DENIED : EXIT_CODE_FAILURE;
}

int collect_stored(const Ctl *c,
                   Store *s,
                   const StoreEntry *entries,
                   size_t n,
                   const char *type,
                   ReportData *d) {
        _cleanup_(progress_done) Progress progress;
        size_t n_failed = d->n_failed;
        bool cut = false;

        progress_init(&progress, c, n, "profiles");
        for (size_t i = 0; i < n && !cut; i++) {
                char shown[PATH_MAX];

                snprintf(shown, sizeof(shown), "%s/%s", store_get_directory(s), entries[i].path);
                if (report_data_add_file(d, store_get_fd(s), entries[i].path, shown, type,
                                         ctl_warn_left_out) < 0)
                        return ctl_oom();
                if (!progress_step(&progress, i + 1) && i + 1 < n) {
                        progress_done(&progress);
                        ctl_warning("Interrupted: %zu of %zu profiles are in the result.", i + 1,
                                    n);
                        cut = true;
                }
        }
        return cut || d->n_failed > n_failed ? EXIT_CODE_GAPS : EXIT_CODE_OK;
}

static int collect_units(const Ctl *c, char **names, ReportData *d) {
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
        r = collect_stored(c, s, entries, n, type, d);
        store_entries_free(entries, n);
        return r == EXIT_CODE_OK ? code : r;
}

static int make_title(char **names, const ReportData *d, char **ret) {
        const char *slash = strrchr(names[0], '/'), *unit = profile_get_note(d->profile, "unit");
        const char *first = slash ? slash + 1 : names[0];
        size_t n = strv_length(names);
        char text[256];

        if (n == 1 && !isempty(unit))
                first = unit;
        if (n == 1)
                snprintf(text, sizeof(text), "%s", first);
        else
                snprintf(text, sizeof(text), "%.200s and %zu more", first, n - 1);
        *ret = utf8_sanitize(text, sizeof(text) - 1);
        return *ret ? 0 : -ENOMEM;
}

int collect_names(const Ctl *c, char **names, ReportData *d, char **ret_title) {
        _cleanup_(strv_freep) char **units = NULL;
        int r, code = EXIT_CODE_OK;

        for (char **name = names; *name; name++) {
                r = ctl_name_is_file(*name) ? report_data_add_file(d, AT_FDCWD, *name, *name,
                                                                   c->type, ctl_warn_left_out)
                                            : strv_extend(&units, *name);
                if (r < 0)
                        return ctl_oom();
        }
        if (d->n_failed > 0)
                code = EXIT_CODE_GAPS;
        if (units) {
                r = collect_units(c, units, d);
                if (r != EXIT_CODE_OK && r != EXIT_CODE_GAPS)
                        return r;
                code = MAX(code, r);
        }
        if (!d->profile)
                return ctl_error(collect_failure_code(d), NULL,
                                 "'profilerctl verify' says more about the files.",
                                 "No profile could be read.");
        if (report_data_settle(d) < 0 || (ret_title && make_title(names, d, ret_title) < 0))
                return ctl_oom();
        return code;
}
