/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Profile Report
 *
 * What a person asks of a profile: which functions, binaries, threads or processes the value went
 * to, and along which path most of it went. Pure: a profile in, numbers out.
 */

#include "profile/profile-quality.h"

typedef enum ReportGrouping {
        REPORT_BY_FUNCTION,
        REPORT_BY_LINE,
        REPORT_BY_BINARY,
        REPORT_BY_THREAD,
        REPORT_BY_PID,
        _REPORT_GROUPING_MAX,
        _REPORT_GROUPING_INVALID = -EINVAL,
} ReportGrouping;

/* "function", "line", "binary", "thread", "pid". */
ReportGrouping report_grouping_from_string(const char *s);
const char *report_grouping_to_string(ReportGrouping g);

typedef struct ReportRow {
        char *name;         /* of the function, binary, thread or process */
        char *binary;       /* base name of its file, ""; by thread and by pid always "" */
        char *file;         /* of source code, "": unknown; only by line */
        int64_t line;       /* 0: unknown; only by line */
        bool kernel;        /* a frame of the kernel */
        bool named;         /* false: name is that of profile_unknown_name() */
        int64_t self;       /* value of the samples that ended here */
        int64_t cumulative; /* value of the samples that went through here, once for each sample */
} ReportRow;

/* Sorted by self, then cumulative, then name; the largest first. *ret is an array. */
int profile_report_rows(
        Profile *p, size_t value_type, ReportGrouping by, ReportRow **ret, size_t *ret_n);
void report_rows_free(ReportRow *rows, size_t n);

typedef struct ReportStep {
        char *name;
        bool kernel;
} ReportStep;

/*
 * From the root to the heaviest callee, and on as long as one callee has at least half of its
 * caller's value: the longest path that most of the weight agrees on. *ret_value is the value at
 * its end. 0 steps for an empty profile.
 */
int profile_heaviest_path(
        Profile *p, size_t value_type, ReportStep **ret, size_t *ret_n, int64_t *ret_value);
void report_steps_free(ReportStep *steps, size_t n);
