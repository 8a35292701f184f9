/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl list: the stored profiles, one a line */

#include <limits.h>

#include "basic/string-util.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "ctl/table.h"
#include "profile/pprof-reader.h"
#include "view/format.h"

enum {
        /* Every row means to read a file; more are shown if they are asked for. */
        LIST_ROWS_DEFAULT = 1000,
};

/* What the file itself says. */
typedef struct Details {
        const char *state; /* "present", "missing", "error" */
        bool has_samples, has_cpu;
        int64_t samples, cpu_nsec;
} Details;

static void add_total(const PprofReader *p, const char *type, bool *ret_found, int64_t *ret) {
        int i = profile_find_value_type(pprof_reader_get_head(p), type);

        *ret_found = i >= 0;
        if (i >= 0)
                *ret = pprof_reader_total(p, i);
}

static int read_details(PprofReader *p, Store *s, const StoreEntry *e, Details *ret) {
        Details d = { .state = "present" };
        int r;

        r = pprof_reader_open_file(p, store_get_fd(s), e->path, NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                d.state = r == -ENOENT ? "missing" : "error";
        else {
                add_total(p, "samples", &d.has_samples, &d.samples);
                add_total(p, "cpu", &d.has_cpu, &d.cpu_nsec);
        }
        *ret = d;
        return 0;
}

static void add_json(JsonOutput *j, const Store *s, const StoreEntry *e, const Details *d) {
        char boot_id[SD_ID128_STRING_MAX], path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", store_get_directory(s), e->path);
        json_open_object(j, NULL);
        json_add_string(j, "unit", e->unit);
        json_add_string(j, "type", e->type);
        json_add_count(j, "start_usec", e->start_usec);
        json_add_count(j, "duration_usec", e->duration_usec);
        if (d->has_samples)
                json_add_integer(j, "samples", d->samples);
        else
                json_add_null(j, "samples");
        if (d->has_cpu)
                json_add_integer(j, "cpu_nsec", d->cpu_nsec);
        else
                json_add_null(j, "cpu_nsec");
        json_add_count(j, "size", e->size_bytes);
        json_add_string(j, "state", d->state);
        json_add_string(j, "boot_id", sd_id128_to_string(e->boot_id, boot_id));
        json_add_string(j, "id", e->path);
        json_add_string(j, "path", path);
        json_close(j);
}

static int add_row(Table *t, const StoreEntry *e, const Details *d) {
        const char *const cells[] = {
                FORMAT_TIME(e->start_usec, FORMAT_TIME_FULL),
                FORMAT_SPAN(e->duration_usec),
                e->unit,
                e->type,
                d->has_samples ? FORMAT_COUNT(MAX(d->samples, 0)) : "-",
                d->has_cpu ? FORMAT_CORES(MAX(d->cpu_nsec, 0), e->duration_usec) : "-",
                FORMAT_BYTES(e->size_bytes),
                d->state,
        };
        int r;

        r = table_add_row(t, cells);
        if (r < 0)
                return r;
        return streq(d->state, "present") ? 0 : table_set_color(t, 7, TERMINAL_YELLOW);
}

static int make_table(const Ctl *c, Table **ret) {
        static const struct {
                const char *name;
                unsigned flags;
        } columns[] = {
                { "TIME", 0 },
                { "SPAN", TABLE_RIGHT },
                { "UNIT", TABLE_TRUNCATE },
                { "TYPE", 0 },
                { "SAMPLES", TABLE_RIGHT },
                { "CPU", TABLE_RIGHT },
                { "SIZE", TABLE_RIGHT },
                { "FILE", 0 },
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

static int list_entries(const Ctl *c, Store *s, const StoreEntry *entries, size_t n, size_t first) {
        _cleanup_(pprof_reader_freep) PprofReader *p = NULL;
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = pprof_reader_new(&p);
        if (r >= 0)
                r = c->json == JSON_MODE_OFF ? make_table(c, &t) : json_output_new(&j);
        if (r < 0)
                return r;
        if (j)
                json_open_array(j, "profiles");

        for (size_t i = first; i < n; i++) {
                const StoreEntry *e = &entries[c->reverse ? n - 1 - (i - first) : i];
                Details d;

                r = read_details(p, s, e, &d);
                if (r < 0)
                        return r;
                /* Gone since the directory was read. */
                if (streq(d.state, "missing") && !c->all)
                        continue;
                if (j)
                        add_json(j, s, e, &d);
                else
                        r = add_row(t, e, &d);
                if (r < 0)
                        return r;
        }

        if (j) {
                json_close(j);
                return ctl_print_json(c, TAKE_PTR(j));
        }
        ctl_start_output(c);
        return table_print(t, stdout);
}

int verb_list(const Ctl *c, char **names) {
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry *entries = NULL;
        size_t n, first = 0, n_unmatched;
        int r;

        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_store_open(c, &s);
        if (r != 0)
                return r;
        r = ctl_store_list(c, s, patterns, c->type, &entries, &n);
        if (r != 0)
                return r;

        if (c->json == JSON_MODE_OFF && !c->all && c->n_newest == 0 && !c->since && !c->until &&
            n > LIST_ROWS_DEFAULT)
                first = n - LIST_ROWS_DEFAULT;

        r = list_entries(c, s, entries, n, first);
        n_unmatched = c->n_newest == 0 ? ctl_warn_unmatched(patterns, entries, n) : 0;
        store_entries_free(entries, n);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The profiles cannot be listed.");
        if (first > 0)
                ctl_hint(c, "%zu older profiles are left out; --all lists them too.", first);
        if (r == EXIT_CODE_OK && n_unmatched > 0)
                return EXIT_CODE_GAPS;
        return r;
}
