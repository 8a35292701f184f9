/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Results in Files
 *
 * What --output= names, or the standard output. A regular file is replaced once it is complete.
 */

#include "ctl/ctl.h"
#include "view/report-data.h"

typedef struct Output {
        const char *format; /* "pprof" */
        bool binary;        /* never for a terminal */
        const void *data;
        size_t size;
        const char *consumer; /* what opens it */
} Output;

/* d: what the result was made from. Says what was written, with --json as JSON. An exit code. */
int ctl_write_output(const Ctl *c, const Output *o, const ReportData *d);
/* Before long work: would ctl_write_output() refuse? 0 or an exit code. */
int ctl_check_output(const Ctl *c, const char *format, bool binary);
