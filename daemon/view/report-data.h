/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Data of a Report
 *
 * Many profiles of one unit, or some files, merged into one, with what each of them weighed.
 */

#include "basic/time-util.h"
#include "profile/pprof-reader.h"
#include "profile/profile-counts.h"
#include "profile/profile-diff.h"
#include "profile/profile-quality.h"
#include "view/json-output.h"

/* What one file contributed. */
typedef struct ReportPart {
        usec_t start_usec, duration_usec;
        int64_t value;
} ReportPart;

typedef struct ReportData {
        const char *thread; /* only samples of threads of this name; NULL: all */
        Profile *profile;   /* NULL: no file could be read */
        size_t value_type;  /* of the profile; the one that is reported */
        ReportPart *parts;  /* in the order they came */
        size_t n_parts, capacity_parts;
        PprofReader *reader;
        size_t n_failed; /* files that could not be read or merged */
        int first_error; /* of them */
        ProfileNotes notes;
        ProfileCounts counts;
        usec_t start_usec, end_usec; /* from the first to the last window */
        usec_t covered_usec;         /* sum of the windows */
} ReportData;

void report_data_done(ReportData *d);

/* Called with the path of a file that was left out, and the reason. */
typedef void (*ReportOnFailure)(const char *path, const char *reason);

/*
 * Adds a profile. type: the value to report ("cpu"), NULL: the profile's default. A failure is told
 * to on_failure (may be NULL) under the name shown, counted and survived; only -ENOMEM comes out.
 */
int report_data_add_file(ReportData *d,
                         int dir_fd,
                         const char *path,
                         const char *shown,
                         const char *type,
                         ReportOnFailure on_failure);

/* Once all are added, and the profile is to leave: what it notes is of all of them. -ENOMEM. */
int report_data_settle(ReportData *d);

/* The value that falls on each of n equal slices of the time from start to end. NULL: no memory. */
double *report_data_slice(const ReportData *d, size_t n);
/* As many slices as there are windows in the range, at most max. */
size_t report_data_n_slices(const ReportData *d, size_t max);
/* Sum of the counts of samples, -1: the profile does not count. */
int64_t report_data_count_samples(const ReportData *d);

/* What a rate of its value counts, if that is a time: "cores", "threads waiting". */
const char *report_data_rate(const ReportData *d);

/*
 * How two are compared. normalize: shares of each total; all: no change is noise. *ret_cores: rates
 * are busy cores. -EPROTOTYPE: the units of their values differ.
 */
int report_compare(const ReportData *before,
                   const ReportData *after,
                   bool normalize,
                   bool all,
                   DiffRule *ret,
                   bool *ret_cores);

/* Rows of profile_report_rows(), as profilerctl(1) describes them. */
void report_rows_to_json(JsonOutput *j, const char *key, const ReportRow *rows, size_t n);
