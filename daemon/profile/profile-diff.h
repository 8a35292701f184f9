/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Differences of Profiles
 *
 * What is a change, and what is only sampling noise: a function that was sampled n times could as
 * well have been sampled n plus or minus the square root of n times.
 */

#include "profile/profile-report.h"

#define DIFF_SHARE_MIN 0.02 /* of the larger total: smaller changes are noise */
#define DIFF_ERRORS    2.0  /* standard errors that a change must exceed */

/* How two profiles are compared. Everything is in the unit of the result, such as cores. */
typedef struct DiffRule {
        double scale_before, scale_after;   /* what one unit of the profiles' values is */
        double sample_before, sample_after; /* what one sample is */
        double min_change;                  /* smaller ones are noise */
} DiffRule;

typedef enum DiffKind {
        DIFF_NOISE,
        DIFF_MORE,
        DIFF_LESS,
        DIFF_NEW,
        DIFF_GONE,
} DiffKind;

/* One side of a comparison. */
typedef struct DiffSide {
        int64_t total;
        int64_t n_samples;   /* -1: unknown, there is no sampling error then */
        double duration_sec; /* 0: unknown */
} DiffSide;

/*
 * normalize: shares of the total of each side are compared; else values for each second, if both
 * durations are known and the profiles were sampled over time, else the bare values. all: no change
 * is noise for being small or within the error.
 */
void diff_rule_init(DiffRule *rule,
                    const DiffSide *before,
                    const DiffSide *after,
                    double unit,
                    bool normalize,
                    bool all);
/* The values as the profiles have them. */
DiffKind diff_classify(const DiffRule *rule, int64_t before, int64_t after);
/* One standard error of the change, in the unit of the result. */
double diff_error(const DiffRule *rule, int64_t before, int64_t after);

typedef struct DiffRow {
        char *name, *binary;
        bool kernel;
        int64_t before, after;          /* as the profiles have them */
        double before_rate, after_rate; /* in the unit of the result */
        DiffKind kind;
} DiffRow;

/* What each function did itself, the largest change first. Both sides' rows come from
 * profile_report_rows(). *ret is an array. */
int diff_rows(const DiffRule *rule,
              const ReportRow *before,
              size_t n_before,
              const ReportRow *after,
              size_t n_after,
              DiffRow **ret,
              size_t *ret_n);
void diff_rows_free(DiffRow *rows, size_t n);
