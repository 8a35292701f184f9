/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl disk-usage: what the store takes, by unit, or by unit and day */

#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "ctl/table.h"
#include "view/format.h"

/* Entries of one unit, or of one unit and day. */
typedef struct Usage {
        const char *unit;
        usec_t day_usec; /* its beginning, UTC */
        size_t n_files;  /* that count; bytes are of all */
        uint64_t bytes;
        uint64_t newest_bytes;           /* of its newest 24 hours */
        usec_t oldest_usec, newest_usec; /* start of the first, end of the last */
} Usage;

typedef struct Column {
        const char *name;
        unsigned flags;
} Column;

static int compare_entries(const void *a, const void *b) {
        const StoreEntry *x = a, *y = b;
        int r;

        r = strcmp(x->unit, y->unit);
        return r != 0 ? r : x->start_usec < y->start_usec ? -1 : x->start_usec > y->start_usec;
}

/* The largest first, days in their order. */
static int compare_usages(const void *a, const void *b) {
        const Usage *x = a, *y = b;

        if (x->day_usec != y->day_usec)
                return x->day_usec < y->day_usec ? -1 : 1;
        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return strcmp(x->unit, y->unit);
}

static void add_entry(Usage *u, const StoreEntry *e) {
        if (u->bytes == 0 || e->start_usec < u->oldest_usec)
                u->oldest_usec = e->start_usec;
        u->newest_usec = MAX(u->newest_usec, e->start_usec + e->duration_usec);
        u->bytes += e->size_bytes;
        u->n_files += e->replaced_usec == 0;
}

/* Bytes that a unit gets in a day, before they are compacted; 0: it is not known for even an hour.
 */
static uint64_t bytes_per_day(const Usage *u) {
        usec_t range = MIN(u->newest_usec - u->oldest_usec, USEC_PER_DAY);

        if (range < USEC_PER_HOUR)
                return 0;
        return (uint64_t) ((double) u->newest_bytes / (double) range * USEC_PER_DAY);
}

static int add_row(Table *t, const Usage *u) {
        uint64_t rate = bytes_per_day(u);
        const char *const cells[] = {
                u->unit,
                FORMAT_COUNT(u->n_files),
                FORMAT_BYTES(u->bytes),
                rate > 0 ? FORMAT_BYTES(rate) : "-",
                FORMAT_TIME(u->oldest_usec, FORMAT_TIME_MINUTE),
                FORMAT_TIME(u->newest_usec, FORMAT_TIME_MINUTE),
        };

        return table_add_row(t, cells);
}

static int add_row_of_day(Table *t, const Usage *u) {
        time_t seconds = (time_t) (u->day_usec / USEC_PER_SEC);
        char day[FORMAT_MAX] = "-";
        struct tm tm;
        const char *const cells[] = {
                day,
                u->unit,
                FORMAT_COUNT(u->n_files),
                FORMAT_BYTES(u->bytes),
        };

        if (gmtime_r(&seconds, &tm))
                (void) strftime(day, sizeof(day), "%a %Y-%m-%d", &tm);
        return table_add_row(t, cells);
}

static int make_table(const Ctl *c, Table **ret) {
        static const Column of_units[] = {
                { "UNIT", TABLE_TRUNCATE },
                { "PROFILES", TABLE_RIGHT },
                { "SIZE", TABLE_RIGHT },
                { "PER DAY", TABLE_RIGHT },
                { "OLDEST", 0 },
                { "NEWEST", 0 },
        };
        static const Column of_days[] = {
                { "DAY", 0 },
                { "UNIT", TABLE_TRUNCATE },
                { "PROFILES", TABLE_RIGHT },
                { "SIZE", TABLE_RIGHT },
        };
        const Column *columns = c->by_day ? of_days : of_units;
        size_t n = c->by_day ? ELEMENTSOF(of_days) : ELEMENTSOF(of_units);
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = table_new(&t, &c->terminal, c->legend);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = table_add_column(t, columns[i].name, columns[i].flags);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static size_t count_units(const Usage *usages, size_t n) {
        size_t n_units = 0;

        for (size_t i = 0; i < n; i++) {
                size_t k = 0;

                while (k < i && !streq(usages[k].unit, usages[i].unit))
                        k++;
                n_units += k == i;
        }
        return n_units;
}

static int print_table(const Ctl *c, Store *s, const Usage *usages, size_t n, const Usage *all) {
        size_t n_units = count_units(usages, n);
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = make_table(c, &t);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = c->by_day ? add_row_of_day(t, &usages[i]) : add_row(t, &usages[i]);
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
                       all->n_files == 1 ? "profile" : "profiles", n_units,
                       n_units == 1 ? "unit" : "units", FORMAT_BYTES(all->bytes),
                       store_get_directory(s));
        return EXIT_CODE_OK;
}

static void add_json(const Ctl *c, JsonOutput *j, const Usage *u) {
        json_open_object(j, NULL);
        json_add_string(j, "unit", u->unit);
        if (c->by_day)
                json_add_count(j, "day_usec", u->day_usec);
        json_add_count(j, "profiles", u->n_files);
        json_add_count(j, "size", u->bytes);
        if (!c->by_day) {
                json_add_count(j, "size_per_day", bytes_per_day(u));
                json_add_count(j, "oldest_usec", u->oldest_usec);
                json_add_count(j, "newest_usec", u->newest_usec);
        }
        json_close(j);
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
        json_open_array(j, c->by_day ? "days" : "units");
        for (size_t i = 0; i < n; i++)
                add_json(c, j, &usages[i]);
        json_close(j);
        return ctl_print_json(c, TAKE_PTR(j));
}

/* The entries of a unit are known to their end before its newest day is. */
static void add_newest_day(Usage *u, const StoreEntry *entries, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (entries[i].replaced_usec == 0 &&
                    entries[i].start_usec + USEC_PER_DAY >= u->newest_usec)
                        u->newest_bytes += entries[i].size_bytes;
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
        for (size_t i = 0, end; i < n_entries; i = end) {
                Usage *u = &usages[n++];

                u->unit = entries[i].unit;
                if (c->by_day)
                        u->day_usec = entries[i].start_usec / USEC_PER_DAY * USEC_PER_DAY;
                for (end = i; end < n_entries && streq(entries[end].unit, u->unit) &&
                              (!c->by_day || entries[end].start_usec < u->day_usec + USEC_PER_DAY);
                     end++) {
                        add_entry(u, &entries[end]);
                        add_entry(&all, &entries[end]);
                }
                add_newest_day(u, entries + i, end - i);
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
        r = store_list_all(s, patterns, c->type, c->since_usec, c->until_usec, &entries, &n);
        if (r >= 0) {
                (void) ctl_warn_unreadable(s);
                r = print_usages(c, s, entries, n);
                store_entries_free(entries, n);
        }
        return r < 0 ? ctl_error_errno(r, NULL, "The store cannot be read.") : r;
}
