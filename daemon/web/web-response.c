/* SPDX-License-Identifier: Apache-2.0 */
/* What a Client Gets */

#include <stdarg.h>

#include "basic/string-util.h"
#include "web/assets.h"
#include "web/web-response.h"

void web_response_done(WebResponse *r) {
        free(r->body);
        for (size_t i = 0; i < r->n_headers; i++)
                free(r->headers[i].value);
        *r = (WebResponse){};
}

static void reset_body(WebResponse *r) {
        free(r->body);
        r->body = NULL;
        r->borrowed = NULL;
        r->size = 0;
        r->is_gzip = r->is_cacheable = false;
}

void web_response_add_header(WebResponse *r, const char *name, const char *format, ...) {
        char *value;
        va_list ap;
        int n;

        assert(r->n_headers < WEB_HEADERS_MAX);

        va_start(ap, format);
        n = vasprintf(&value, format, ap);
        va_end(ap);
        if (n < 0)
                return;
        /* No value may end its line. */
        for (char *p = value; *p != '\0'; p++)
                if (*p == '\r' || *p == '\n')
                        *p = ' ';
        r->headers[r->n_headers].name = name;
        r->headers[r->n_headers++].value = value;
}

void web_respond_data(WebResponse *r, unsigned status, const char *type, void *data, size_t size) {
        reset_body(r);
        r->status = status;
        r->type = type;
        r->body = data;
        r->size = size;
}

int web_respond_text(WebResponse *r, unsigned status, const char *type, TextWriter *w) {
        size_t size;
        char *text;
        int e;

        e = text_writer_take(w, &text, &size);
        if (e < 0)
                return e;
        web_respond_data(r, status, type, text, size);
        return 0;
}

int web_respond_json(WebResponse *r, unsigned status, JsonOutput *j) {
        _cleanup_(json_output_freep) JsonOutput *owned = j;
        size_t size;
        char *text;
        int e;

        e = json_output_take(owned, &text, &size);
        if (e < 0)
                return e;
        web_respond_data(r, status, "application/json", text, size);
        return 0;
}

/* ---- the frame of a page ---- */

void page_begin(TextWriter *w, const char *title, const char *here) {
        static const struct {
                const char *path, *name;
        } pages[] = {
                { "/", "Units" },          { "/profiles", "Profiles" },
                { "/diff", "Compare" },    { "/debug/pprof/", "pprof" },
                { "/metrics", "Metrics" },
        };

        text_add(w, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<title>");
        text_add_markup(w, title);
        text_add(w, " · profilerd</title>\n<link rel=\"icon\" href=\"/assets/icon.svg\">\n"
                    "<link rel=\"stylesheet\" href=\"/assets/page.css\">\n");
        /* Without it a build is without a script. */
        if (web_asset_find("page.js"))
                text_add(w, "<script type=\"module\" src=\"/assets/page.js\" defer></script>\n");
        text_add(w, "</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
                    "<header><strong><a href=\"/\">profilerd</a></strong>\n<nav>");
        for (size_t i = 0; i < ELEMENTSOF(pages); i++)
                text_addf(w, "<a href=\"%s\"%s>%s</a>\n", pages[i].path,
                          here && streq(here, pages[i].path) ? " aria-current=\"page\"" : "",
                          pages[i].name);
        text_add(w, "</nav></header>\n<main id=\"main\">\n");
}

void page_end(TextWriter *w) {
        text_add(w, "</main>\n</body>\n</html>\n");
}

/* ---- failures ---- */

typedef struct Failure {
        unsigned status;
        const char *what, *why, *next;
} Failure;

static void add_page(TextWriter *w, const Failure *f) {
        page_begin(w, f->what, NULL);
        text_add(w, "<div class=\"failure\" role=\"alert\">\n<h1>");
        text_add_markup(w, f->what);
        text_add(w, "</h1>\n");
        if (f->why) {
                text_add(w, "<p>");
                text_add_markup(w, f->why);
                text_add(w, "</p>\n");
        }
        if (f->next) {
                text_add(w, "<p>");
                text_add_markup(w, f->next);
                text_add(w, "</p>\n");
        }
        text_addf(w, "<p class=\"soft\">HTTP status %u</p>\n</div>\n", f->status);
        page_end(w);
}

static void add_json_or_null(TextWriter *w, const char *key, const char *s) {
        text_addf(w, ",\"%s\":", key);
        if (s)
                text_add_json(w, s);
        else
                text_add(w, "null");
}

static void add_json(TextWriter *w, const Failure *f) {
        text_add(w, "{\"error\":{\"what\":");
        text_add_json(w, f->what);
        add_json_or_null(w, "why", f->why);
        add_json_or_null(w, "do", f->next);
        text_add(w, "}}\n");
}

static void add_lines(TextWriter *w, const Failure *f) {
        const char *const lines[] = { f->what, f->why, f->next };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (lines[i])
                        text_addf(w, "%s\n", lines[i]);
}

static void add_envelope(TextWriter *w, const Failure *f) {
        char text[1024];

        snprintf(text, sizeof(text), "%s%s%s%s%s", f->what, f->why ? " " : "", f->why ?: "",
                 f->next ? " " : "", f->next ?: "");
        text_addf(w, "{\"code\":%u,\"error\":", f->status);
        text_add_json(w, text);
        text_add(w, "}\n");
}

int web_fail(
        WebResponse *r, unsigned status, const char *why, const char *next, const char *what, ...) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_free_ char *clean = NULL;
        char text[1024];
        Failure f = { .status = status, .why = why, .next = next };
        va_list ap;

        va_start(ap, what);
        vsnprintf(text, sizeof(text), what, ap);
        va_end(ap);
        /* It may be cut amidst a character. */
        f.what = clean = utf8_sanitize(text, strlen(text));
        if (!clean)
                return -ENOMEM;

        switch (r->audience) {
        case WEB_AUDIENCE_PERSON:
                add_page(&w, &f);
                return web_respond_text(r, status, "text/html; charset=utf-8", &w);
        case WEB_AUDIENCE_SCRIPT:
                add_json(&w, &f);
                return web_respond_text(r, status, "application/json", &w);
        case WEB_AUDIENCE_PPROF:
                add_lines(&w, &f);
                break;
        case WEB_AUDIENCE_PROFEFE:
                add_envelope(&w, &f);
        }
        /* By this pprof knows that the text is to be shown. */
        web_response_add_header(r, "X-Go-Pprof", "1");
        return web_respond_text(r, status, "text/plain; charset=utf-8", &w);
}

int web_fail_errno(WebResponse *r, int error) {
        if (error == -E2BIG || error == -EFBIG)
                return web_fail(r, 413, "There are too many stacks in it.",
                                "Choose a shorter range, or one thread.",
                                "The profile is too large for this view.");
        if (error == -EDOM)
                return web_fail(r, 422, "A value is negative, which the format does not know.",
                                "Choose another format.", "The profile cannot be written so.");
        if (error == -ENODATA)
                return web_fail(r, 404, "All values are 0.", "Choose a longer range.",
                                "There is nothing to draw.");
        return web_fail(r, 500, strerror(-error), "See 'journalctl -u profilerd-web'.",
                        "That failed.");
}
