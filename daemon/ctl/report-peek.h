/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* profilerctl report --peek=: callers and callees of functions. */

#include "ctl/report-print.h"

/* As report_print(), but of the functions that --peek= matches. -ENOENT: there are none. */
int report_print_peek(
        const Ctl *c, ReportSink *sink, const char *unit, const char *type, ReportData *d);
/* Is the pattern one? 0 or an exit code. */
int report_check_peek(const Ctl *c);
