/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Findings of profilerctl doctor: what is well, what could be better, what does not work. */

#include "ctl/ctl.h"

typedef enum FindingLevel {
        FINDING_OK,
        FINDING_WARN,
        FINDING_FAIL,
        _FINDING_LEVEL_MAX,
} FindingLevel;

typedef struct Finding {
        FindingLevel level;
        char *text;
        char *fix; /* NULL: nothing to do */
} Finding;

typedef struct Findings {
        Finding *list;
        size_t n, capacity;
        size_t n_of_level[_FINDING_LEVEL_MAX];
        bool incomplete; /* out of memory */
} Findings;

void findings_done(Findings *f);
/* fix is copied, NULL: there is nothing to do. */
void findings_add(Findings *f, FindingLevel level, const char *fix, const char *format, ...)
        _printf_(4, 5);
/* In the order they came. An exit code: failure if one is FINDING_FAIL. */
int findings_print(const Findings *f, const Ctl *c);
