/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl disk-usage, vacuum: what the store takes, and how it takes less */

#include <limits.h>

#include "basic/parse.h"
#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "ctl/table.h"
#include "view/format.h"

/* Entries of one unit. */
typedef struct Usage {
        const char *unit;
        size_t n_files;
        uint64_t bytes;
        usec_t oldest_usec, newest_usec; /* start of the first, end of the last */
} Usage;

static int compare_entries(const void *a, const void *b) {
        return strcmp(((const StoreEntry *) a)->unit, ((const StoreEntry *) b)->unit);
}

static int compare_usages(const void *a, const void *b) {
        const Usage *x = a, *y = b;

        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return strcmp(x->unit, y->unit);
}

static void add_entry(Usage *u, const StoreEntry *e) {
        if (u->n_files == 0 || e->start_usec < u->oldest_usec)
                u->oldest_usec = e->start_usec;
        u->newest_usec = MAX(u->newest_usec, e->start_usec + e->duration_usec);
        u->bytes += e->size_bytes;
        u->n_files++;
}

/* Bytes that a unit gets in a day, 0: it is not known for even an hour. */
static uint64_t bytes_per_day(const Usage *u) {
        usec_t range = u->newest_usec - u->oldest_usec;

        if (range < USEC_PER_HOUR)
                return 0;
        return (uint64_t) ((double) u->bytes / (double) range * USEC_PER_DAY);
}

static int add_row(Table *t, const Usage *u) {
        uint64_t rate = bytes_per_day(u);
        const char *const cells[] = {
                u->unit,
                FORMAT_COUNT(u->n_files),
                FORMAT_BYTES(u->bytes),
                rate > 0 ? FORMAT_BYTES(rate) : "-",
                FORMAT_TIME(u->oldest_usec, FORMAT_TIME_FULL),
                FORMAT_TIME(u->newest_usec, FORMAT_TIME_FULL),
        };

        return table_add_row(t, cells);
}

static int print_table(const Ctl *c, Store *s, const Usage *usages, size_t n, const Usage *all) {
        static const struct {
                const char *name;
                unsigned flags;
        } columns[] = {
                { "UNIT", TABLE_TRUNCATE },
                { "PROFILES", TABLE_RIGHT },
                { "SIZE", TABLE_RIGHT },
                { "PER DAY", TABLE_RIGHT },
                { "OLDEST", 0 },
                { "NEWEST", 0 },
        };
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = table_new(&t, &c->terminal, c->legend);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(columns); i++)
                r = table_add_column(t, columns[i].name, columns[i].flags);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_row(t, &usages[i]);
        if (r < 0)
                return r;
        ctl_start_output(c);
        if (n > 0) {
                r = table_print(t, stdout);
                if (r < 0)
                        return r;
        }
        if (c->legend)
                printf("%zu %s of %zu %s take %s in %s.\n", all->n_files,
                       all->n_files == 1 ? "profile" : "profiles", n, n == 1 ? "unit" : "units",
                       FORMAT_BYTES(all->bytes), store_get_directory(s));
        return EXIT_CODE_OK;
}

static int print_json(const Ctl *c, Store *s, const Usage *usages, size_t n, const Usage *all) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        int r;

        r = json_output_new(&j);
        if (r < 0)
                return r;
        json_add_string(j, "path", store_get_directory(s));
        json_add_count(j, "profiles", all->n_files);
        json_add_count(j, "size", all->bytes);
        json_open_array(j, "units");
        for (size_t i = 0; i < n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "unit", usages[i].unit);
                json_add_count(j, "profiles", usages[i].n_files);
                json_add_count(j, "size", usages[i].bytes);
                json_add_count(j, "size_per_day", bytes_per_day(&usages[i]));
                json_add_count(j, "oldest_usec", usages[i].oldest_usec);
                json_add_count(j, "newest_usec", usages[i].newest_usec);
                json_close(j);
        }
        json_close(j);
        return ctl_print_json(c, TAKE_PTR(j));
}

static int print_usages(const Ctl *c, Store *s, StoreEntry *entries, size_t n_entries) {
        _cleanup_free_ Usage *usages = NULL;
        Usage all = {};
        size_t n = 0;

        usages = calloc(n_entries + 1, sizeof(*usages));
        if (!usages)
                return -ENOMEM;
        if (n_entries > 0)
                qsort(entries, n_entries, sizeof(*entries), compare_entries);
        for (size_t i = 0; i < n_entries; i++) {
                if (i == 0 || !streq(entries[i].unit, entries[i - 1].unit))
                        usages[n++].unit = entries[i].unit;
                add_entry(&usages[n - 1], &entries[i]);
                add_entry(&all, &entries[i]);
        }
        qsort(usages, n, sizeof(*usages), compare_usages);
        return c->json == JSON_MODE_OFF ? print_table(c, s, usages, n, &all)
                                        : print_json(c, s, usages, n, &all);
}

int verb_disk_usage(const Ctl *c, char **names) {
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry *entries = NULL;
        size_t n;
        int r;

        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_store_open(c, &s);
        if (r != 0)
                return r;
        r = store_list(s, patterns, c->type, c->since_usec, c->until_usec, &entries, &n);
        if (r >= 0) {
                r = print_usages(c, s, entries, n);
                store_entries_free(entries, n);
        }
        return r < 0 ? ctl_error_errno(r, NULL, "The store cannot be read.") : r;
}

/* ---- vacuum ---- */

/* 0 or an exit code. */
static int parse_limits(const Ctl *c, StoreTrim *ret) {
        StoreTrim t = { .max_use_bytes = UINT64_MAX };
        usec_t age;

        if (!c->vacuum_size && !c->vacuum_time && !c->vacuum_files)
                return ctl_error(EXIT_CODE_USAGE, NULL,
                                 "Add --size=500M, --time=7d or --files=100.",
                                 "'vacuum' needs to know what may stay.");
        if (c->vacuum_size && parse_size(c->vacuum_size, &t.max_use_bytes) < 0)
                return ctl_error(EXIT_CODE_USAGE, NULL, "Write '500M' or '2G'.",
                                 "Invalid --size=%s.", c->vacuum_size);
        if (c->vacuum_time) {
                if (parse_timespan(c->vacuum_time, &age) < 0)
                        return ctl_error(EXIT_CODE_USAGE, NULL, "Write '7d' or '12h'.",
                                         "Invalid --time=%s.", c->vacuum_time);
                t.before_usec = age < c->now_usec ? c->now_usec - age : 0;
        }
        if (c->vacuum_files) {
                unsigned n;

                if (parse_unsigned(c->vacuum_files, 1, UINT_MAX, &n) < 0)
                        return ctl_error(EXIT_CODE_USAGE, NULL, "Write a number above 0.",
                                         "Invalid --files=%s.", c->vacuum_files);
                t.max_files = n;
        }
        *ret = t;
        return 0;
}

static int print_vacuumed(const Ctl *c, const StoreVacuum *done) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;

        if (c->json == JSON_MODE_OFF) {
                printf("Removed %s %s, %s.\n", FORMAT_COUNT(done->n_removed),
                       done->n_removed == 1 ? "profile" : "profiles",
                       FORMAT_BYTES(done->bytes_removed));
                return EXIT_CODE_OK;
        }
        if (json_output_new(&j) < 0)
                return ctl_oom();
        json_add_count(j, "removed", done->n_removed);
        json_add_count(j, "removed_bytes", done->bytes_removed);
        return ctl_print_json(c, TAKE_PTR(j));
}

int verb_vacuum(const Ctl *c, char **names) {
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        StoreVacuum done = {};
        StoreTrim limits;
        int r, code;

        r = parse_limits(c, &limits);
        if (r != 0)
                return r;
        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_store_open(c, &s);
        if (r != 0)
                return r;
        r = store_trim(s, patterns, &limits, &done);
        if (r < 0)
                code = ctl_error_errno(r, "Try again as root.",
                                       "The profiles cannot be removed, or not all of them.");
        else
                code = EXIT_CODE_OK;
        if (r < 0 && done.n_removed == 0)
                return code;
        r = print_vacuumed(c, &done);
        return code != EXIT_CODE_OK ? code : r;
}
