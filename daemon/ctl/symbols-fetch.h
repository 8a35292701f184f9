/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fetching Symbols
 *
 * Asks debuginfod servers for the debug files of the hottest files that lack names, and puts them
 * where profilerd finds them.
 */

#include "ctl/ctl.h"
#include "view/report-data.h"

enum {
        SYMBOLS_FETCH_MAX = 8, /* files, without --all */
};

/* Before long work: may we write there? An exit code. */
int symbols_fetch_check(const Ctl *c);
/* OK; GAPS: some could not be had; or another exit code. */
int symbols_fetch(const Ctl *c, ReportData *d);
