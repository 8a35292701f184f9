/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A Report on Paper: header, load, heaviest path and table, as text or as JSON. */

#include "ctl/ctl.h"
#include "profile/profile-quality.h"
#include "view/report-data.h"

typedef struct ReportSink {
        JsonOutput *json; /* NULL: text */
        size_t n_reports;
} ReportSink;

int report_sink_init(ReportSink *sink, const Ctl *c);
void report_sink_done(ReportSink *sink);
/* Prints what has been collected. An exit code. */
int report_sink_finish(ReportSink *sink, const Ctl *c);

/* unit and type: NULL for files. */
int report_print(const Ctl *c, ReportSink *sink, const char *unit, const char *type, ReportData *d);
/* Of the n rows the first that are to be shown, as a table or into an open object of JSON. */
int report_print_table(const Ctl *c, const ReportRow *rows, size_t n, size_t shown, int64_t total);
void report_add_json_rows(
        const Ctl *c, JsonOutput *j, const ReportRow *rows, size_t n, size_t shown);
/* "2.1% no-table, 0.4% not-loaded"; before comes first, if there is any reason. */
void report_print_reasons(const ProfileReasons *reasons, uint64_t all, const char *before);
/* "nginx.service, cpu, 13:52-14:02 (10 of 10 profiles), …". NULL: out of memory. */
char *report_describe(const char *unit, const char *type, ReportData *d);
