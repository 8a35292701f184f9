/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a Client Asks for
 *
 * A target of HTTP ("/unit/nginx.service?from=-1h") taken apart and decoded, and the few headers
 * that say where the request comes from. Everything is checked here: what a request holds is UTF-8
 * without control characters, within the limits.
 */

#include "basic/util.h"

enum {
        WEB_TARGET_MAX = 8192, /* bytes of path and query, as sent */
        WEB_PARAMETERS_MAX = 64,
};

typedef struct WebParameter {
        char *key, *value;
} WebParameter;

typedef struct WebRequest {
        char *target; /* as sent */
        char *path;   /* decoded */
        WebParameter *parameters;
        size_t n_parameters;
} WebRequest;

/* -EINVAL: not of the grammar, or characters that no name has; -E2BIG: over a limit; -ENOMEM. */
int web_request_parse(const char *target, WebRequest *ret);
void web_request_done(WebRequest *r);

/* The first of this name, "" if it is given without a value; NULL: it is not given. */
const char *web_request_get(const WebRequest *r, const char *key);

/*
 * Does the header Host name this server? Loopback always does, others (NULL-terminated, may be
 * NULL) if they are listed. Else a page of somebody else's has a name that was made to point here.
 */
bool web_host_is_ours(const char *host, char *const *names);

/* The value of a cookie; false: it is not there, or longer than size allows. */
bool web_cookie_find(const char *header, const char *name, char *buffer, size_t size);

/* Is the secret the same? Takes the same time wherever the first difference is. */
bool web_token_is_equal(const char *given, const char *token);
/* By the header Accept-Encoding (NULL: there is none, then no). */
bool web_accepts_gzip(const char *header);

/* Adds s to a query or a path as far as it needs escaping. NULL: out of memory. */
char *web_escape(const char *s);
