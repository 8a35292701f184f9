/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a unit */

#include <inttypes.h>

#include "basic/string-util.h"
#include "view/format.h"
#include "web/assets.h"
#include "web/page.h"

enum {
        THREADS_SHOWN = 20,
        PEEK_ROWS_SHOWN = 15,
};

static void add_heading(TextWriter *w, const WebTask *t, const char *subtitle) {
        const WebCollection *k = t->value;

        text_add(w, "<h1>");
        text_add_markup(w, t->view.unit);
        text_add(w, "</h1>\n<p class=\"summary\">");
        text_add_markup(w, subtitle);
        text_add(w, ".");
        if (k && k->n_entries < k->n_found)
                text_addf(w, " Only the newest %zu of %zu profiles are merged.", k->n_entries,
                          k->n_found);
        if (k && k->data.n_failed > 0)
                text_addf(w, " %zu could not be read.", k->data.n_failed);
        text_add(w, "</p>\n");
}

static void add_quality(TextWriter *w, const WebTask *t) {
        const ProfileNotes *notes = &t->value->data.notes;
        uint64_t stacks = notes->stacks_complete + notes->stacks_truncated + notes->stacks_broken;
        ProfileFrames frames;

        profile_count_frames(t->value->data.profile, &frames);
        text_addf(w, "<p class=\"soft\">Quality: %s of frames named",
                  FORMAT_SHARE(frames.named, frames.frames));
        if (notes->found)
                text_addf(w, ", %s of stacks complete, %s samples lost",
                          FORMAT_SHARE(notes->stacks_complete, stacks),
                          FORMAT_COUNT(notes->lost_samples));
        text_add(w, ".</p>\n");
}

static void add_window(TextWriter *w, const WebTask *t) {
        const UnitStatus *u = web_daemon_find_unit(t->daemon, t->view.unit);
        usec_t end;

        if (!u)
                return;
        text_addf(w, "<p>%s: ", unit_status_display_state(u, t->now_usec));
        end = u->last_profile_usec > 0 ? u->last_profile_usec + u->interval_usec : 0;
        if (end > t->now_usec)
                text_addf(w, "the running window is stored at %s. ",
                          FORMAT_TIME(end, FORMAT_TIME_CLOCK));
        text_add(w, "<a class=\"button\" href=\"/unit/");
        web_add_escaped(w, t->view.unit);
        text_add(w, "?now=1\">Show profile of the running window</a></p>\n");
}

static void add_strip(TextWriter *w, const WebTask *t) {
        text_add(w, "<h2>Load</h2>\n<div id=\"strip\" data-strip=\"/api/v1/strip?");
        web_view_add_query(w, &t->view);
        text_add(w, "\"><img class=\"strip\" alt=\"Load over time\" src=\"/strip.svg?");
        web_view_add_query(w, &t->view);
        text_addf(w, "\"></div>\n<p class=\"soft\">%s – %s</p>\n",
                  FORMAT_TIME(t->value->data.start_usec, FORMAT_TIME_FULL),
                  FORMAT_TIME(t->value->data.end_usec, FORMAT_TIME_FULL));
}

static void add_flame(TextWriter *w, const WebTask *t) {
        const char *search = web_request_get(t->request, "search");

        text_add(w, "<h2>Flame graph</h2>\n<a class=\"skip\" href=\"#after\">Skip the graph</a>\n"
                    "<div id=\"flame\" data-tree=\"/api/v1/tree?");
        web_view_add_query(w, &t->view);
        if (!isempty(search)) {
                _cleanup_free_ char *escaped = web_escape(search);

                text_addf(w, "&amp;search=%s", escaped ?: "");
        }
        text_add(w, "\"><a href=\"/flame.svg?");
        web_view_add_query(w, &t->view);
        text_add(w, "\"><img class=\"flame\" alt=\"Flame graph; the table below has the same "
                    "figures\" src=\"/flame.svg?");
        web_view_add_query(w, &t->view);
        text_add(w, "\"></a></div>\n<span id=\"after\"></span>\n");
}

static void add_downloads(TextWriter *w, const WebTask *t) {
        static const struct {
                const char *format, *name;
        } formats[] = {
                { "pprof", "pprof" },
                { "html", "flame graph (HTML)" },
                { "svg", "flame graph (SVG)" },
                { "folded", "folded stacks" },
                { "speedscope", "speedscope" },
                { "firefox", "Firefox Profiler" },
                { "json", "JSON" },
                { "otlp", "OTLP" },
        };

        text_add(w, "<h2>Download</h2>\n<p class=\"downloads\">");
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                text_add(w, "<a href=\"/download?");
                web_view_add_query(w, &t->view);
                text_addf(w, "&amp;format=%s\">%s</a>\n", formats[i].format, formats[i].name);
        }
        text_add(w, "</p>\n");
}

/* The name as a regular expression. */
static char *make_pattern(const char *function) {
        _cleanup_(text_writer_done) TextWriter w = {};
        char *pattern;

        text_add(&w, "^");
        for (const char *s = function; *s != '\0'; s++) {
                if (strchr("\\.[]{}()*+?^$|", *s))
                        text_add(&w, "\\");
                text_add_bytes(&w, s, 1);
        }
        text_add(&w, "$");
        return text_writer_take(&w, &pattern, NULL) < 0 ? NULL : pattern;
}

static void add_command(TextWriter *w, const WebTask *t) {
        const char *function = web_request_get(t->request, "function");
        const WebView *v = &t->view;

        page_begin_command(w, "report");
        page_add_argument(w, "", v->unit);
        page_add_argument(w, "-S ", v->since_text);
        page_add_argument(w, "-U ", v->until_text);
        page_add_argument(w, "--type=", streq(v->type, "cpu") ? NULL : v->type);
        if (!isempty(function)) {
                _cleanup_free_ char *pattern = make_pattern(function);

                page_add_argument(w, "--peek=", pattern);
        }
        page_end_command(w);
}

static void add_speedscope(TextWriter *w, const WebTask *t) {
        _cleanup_(text_writer_done) TextWriter inner = {};
        _cleanup_free_ char *url = NULL;

        if (!web_asset_find("speedscope/index.html"))
                return;
        text_add(&inner, "/download?format=pprof&");
        web_view_add_query(&inner, &t->view);
        if (text_writer_take(&inner, &url, NULL) < 0) {
                w->error = -ENOMEM;
                return;
        }
        /* Escaped for HTML already, to be escaped for the fragment. */
        for (char *p; (p = strstr(url, "&amp;"));)
                memmove(p + 1, p + strlen("&amp;"), strlen(p + strlen("&amp;")) + 1);
        text_add(w, "<p><a class=\"button\" href=\"/speedscope/#profileURL=");
        web_add_escaped(w, url);
        text_add(w, "&amp;title=");
        web_add_escaped(w, t->view.unit);
        text_add(w, "\">Open in speedscope</a></p>\n");
}

static int add_threads(TextWriter *w, const WebTask *t) {
        const ReportData *d = &t->value->data;
        int64_t total = profile_total(d->profile, d->value_type);
        ReportRow *rows;
        size_t n;
        int r;

        r = profile_report_rows(d->profile, d->value_type, REPORT_BY_THREAD, &rows, &n);
        if (r < 0)
                return r;
        text_addf(w,
                  "<details><summary>%zu %s of threads</summary>\n<table><caption>Threads by their "
                  "names</caption><thead><tr><th scope=\"col\" class=\"n\">Share</th><th "
                  "scope=\"col\">Thread</th></tr></thead><tbody>\n",
                  n, n == 1 ? "name" : "names");
        for (size_t i = 0; i < MIN(n, (size_t) THREADS_SHOWN); i++) {
                WebView v = t->view;

                v.thread = rows[i].name;
                text_add(w, "<tr>");
                page_add_share(w, rows[i].self, total);
                text_add(w, "<td><a href=\"/unit/");
                web_add_escaped(w, v.unit);
                web_view_add_range(w, &v, "?");
                text_add(w, "\">");
                text_add_markup(w, rows[i].name);
                text_add(w, "</a></td></tr>\n");
        }
        text_add(w, "</tbody></table></details>\n");
        report_rows_free(rows, n);
        return 0;
}

/* ---- callers and callees ---- */

static void add_neighbours(TextWriter *w,
                           const WebTask *t,
                           const char *caption,
                           const PeekRow *rows,
                           size_t n,
                           int64_t whole) {
        text_addf(w, "<table><caption>%s</caption>\n<tbody>\n", caption);
        for (size_t i = 0; i < MIN(n, (size_t) PEEK_ROWS_SHOWN); i++) {
                _cleanup_free_ char *name = web_escape(rows[i].name);

                text_add(w, "<tr>");
                page_add_share(w, rows[i].value, whole);
                if (isempty(rows[i].name))
                        page_add_cell(w, "(start of the thread)");
                else {
                        text_add(w, "<td class=\"name\"><a href=\"/unit/");
                        web_add_escaped(w, t->view.unit);
                        text_addf(w, "?function=%s", name ?: "");
                        web_view_add_range(w, &t->view, "&amp;");
                        text_add(w, "\">");
                        text_add_markup(w, rows[i].name);
                        text_add(w, "</a></td>");
                }
                page_add_cell(w, rows[i].binary);
                text_add(w, "</tr>\n");
        }
        text_add(w, "</tbody></table>\n");
}

static int add_peek(TextWriter *w, WebTask *t, const char *function) {
        const ReportData *d = &t->value->data;
        int64_t total = profile_total(d->profile, d->value_type);
        size_t n, n_matches;
        Peek *peeks;
        int r;

        r = web_task_peek(t, function, &peeks, &n, &n_matches);
        if (r < 0)
                return r;
        text_add(w, "<section id=\"peek\"><h2>");
        text_add_markup(w, function);
        text_add(w, "</h2>\n");
        if (n == 0)
                text_add(w, "<p>It has not been sampled in this range.</p>\n");
        for (size_t i = 0; i < n; i++) {
                text_add(w, "<p>");
                text_add_markup(w, isempty(peeks[i].binary) ? "unknown binary" : peeks[i].binary);
                text_addf(w, ": self %s, cumulative %s of the unit.</p>\n<div class=\"columns\">\n",
                          FORMAT_SHARE_FINE(peeks[i].self, total),
                          FORMAT_SHARE_FINE(peeks[i].cumulative, total));
                add_neighbours(w, t, "Callers", peeks[i].callers, peeks[i].n_callers,
                               peeks[i].cumulative);
                add_neighbours(w, t, "Callees", peeks[i].callees, peeks[i].n_callees,
                               peeks[i].cumulative);
                text_add(w, "</div>\n");
        }
        text_add(w, "</section>\n");
        peeks_free(peeks, n);
        return 0;
}

/* ---- the page of a unit ---- */

static void add_compare_link(TextWriter *w, const WebTask *t) {
        text_add(w, "<p>Compare: <a href=\"/diff?restart=1&amp;");
        web_view_add_query(w, &t->view);
        text_add(w, "\">around the last restart</a> · <a href=\"/diff?base_from=yesterday&amp;"
                    "base_to=today&amp;");
        web_view_add_query(w, &t->view);
        text_add(w, "\">with yesterday</a> · <a href=\"/diff?");
        web_view_add_query(w, &t->view);
        text_add(w, "\">with …</a> · <a href=\"/profiles?unit=");
        web_add_escaped(w, t->view.unit);
        text_add(w, "\">stored profiles</a></p>\n");
}

static int add_unit_body(TextWriter *w, WebTask *t) {
        const char *function = web_request_get(t->request, "function");
        int r;

        add_quality(w, t);
        add_compare_link(w, t);
        if (!isempty(function)) {
                r = add_peek(w, t, function);
                if (r < 0)
                        return r;
        }
        add_strip(w, t);
        add_flame(w, t);
        text_add(w, "<h2>Functions</h2>\n");
        r = page_add_top(w, t, t->value);
        if (r >= 0)
                r = add_threads(w, t);
        add_downloads(w, t);
        add_speedscope(w, t);
        add_command(w, t);
        return r;
}

int respond_unit_page(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_free_ char *subtitle = NULL, *unit = web_escape(t->view.unit), *action = NULL;
        int r;

        if (!unit || asprintf(&action, "/unit/%s", unit) < 0) {
                action = NULL;
                return -ENOMEM;
        }
        if (!t->value && !web_daemon_find_unit(t->daemon, t->view.unit))
                return web_task_fail_no_profile(t, &t->view);
        subtitle = t->value ? web_task_describe(t, t->value) : strdup("No profile in this range");
        if (!subtitle)
                return -ENOMEM;
        page_begin(&w, t->view.unit, NULL);
        add_heading(&w, t, subtitle);
        add_window(&w, t);
        page_add_range(&w, t, action);
        if (t->value) {
                r = add_unit_body(&w, t);
                if (r < 0)
                        return r;
        } else
                text_add(&w,
                         "<p>Profiles are stored at the end of each window, if the unit has used "
                         "CPU time in it. Choose another range, or wait.</p>\n");
        page_end(&w);
        return web_respond_text(t->response, 200, "text/html; charset=utf-8", &w);
}
