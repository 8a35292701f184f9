/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Parts of pages: cells, links and forms. All text is escaped here. */

#include "profile/profile-report.h"
#include "web/web-app.h"

/* "<td class="n">12.3%</td>"; empty for a share of nothing. */
void page_add_share(TextWriter *w, int64_t part, int64_t whole);
void page_add_cell(TextWriter *w, const char *text);
void page_add_number(TextWriter *w, const char *text);
/* "<a href="/unit/NAME">NAME</a>". */
void page_add_unit_link(TextWriter *w, const char *unit);
/* A point in time, for people and for scripts. */
void page_add_time(TextWriter *w, usec_t t);
/* A field of a form; value may be NULL. */
void page_add_field(
        TextWriter *w, const char *label, const char *name, const char *value, const char *hint);
/* "profilerctl VERB", its arguments and the end: what shows the same in a terminal. */
void page_begin_command(TextWriter *w, const char *verb);
/* Quoted for a shell: option "" for a plain word. Nothing if the value is NULL or empty. */
void page_add_argument(TextWriter *w, const char *option, const char *value);
void page_end_command(TextWriter *w);
/* The form and the quick links that choose a range. action: of the page. */
void page_add_range(TextWriter *w, const WebTask *t, const char *action);
/* "12 of 1 234 functions", the table of functions with links to callers and callees. */
int page_add_top(TextWriter *w, const WebTask *t, const WebCollection *k);
