/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of Profiles */

#include <math.h>

#include "profile/profile-diff.h"

static double scale_of(const DiffSide *side, double unit, bool normalize, bool timed) {
        if (normalize)
                return side->total > 0 ? 1.0 / (double) side->total : 0;
        return timed ? unit / side->duration_sec : unit;
}

void diff_rule_init(DiffRule *rule,
                    const DiffSide *before,
                    const DiffSide *after,
                    double unit,
                    bool normalize,
                    bool all) {
        bool timed = before->duration_sec > 0 && after->duration_sec > 0;
        double total_before, total_after;

        *rule = (DiffRule){
                .scale_before = scale_of(before, unit, normalize, timed),
                .scale_after = scale_of(after, unit, normalize, timed),
        };
        total_before = (double) before->total * rule->scale_before;
        total_after = (double) after->total * rule->scale_after;
        if (all)
                return;
        if (before->n_samples > 0)
                rule->sample_before = total_before / (double) before->n_samples;
        if (after->n_samples > 0)
                rule->sample_after = total_after / (double) after->n_samples;
        rule->min_change = DIFF_SHARE_MIN * MAX(total_before, total_after);
}

/* n samples of weight w have the variance n * w^2, and their sum is n * w. */
double diff_error(const DiffRule *rule, int64_t before, int64_t after) {
        double variance = fabs((double) before) * rule->scale_before * rule->sample_before +
                          fabs((double) after) * rule->scale_after * rule->sample_after;

        return sqrt(MAX(variance, 0.0));
}

DiffKind diff_classify(const DiffRule *rule, int64_t before, int64_t after) {
        double change = (double) after * rule->scale_after - (double) before * rule->scale_before;

        if (change == 0 || fabs(change) < rule->min_change ||
            fabs(change) < DIFF_ERRORS * diff_error(rule, before, after))
                return DIFF_NOISE;
        if (before == 0)
                return DIFF_NEW;
        if (after == 0)
                return DIFF_GONE;
        return change > 0 ? DIFF_MORE : DIFF_LESS;
}

void diff_rows_free(DiffRow *rows, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(rows[i].name);
                free(rows[i].binary);
        }
        free(rows);
}

static int compare_names(const void *a, const void *b) {
        const ReportRow *x = *(const ReportRow *const *) a, *y = *(const ReportRow *const *) b;
        int r;

        r = strcmp(x->name, y->name);
        if (r == 0)
                r = strcmp(x->binary, y->binary);
        if (r == 0)
                r = x->kernel - y->kernel;
        return r;
}

static int compare_changes(const void *a, const void *b) {
        const DiffRow *x = a, *y = b;
        double p = fabs(x->after_rate - x->before_rate), q = fabs(y->after_rate - y->before_rate);

        if (p != q)
                return p > q ? -1 : 1;
        return strcmp(x->name, y->name);
}

static const ReportRow **sort_rows(const ReportRow *rows, size_t n) {
        const ReportRow **sorted = calloc(n + 1, sizeof(*sorted));

        for (size_t i = 0; sorted && i < n; i++)
                sorted[i] = &rows[i];
        if (sorted)
                qsort(sorted, n, sizeof(*sorted), compare_names);
        return sorted;
}

/* One of them may be NULL. */
static int make_row(const DiffRule *rule,
                    const ReportRow *before,
                    const ReportRow *after,
                    DiffRow *ret) {
        const ReportRow *any = after ?: before;
        DiffRow row = {
                .name = strdup(any->name),
                .binary = strdup(any->binary),
                .kernel = any->kernel,
                .before = before ? before->self : 0,
                .after = after ? after->self : 0,
        };

        if (!row.name || !row.binary) {
                free(row.name);
                free(row.binary);
                return -ENOMEM;
        }
        row.before_rate = (double) row.before * rule->scale_before;
        row.after_rate = (double) row.after * rule->scale_after;
        row.kind = diff_classify(rule, row.before, row.after);
        *ret = row;
        return 0;
}

int diff_rows(const DiffRule *rule,
              const ReportRow *before,
              size_t n_before,
              const ReportRow *after,
              size_t n_after,
              DiffRow **ret,
              size_t *ret_n) {
        _cleanup_free_ const ReportRow **x = NULL, **y = NULL;
        DiffRow *rows;
        size_t n = 0, i = 0, k = 0;

        x = sort_rows(before, n_before);
        y = sort_rows(after, n_after);
        rows = calloc(n_before + n_after + 1, sizeof(*rows));
        if (!x || !y || !rows) {
                free(rows);
                return -ENOMEM;
        }

        while (i < n_before || k < n_after) {
                int r, order = i >= n_before ? 1 : k >= n_after ? -1 : compare_names(&x[i], &y[k]);

                r = make_row(rule, order <= 0 ? x[i] : NULL, order >= 0 ? y[k] : NULL, &rows[n]);
                if (r < 0) {
                        diff_rows_free(rows, n);
                        return r;
                }
                i += order <= 0;
                k += order >= 0;
                n++;
        }
        qsort(rows, n, sizeof(*rows), compare_changes);
        *ret = rows;
        *ret_n = n;
        return 0;
}
