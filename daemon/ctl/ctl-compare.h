/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Two Profiles to Compare
 *
 * Two ranges of one unit, two units or files, or what was before and after a start of the unit or
 * of the host.
 */

#include "ctl/ctl.h"
#include "profile/profile-diff.h"
#include "view/report-data.h"

typedef struct Comparison {
        ReportData before, after;
        char *title; /* what is compared, and how: "nginx.service, last start Fri 13:30:07, …" */
        DiffRule rule;
        bool cores; /* rates are busy cores; else shares (--normalize), or the values */
} Comparison;

void comparison_done(Comparison *c);

/* Do the options ask for a comparison? */
bool compare_is_wanted(const Ctl *c);
/* OK, GAPS, or another exit code. To be released by comparison_done(), also after a failure. */
int compare_collect(const Ctl *c, char **names, Comparison *ret);
