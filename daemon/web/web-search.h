/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Search: a part of a name; case counts if a capital is typed. */

#include "basic/util.h"

typedef struct WebSearch {
        const char *part; /* borrowed */
        bool exact_case;
} WebSearch;

void web_search_init(WebSearch *s, const char *part);
bool web_search_matches(const WebSearch *s, const char *name);
