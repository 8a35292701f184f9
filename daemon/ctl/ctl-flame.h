/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Flame Graphs: what flame and diff write, with the filters of the options. */

#include "ctl/ctl-compare.h"

/* Would the options give a flame graph? 0 or an exit code. */
int flame_check_options(const Ctl *c);
/* An exit code. */
int flame_write(const Ctl *c, ReportData *d, const char *title);
int flame_write_comparison(const Ctl *c, Comparison *k);
