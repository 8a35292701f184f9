/* SPDX-License-Identifier: Apache-2.0 */
/* The Store as profilerctl Sees It */

#include "ctl/ctl-store.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "ctl/ctl-error.h"
#include "paths.h"
#include "view/format.h"

const char *ctl_store_directory(const char *directory) {
        return isempty(directory) ? STATE_DIR : directory;
}

int ctl_store_open(const Ctl *c, Store **ret) {
        const char *directory = ctl_store_directory(c->directory);
        int r;

        r = store_open_reader(ret, directory);
        if (r == -ENOENT)
                return ctl_error(EXIT_CODE_NO_MATCH,
                                 "Nothing has been stored yet, or profiles are kept elsewhere.",
                                 "Start sampling with 'systemctl start profilerd', or name the "
                                 "directory with --directory=.",
                                 "There is no store at %s.", directory);
        if (r == -EACCES || r == -EPERM)
                return ctl_error(EXIT_CODE_DENIED,
                                 "Profiles show what every service does, so not everyone may read "
                                 "them.",
                                 "Try again as root, or as a member of the group 'adm'.",
                                 "The store at %s cannot be read.", directory);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The store at %s cannot be read.", directory);
        return 0;
}

static int compare_units(const void *a, const void *b) {
        return strcmp((*(const StoreEntry *const *) a)->unit,
                      (*(const StoreEntry *const *) b)->unit);
}

/* Different units among the entries. */
static int count_units(const StoreEntry *entries, size_t n, size_t *ret) {
        _cleanup_free_ const StoreEntry **sorted = NULL;
        size_t n_units = 0;

        sorted = calloc(n + 1, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                sorted[i] = &entries[i];
        qsort(sorted, n, sizeof(*sorted), compare_units);
        for (size_t i = 0; i < n; i++)
                n_units += i == 0 || !streq(sorted[i]->unit, sorted[i - 1]->unit);

        *ret = n_units;
        return 0;
}

int ctl_store_summarize(Store *s, char **patterns, const char *type, StoreSummary *ret) {
        StoreEntry *entries = NULL;
        StoreSummary summary = {};
        size_t n;
        int r;

        r = store_list(s, patterns, type, 0, USEC_INFINITY, &entries, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                summary.use_bytes += entries[i].size_bytes;
                summary.newest_usec =
                        MAX(summary.newest_usec, entries[i].start_usec + entries[i].duration_usec);
        }
        summary.n_profiles = n;
        summary.oldest_usec = n > 0 ? entries[0].start_usec : 0;
        r = count_units(entries, n, &summary.n_units);
        store_entries_free(entries, n);
        if (r < 0)
                return r;

        *ret = summary;
        return 0;
}

int ctl_complete_names(char **names, char ***ret) {
        _cleanup_(strv_freep) char **list = NULL;

        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *pattern = NULL;
                int r;

                r = unit_pattern_complete(*name, &pattern);
                if (r == -EINVAL)
                        return ctl_error(EXIT_CODE_USAGE, "No unit can have such a name.",
                                         "'profilerctl status' lists the units.",
                                         "Invalid unit name '%s'.", *name);
                if (r < 0 || strv_extend(&list, pattern) < 0)
                        return ctl_oom();
        }
        *ret = TAKE_PTR(list);
        return 0;
}

bool ctl_name_is_file(const char *name) {
        static const char *const suffixes[] = { ".gz", ".pb", ".pprof", ".prof" };

        if (strchr(name, '/'))
                return true;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (endswith(name, suffixes[i]))
                        return true;
        return false;
}

/* "a.service, b.service", "any unit". */
static char *join_patterns(char **patterns) {
        size_t size = sizeof("any unit");
        char *s, *p;

        for (char **i = patterns; i && *i; i++)
                size += strlen(*i) + strlen(", ");
        s = malloc(size);
        if (!s)
                return NULL;
        p = stpcpy(s, patterns && *patterns ? *patterns : "any unit");
        for (char **i = patterns && *patterns ? patterns + 1 : NULL; i && *i; i++)
                p = stpcpy(stpcpy(p, ", "), *i);
        return s;
}

static void describe_range(
        const Ctl *c, const StoreSummary *there, char *buffer, size_t size, const char **ret_next) {
        *ret_next = NULL;
        if (there->n_profiles == 0) {
                snprintf(buffer, size,
                         "It has not used any CPU time since profiles are kept, or is not to be "
                         "profiled.");
                *ret_next = "A profile is written at the end of each window; 'profilerctl status' "
                            "shows what is profiled, 'profilerctl flush' ends the windows now.";
                return;
        }
        snprintf(buffer, size, "There are %zu, from %s to %s.", there->n_profiles,
                 FORMAT_TIME(there->oldest_usec, FORMAT_TIME_FULL),
                 FORMAT_TIME(there->newest_usec, FORMAT_TIME_FULL));
        *ret_next = c->since_usec >= there->newest_usec
                            ? "Try an earlier --since=, or none for the newest profiles."
                            : "Try another --since= or --until=.";
}

static int no_match(const Ctl *c, Store *s, char **patterns, const char *type) {
        _cleanup_free_ char *names = NULL;
        StoreSummary there = {};
        char why[256];
        const char *next;
        int r;

        r = ctl_store_summarize(s, patterns, type, &there);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The store cannot be read.");
        names = join_patterns(patterns);
        if (!names)
                return ctl_oom();

        describe_range(c, &there, why, sizeof(why), &next);
        if (c->since_usec > 0 && c->until_usec != USEC_INFINITY)
                return ctl_error(EXIT_CODE_NO_MATCH, why, next,
                                 "No profile of %s between %s and %s.", names,
                                 FORMAT_TIME(c->since_usec, FORMAT_TIME_FULL),
                                 FORMAT_TIME(c->until_usec, FORMAT_TIME_FULL));
        if (c->since_usec > 0)
                return ctl_error(EXIT_CODE_NO_MATCH, why, next, "No profile of %s since %s.", names,
                                 FORMAT_TIME(c->since_usec, FORMAT_TIME_FULL));
        if (c->until_usec != USEC_INFINITY)
                return ctl_error(EXIT_CODE_NO_MATCH, why, next, "No profile of %s until %s.", names,
                                 FORMAT_TIME(c->until_usec, FORMAT_TIME_FULL));
        return ctl_error(EXIT_CODE_NO_MATCH, why, next, "No profile of %s.", names);
}

bool ctl_warn_unreadable(const Store *s) {
        size_t n = store_get_n_unreadable(s);

        if (n > 0)
                ctl_warning("%zu %s of the store may not be read and %s left out; try as root.", n,
                            n == 1 ? "directory" : "directories", n == 1 ? "is" : "are");
        return n > 0;
}

int ctl_store_list(const Ctl *c,
                   Store *s,
                   char **patterns,
                   const char *type,
                   StoreEntry **ret,
                   size_t *ret_n) {
        StoreEntry *entries = NULL;
        size_t n, skip = 0;
        int r;

        r = store_list(s, patterns, type, c->since_usec, c->until_usec, &entries, &n);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The store cannot be read.");
        (void) ctl_warn_unreadable(s);
        if (n == 0) {
                store_entries_free(entries, n);
                return no_match(c, s, patterns, type);
        }

        if (c->n_newest > 0 && n > c->n_newest)
                skip = n - c->n_newest;
        for (size_t i = 0; i < skip; i++)
                store_entry_done(&entries[i]);
        memmove(entries, entries + skip, (n - skip) * sizeof(*entries));

        *ret = entries;
        *ret_n = n - skip;
        return 0;
}

size_t ctl_warn_unmatched(char **patterns, const StoreEntry *entries, size_t n) {
        size_t n_unmatched = 0;

        for (char **p = patterns; p && *p; p++) {
                const char *const pattern[] = { *p, NULL };
                bool found = false;

                for (size_t i = 0; !found && i < n; i++)
                        found = unit_patterns_match(pattern,
                                                    (const char *const[]){ entries[i].unit, NULL });
                if (found)
                        continue;
                ctl_warning("No profile of %s was found.", *p);
                n_unmatched++;
        }
        return n_unmatched;
}
