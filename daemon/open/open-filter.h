/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * System Calls of profilerd-open
 *
 * What is left once it is set up: accept, receive, open for reading, open a perf event of a CPU,
 * open a pressure file and write to it, answer, log. Others fail with EPERM.
 */

#include "basic/util.h"

/* For the rest of the process's life. */
int open_filter_install(void);
