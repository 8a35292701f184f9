/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who May Ask
 *
 * A page on the web can make a browser send requests to this host. None of them gets an answer:
 * the name in Host has to be ours (DNS rebinding), what another site asks for is refused unless a
 * person follows a link to a page, only GET and HEAD are known, and no header lets another origin
 * read. With a token only who knows it is answered at all.
 */

#include "web/web-response.h"

/* NULL: the header is not there. */
typedef struct WebHeaders {
        const char *method;
        const char *host, *cookie;
        const char *fetch_site, *fetch_mode;
        const char *if_none_match, *accept_encoding;
} WebHeaders;

typedef struct WebGuard {
        char *const *hosts; /* names besides those of loopback, NULL-terminated; NULL: none */
        const char *token;  /* NULL: everybody who reaches the socket may ask */
} WebGuard;

/* By the path: who is it that asks? */
WebAudience web_audience(const char *path);
/* 1: go on, 0: response is the answer, a refusal or the exchange of the token for a cookie;
 * -ENOMEM. */
int web_guard_check(const WebGuard *g,
                    const WebHeaders *h,
                    const WebRequest *request,
                    WebResponse *response);
/* POST /symbolz: go tool pprof sends what it has no names for, even if it is nothing. */
bool web_is_symbolz(const char *path);
