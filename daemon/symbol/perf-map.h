/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Perf Map
 *
 * Text that a runtime writes about the code it made: "START SIZE NAME", the numbers in hex. A
 * process wrote it, so it is a claim about that process's own addresses and nothing else.
 */

#include "process/code-map.h"

enum { PERF_MAP_LINE_MAX = 4096 }; /* bytes; longer lines are passed over */

/*
 * Adds the complete lines; what is no entry is passed over. Returns how many bytes were used: the
 * rest is the beginning of a line. -ENOMEM.
 */
ssize_t perf_map_parse(CodeMap *m, const char *text, size_t size, nsec_t born_nsec);
