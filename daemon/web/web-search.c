/* SPDX-License-Identifier: Apache-2.0 */
/* Search */

#include <ctype.h>

#include "web/web-search.h"

void web_search_init(WebSearch *s, const char *part) {
        *s = (WebSearch){ .part = part };
        for (; *part != '\0'; part++)
                s->exact_case = s->exact_case || isupper((unsigned char) *part);
}

bool web_search_matches(const WebSearch *s, const char *name) {
        return s->exact_case ? strstr(name, s->part) : strcasestr(name, s->part);
}
