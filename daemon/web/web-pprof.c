/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Paths of net/http/pprof
 *
 * What go tool pprof asks a program of Go for, answered for a unit.
 */

#include "basic/string-util.h"
#include "profile/pprof.h"
#include "web/web-app.h"
#include "web/web-merge.h"

int web_respond_merged(WebTask *t, const char *file_name) {
        const WebCollection *k = t->value;
        uint8_t *data;
        size_t size;
        char comment[128];
        int r;

        if (k->n_entries < k->n_found) {
                snprintf(comment, sizeof(comment), "merged: the newest %zu of %zu profiles",
                         k->n_entries, k->n_found);
                r = profile_add_comment(k->data.profile, comment);
                if (r < 0 && r != -E2BIG)
                        return r;
        }
        r = pprof_encode(k->data.profile, &data, &size);
        if (r < 0)
                return r;
        web_respond_data(t->response, 200, "application/octet-stream", data, size);
        web_response_add_header(t->response, "Content-Disposition", "attachment; filename=\"%s\"",
                                file_name);
        web_response_add_header(t->response, "X-Profilerd-Merged", "%zu/%zu", k->data.n_parts,
                                k->n_found);
        return 0;
}

int respond_pprof_profile(WebTask *t) {
        return web_respond_merged(t, "profile");
}

/* The name of the program: here the unit's. */
int respond_pprof_cmdline(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};

        text_add(&w, web_request_get(t->request, "unit") ?: "profilerd");
        return web_respond_text(t->response, 200, "text/plain; charset=utf-8", &w);
}

/* Profiles have their names; a number of symbols that is not 0 says that names can be asked for. */
int respond_symbolz(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};

        text_add(&w, "num_symbols: 0\n");
        return web_respond_text(t->response, 200, "text/plain; charset=utf-8", &w);
}

int respond_pprof_page(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};

        if (!streq(t->request->path, "/debug/pprof/") && !streq(t->request->path, "/debug/pprof"))
                return web_fail(t->response, 404, "Only CPU profiles are kept, of units.",
                                "Ask for /debug/pprof/profile?unit=NAME&seconds=N.",
                                "There is no such profile.");
        page_begin(&w, "Profiles for go tool pprof", "/debug/pprof/");
        text_add(&w, "<h1>Profiles for go tool pprof</h1>\n"
                     "<p>CPU profiles of units, sampled now for so many seconds, or what is stored "
                     "(<code>seconds=0</code>, <code>from=</code>, <code>to=</code>):</p>\n"
                     "<pre>go tool pprof 'http://HOST/debug/pprof/profile?unit=NAME&amp;seconds=10'"
                     "</pre>\n<table><caption>Units</caption>\n"
                     "<tr><th scope=\"col\">Unit</th><th scope=\"col\">Profile</th></tr>\n");
        for (size_t i = 0; i < t->daemon->n_units; i++) {
                const UnitStatus *u = &t->daemon->units[i];
                _cleanup_free_ char *name = web_escape(u->name);

                if (!name)
                        return -ENOMEM;
                if (streq(u->state, "inactive") && u->samples == 0)
                        continue;
                text_add(&w, "<tr><td>");
                text_add_markup(&w, u->name);
                text_addf(&w,
                          "</td><td><a href=\"/debug/pprof/profile?unit=%s&amp;seconds=10\">10 "
                          "seconds</a> · <a "
                          "href=\"/debug/pprof/profile?unit=%s&amp;seconds=0\">newest hour</a>"
                          "</td></tr>\n",
                          name, name);
        }
        text_add(&w, "</table>\n");
        if (!t->daemon->is_running)
                text_add(&w, "<p>profilerd is not running: nothing can be sampled now.</p>\n");
        page_end(&w);
        return web_respond_text(t->response, 200, "text/html; charset=utf-8", &w);
}
