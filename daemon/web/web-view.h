/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What Is to Be Seen
 *
 * The parameters of a request as the views understand them: a unit, a range, a type, a thread. The
 * address holds the whole state, so each of them can be written back into a link.
 */

#include "basic/time-util.h"
#include "profile/text-writer.h"
#include "web/web-request.h"

#define WEB_MIN_SHARE_DEFAULT 0.001

typedef struct WebView {
        char *unit;                          /* complete: "nginx.service"; NULL: not given */
        const char *type;                    /* "cpu" if not given */
        const char *thread;                  /* NULL: all */
        const char *since_text, *until_text; /* as given; NULL: not */
        usec_t since_usec, until_usec;       /* 0, USEC_INFINITY: not given */
} WebView;

void web_view_done(WebView *v);

/*
 * Times are those of systemd.time(7), "boot", seconds since 1970, and 2026-11-20T14:00:00 with a
 * zone or, without one, in UTC.
 *
 * What is said behind "base_" for the other side of a comparison has the prefix, and takes what it
 * does not say from v. Borrows from the request. -EINVAL: *ret_wrong is the parameter that cannot
 * be understood; -ERANGE: the range is empty.
 */
int web_view_parse(const WebRequest *request, usec_t now, WebView *ret, const char **ret_wrong);
int web_view_parse_base(const WebRequest *request,
                        usec_t now,
                        const WebView *v,
                        WebView *ret,
                        const char **ret_wrong);

/* "unit=nginx.service&from=-1h&type=cpu": for a link, escaped for HTML, too. */
void web_view_add_query(TextWriter *w, const WebView *v);
/* The same without the unit; starts with '?' or is nothing. */
void web_view_add_range(TextWriter *w, const WebView *v, const char *separator);
/* Escaped for a path or a query, and for HTML with it. */
void web_add_escaped(TextWriter *w, const char *s);
