/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a Client Gets
 *
 * A status, headers and a body, filled in by a route and sent by the server. Failures have three
 * parts, as everywhere: what happened, why, and what to do; how they are written depends on who
 * asked.
 */

#include "profile/text-writer.h"
#include "view/json-output.h"
#include "web/web-request.h"

enum {
        WEB_HEADERS_MAX = 8,
};

/* Who asks decides what a failure looks like. */
typedef enum WebAudience {
        WEB_AUDIENCE_PERSON,  /* a page */
        WEB_AUDIENCE_SCRIPT,  /* {"error":{"what","why","do"}} */
        WEB_AUDIENCE_PPROF,   /* plain text that go tool pprof prints */
        WEB_AUDIENCE_PROFEFE, /* {"code","error"}, also printed by go tool pprof */
} WebAudience;

typedef struct WebResponse {
        unsigned status;      /* of HTTP, 0: not decided yet */
        const char *type;     /* static: "application/json" */
        const void *borrowed; /* an asset, lives as long as the program; else body is it */
        char *body;
        size_t size;
        bool is_gzip;      /* the body is, and is to be unpacked by the client */
        bool is_cacheable; /* for long: what changes has another ETag */
        struct {
                const char *name; /* static */
                char *value;
        } headers[WEB_HEADERS_MAX];
        size_t n_headers;
        WebAudience audience;
} WebResponse;

void web_response_done(WebResponse *r);

/* What fails for want of memory is a 500 in the end. */
void web_response_add_header(WebResponse *r, const char *name, const char *format, ...)
        _printf_(3, 4);
/* Takes what was written; the writer is empty then. 0, -ENOMEM, -EFBIG. */
int web_respond_text(WebResponse *r, unsigned status, const char *type, TextWriter *w);
/* Takes data. */
void web_respond_data(WebResponse *r, unsigned status, const char *type, void *data, size_t size);
/* Takes j. */
int web_respond_json(WebResponse *r, unsigned status, JsonOutput *j);

/* Replaces whatever there is; why and next may be NULL. Returns 0, -ENOMEM. */
int web_fail(
        WebResponse *r, unsigned status, const char *why, const char *next, const char *what, ...)
        _printf_(5, 6);
/* For an errno of ours: -ENOMEM, -E2BIG, … */
int web_fail_errno(WebResponse *r, int error);

/* ---- the frame of a page ---- */
/* Head and navigation up to <main>; title is escaped. */
void page_begin(TextWriter *w, const char *title, const char *here);
void page_end(TextWriter *w);
