/* SPDX-License-Identifier: Apache-2.0 */
/* Data of a Report */

#include "view/report-data.h"
#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/pprof-reader.h"

void report_data_done(ReportData *d) {
        profile_free(d->profile);
        pprof_reader_free(d->reader);
        free(d->parts);
        *d = (ReportData){};
}

/* Profiles of type "cpu-session" have values of type "cpu". */
static int find_value_type(const Profile *p, const char *type) {
        _cleanup_free_ char *plain = NULL;
        int r;

        if (profile_n_value_types(p) == 0)
                return -ENOENT;
        if (!type)
                return (int) profile_default_value_type(p);
        r = profile_find_value_type(p, type);
        if (r >= 0 || !strchr(type, '-'))
                return r;
        plain = strndup(type, strcspn(type, "-"));
        return plain ? profile_find_value_type(p, plain) : -ENOMEM;
}

/* head: of the file; value: of those of its samples that were taken. */
static int add_part(ReportData *d, const Profile *head, int64_t value) {
        ProfileHeader h;
        ReportPart part;
        int r;

        r = ARRAY_RESERVE(d->parts, d->capacity_parts, d->n_parts + 1);
        if (r < 0)
                return r;

        profile_get_header(head, &h);
        part = (ReportPart){
                .start_usec = h.time_nsec > 0 ? (usec_t) h.time_nsec / NSEC_PER_USEC : 0,
                .duration_usec = h.duration_nsec > 0 ? (usec_t) h.duration_nsec / NSEC_PER_USEC : 0,
                .value = value,
        };
        d->covered_usec += part.duration_usec;
        /* A unit that was idle in between: its hour lasts an hour, of which less is covered. */
        part.duration_usec = MAX(part.duration_usec, profile_get_span_usec(head));
        if (d->n_parts == 0 || part.start_usec < d->start_usec)
                d->start_usec = part.start_usec;
        d->end_usec = MAX(d->end_usec, part.start_usec + part.duration_usec);
        d->parts[d->n_parts++] = part;
        profile_notes_add(&d->notes, head);
        profile_counts_add(&d->counts, head);
        return 0;
}

static int fail(ReportData *d,
                ReportOnFailure on_failure,
                int error,
                const char *shown,
                const char *reason) {
        if (error == -ENOMEM)
                return error;
        if (on_failure)
                on_failure(shown, reason);
        if (d->n_failed++ == 0)
                d->first_error = error;
        return 0;
}

/* What the first file adds to is all it holds, used or not: alone, it is not a merge. */
static int begin(ReportData *d, size_t value_type, int64_t *totals) {
        const Profile *head = pprof_reader_get_head(d->reader);
        ProfileValueType types[PROFILE_VALUE_TYPES_MAX];
        size_t n = profile_n_value_types(head);

        d->value_type = value_type;
        if (!d->thread) {
                for (size_t i = 0; i < n; i++)
                        totals[i] = pprof_reader_total(d->reader, i);
                return pprof_reader_decode(d->reader, &d->profile);
        }
        for (size_t i = 0; i < n; i++)
                profile_get_value_type(head, i, &types[i]);
        return profile_new(&d->profile, types, n);
}

static int add_samples(ReportData *d, size_t value_type, int64_t *totals) {
        const char *thread = d->thread && streq(d->thread, PROFILE_UNKNOWN_NAME) ? NULL : d->thread;
        int r;

        if (!d->profile) {
                r = begin(d, value_type, totals);
                if (r < 0 || !d->thread)
                        return r;
        }
        return pprof_reader_merge(d->reader, d->profile, d->thread ? "thread" : NULL, thread,
                                  totals);
}

int report_data_add_file(ReportData *d,
                         int dir_fd,
                         const char *path,
                         const char *shown,
                         const char *type,
                         ReportOnFailure on_failure) {
        int64_t totals[PROFILE_VALUE_TYPES_MAX] = {};
        const char *reason = NULL;
        const Profile *head;
        int r, value_type;

        if (!d->reader && pprof_reader_new(&d->reader) < 0)
                return -ENOMEM;
        r = pprof_reader_open_file(d->reader, dir_fd, path, &reason);
        if (r < 0)
                return fail(d, on_failure, r, shown, reason ?: strerror(-r));

        head = pprof_reader_get_head(d->reader);
        value_type = find_value_type(head, type);
        if (value_type < 0)
                return fail(d, on_failure, value_type, shown,
                            "it has no values of the type asked for");

        r = add_samples(d, value_type, totals);
        if (r == -EPROTOTYPE)
                return fail(d, on_failure, r, shown, "it has other types of values than the first");
        if (r < 0)
                return fail(d, on_failure, r, shown, strerror(-r));
        return add_part(d, head, totals[value_type]);
}

int report_data_settle(ReportData *d) {
        int r;

        /* Nothing more is read; of pages that are kept it is the larger part. */
        d->reader = pprof_reader_free(d->reader);
        if (!d->profile || (d->n_parts < 2 && !d->thread))
                return 0;
        r = profile_counts_apply(&d->counts, d->profile);
        if (r < 0)
                return r;
        /* Hours and days say how long they are: the sum of them is longer than the first. */
        return profile_get_span_usec(d->profile) > 0
                       ? profile_set_span_usec(d->profile, d->end_usec - d->start_usec)
                       : 0;
}

size_t report_data_n_slices(const ReportData *d, size_t max) {
        usec_t shortest = USEC_INFINITY, range = d->end_usec - d->start_usec;

        for (size_t i = 0; i < d->n_parts; i++)
                if (d->parts[i].duration_usec > 0)
                        shortest = MIN(shortest, d->parts[i].duration_usec);
        if (shortest == USEC_INFINITY || range == 0)
                return 0;

        /* Windows do not start on the microsecond: 9.99 windows are ten. */
        return MAX(MIN((range + shortest / 2) / shortest, max), (size_t) 1);
}

double *report_data_slice(const ReportData *d, size_t n) {
        double range = (double) (d->end_usec - d->start_usec), *slices;

        assert(n > 0);

        slices = calloc(n, sizeof(*slices));
        if (!slices || range <= 0)
                return slices;

        for (size_t i = 0; i < d->n_parts; i++) {
                const ReportPart *part = &d->parts[i];
                double from, to;
                size_t first, last;

                if (part->duration_usec == 0)
                        continue;
                from = (double) (part->start_usec - d->start_usec) / range * (double) n;
                to = from + (double) part->duration_usec / range * (double) n;
                first = MIN((size_t) from, n - 1);
                last = MIN((size_t) to, n - 1);
                for (size_t j = first; j <= last; j++) {
                        double overlap = MIN(to, (double) (j + 1)) - MAX(from, (double) j);

                        if (overlap > 0)
                                slices[j] += (double) part->value * overlap / (to - from);
                }
        }
        return slices;
}

int64_t report_data_count_samples(const ReportData *d) {
        int type = profile_find_value_type(d->profile, "samples");

        return type < 0 ? -1 : profile_total(d->profile, type);
}

static void make_side(const ReportData *d, DiffSide *ret) {
        *ret = (DiffSide){
                .total = profile_total(d->profile, d->value_type),
                .n_samples = report_data_count_samples(d),
                .duration_sec = (double) d->covered_usec / USEC_PER_SEC,
        };
}

const char *report_data_rate(const ReportData *d) {
        ProfileValueType type;

        profile_get_value_type(d->profile, d->value_type, &type);
        return streq(type.type, "offcpu") ? "threads waiting" : "cores";
}

int report_compare(const ReportData *before,
                   const ReportData *after,
                   bool normalize,
                   bool all,
                   DiffRule *ret,
                   bool *ret_cores) {
        ProfileValueType x, y;
        DiffSide a, b;
        bool cores;

        profile_get_value_type(before->profile, before->value_type, &x);
        profile_get_value_type(after->profile, after->value_type, &y);
        if (!streq(x.unit, y.unit))
                return -EPROTOTYPE;
        make_side(before, &a);
        make_side(after, &b);
        cores = streq(x.unit, "nanoseconds") && a.duration_sec > 0 && b.duration_sec > 0 &&
                !normalize;
        diff_rule_init(ret, &a, &b, cores ? 1e-9 : 1, normalize, all);
        *ret_cores = cores;
        return 0;
}

void report_rows_to_json(JsonOutput *j, const char *key, const ReportRow *rows, size_t n) {
        json_open_array(j, key);
        for (size_t i = 0; i < n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "name", rows[i].named ? rows[i].name : NULL);
                json_add_string(j, "binary", isempty(rows[i].binary) ? NULL : rows[i].binary);
                json_add_bool(j, "kernel", rows[i].kernel);
                json_add_string(j, "file", isempty(rows[i].file) ? NULL : rows[i].file);
                json_add_integer(j, "line", rows[i].line);
                json_add_integer(j, "self", rows[i].self);
                json_add_integer(j, "cumulative", rows[i].cumulative);
                json_close(j);
        }
        json_close(j);
}
