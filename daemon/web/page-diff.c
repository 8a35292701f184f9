/* SPDX-License-Identifier: Apache-2.0 */
/* The page that compares two ranges, or two units */

#include "basic/string-util.h"
#include "web/page.h"

enum {
        DIFF_ROWS_SHOWN = 50,
};

static bool is_normalized(const WebTask *t) {
        return web_request_get(t->request, "normalize");
}

static const char *kind_mark(DiffKind kind) {
        static const char *const marks[] = {
                [DIFF_NOISE] = "",    [DIFF_MORE] = "▲ more", [DIFF_LESS] = "▼ less",
                [DIFF_NEW] = "★ new", [DIFF_GONE] = "▼ gone",
        };

        return marks[kind];
}

static void add_diff_rows(
        TextWriter *w, const DiffRow *rows, size_t n, double scale, const char *measure) {
        size_t n_shown = 0;

        text_addf(
                w,
                "<table id=\"changes\"><caption>Changes of self time beyond the noise%s</caption>\n"
                "<thead><tr><th scope=\"col\" class=\"n\">Before</th><th scope=\"col\" "
                "class=\"n\">After</th><th scope=\"col\" class=\"n\">Change</th><th "
                "scope=\"col\"></th><th scope=\"col\">Function</th><th "
                "scope=\"col\">Binary</th></tr></thead>\n<tbody>\n",
                measure);
        for (size_t i = 0; i < n && n_shown < DIFF_ROWS_SHOWN; i++) {
                if (rows[i].kind == DIFF_NOISE)
                        continue;
                n_shown++;
                text_addf(w,
                          "<tr><td class=\"n\">%.3f</td><td class=\"n\">%.3f</td><td "
                          "class=\"n\">%+.3f</td><td class=\"%s\">%s</td><td class=\"name\">",
                          scale * rows[i].before_rate, scale * rows[i].after_rate,
                          scale * (rows[i].after_rate - rows[i].before_rate),
                          rows[i].kind == DIFF_MORE || rows[i].kind == DIFF_NEW ? "more" : "less",
                          kind_mark(rows[i].kind));
                text_add_markup(w, rows[i].name);
                text_add(w, "</td>");
                page_add_cell(w, rows[i].binary);
                text_add(w, "</tr>\n");
        }
        text_add(w, "</tbody></table>\n");
        if (n_shown == 0)
                text_add(w,
                         "<p>No function has changed beyond the noise: 2 % of the total and twice "
                         "the sampling error.</p>\n");
}

static int add_diff_table(TextWriter *w, const WebTask *t, const DiffRule *rule, bool cores) {
        const ReportData *b = &t->base->data, *a = &t->value->data;
        ReportRow *before = NULL, *after = NULL;
        size_t n_before = 0, n_after = 0, n = 0;
        DiffRow *rows = NULL;
        char unit[32] = "";
        int r;

        r = profile_report_rows(b->profile, b->value_type, REPORT_BY_FUNCTION, &before, &n_before);
        if (r >= 0)
                r = profile_report_rows(a->profile, a->value_type, REPORT_BY_FUNCTION, &after,
                                        &n_after);
        if (r >= 0)
                r = diff_rows(rule, before, n_before, after, n_after, &rows, &n);
        report_rows_free(before, n_before);
        report_rows_free(after, n_after);
        if (r < 0)
                return r;
        if (cores)
                snprintf(unit, sizeof(unit), ", in %s", report_data_rate(a));
        if (is_normalized(t))
                add_diff_rows(w, rows, n, 100, ", in percent of each total");
        else
                add_diff_rows(w, rows, n, 1, unit);
        diff_rows_free(rows, n);
        return 0;
}

/* What the two sides are; measure: how they are compared, too. */
static void add_diff_query(TextWriter *w, const WebTask *t, bool measure) {
        static const char *const keys[] = { "restart", "base_unit", "base_from", "base_to",
                                            "normalize" };

        web_view_add_query(w, &t->view);
        for (size_t i = 0; i < ELEMENTSOF(keys) - !measure; i++) {
                const char *value = web_request_get(t->request, keys[i]);

                if (isempty(value))
                        continue;
                text_addf(w, "&amp;%s=", keys[i]);
                web_add_escaped(w, value);
        }
}

static void add_diff_form(TextWriter *w, const WebTask *t) {
        text_add(w, "<form class=\"range\" action=\"/diff\">\n<fieldset><legend>After</legend>\n");
        page_add_field(w, "Unit", "unit", t->view.unit, "nginx.service");
        page_add_field(w, "from", "from", t->view.since_text, "-1h");
        page_add_field(w, "to", "to", t->view.until_text, "now");
        text_add(w, "</fieldset>\n<fieldset><legend>Before</legend>\n");
        page_add_field(w, "Unit", "base_unit", web_request_get(t->request, "base_unit"),
                       "the same");
        page_add_field(w, "from", "base_from", t->base_view.since_text, "-2h");
        page_add_field(w, "to", "base_to", t->base_view.until_text, "-1h");
        text_add(w, "<button>Compare</button>\n</fieldset>\n</form>\n");
        if (!t->view.unit)
                return;
        text_add(w, "<p><a class=\"button\" href=\"/diff?restart=1&amp;unit=");
        web_add_escaped(w, t->view.unit);
        text_add(w, "\">Around the last restart</a></p>\n");
}

/* Absolute figures say what it costs, shares what has changed in a unit that has more to do. */
static void add_measures(TextWriter *w, const WebTask *t) {
        bool normalized = is_normalized(t);

        text_addf(w, "<nav class=\"ranges\" aria-label=\"Measure\"><a%s href=\"/diff?",
                  normalized ? "" : " aria-current=\"true\"");
        add_diff_query(w, t, false);
        text_addf(w, "\">absolute</a>\n<a%s href=\"/diff?",
                  normalized ? " aria-current=\"true\"" : "");
        add_diff_query(w, t, false);
        text_add(w, "&amp;normalize=1\">shares of each total</a></nav>\n");
}

/* profilerctl compares two units over the same range only. */
static void add_diff_command(TextWriter *w, const WebTask *t) {
        const char *base = web_request_get(t->request, "base_unit"),
                   *restart = web_request_get(t->request, "restart");
        const WebView *v = &t->view, *b = &t->base_view;
        bool same_unit = isempty(base) || streq(base, v->unit);

        if (!same_unit && (b->since_text || b->until_text))
                return;
        page_begin_command(w, "diff");
        page_add_argument(w, "", same_unit ? NULL : base);
        page_add_argument(w, "", v->unit);
        page_add_argument(w, "--restart=", restart);
        if (!restart) {
                page_add_argument(w, "-S ", v->since_text);
                page_add_argument(w, "-U ", v->until_text);
                page_add_argument(w, "--base-since=", b->since_text);
                page_add_argument(w, "--base-until=", b->until_text);
        }
        page_add_argument(w, "--type=", streq(v->type, "cpu") ? NULL : v->type);
        text_add(w, is_normalized(t) ? " --normalize" : "");
        page_end_command(w);
}

static int add_diff_body(TextWriter *w, WebTask *t) {
        _cleanup_free_ char *before = NULL, *after = NULL;
        DiffRule rule;
        bool cores;
        int r;

        r = report_compare(&t->base->data, &t->value->data, is_normalized(t), false, &rule, &cores);
        if (r < 0)
                return r;
        before = web_task_describe(t, t->base);
        after = web_task_describe(t, t->value);
        if (!before || !after)
                return -ENOMEM;
        text_add(w, "<dl class=\"sides\"><dt>Before</dt><dd>");
        text_add_markup(w, before);
        text_add(w, "</dd><dt>After</dt><dd>");
        text_add_markup(w, after);
        text_add(w, "</dd></dl>\n");
        if (t->note) {
                text_add(w, "<p>");
                text_add_markup(w, t->note);
                text_add(w, "</p>\n");
        }
        add_measures(w, t);
        text_add(
                w,
                "<p class=\"legend\">Width: after. Colour: <span class=\"chip more\"></span>▲ more "
                "<span class=\"chip less\"></span>▼ less <span class=\"chip new\"></span>★ new "
                "<span class=\"chip same\"></span>within noise</p>\n"
                "<div id=\"flame\" data-tree=\"/api/v1/diff?");
        add_diff_query(w, t, true);
        text_add(w, "\"><img class=\"flame\" alt=\"Flame graph of the changes; the table below has "
                    "the same figures\" src=\"/flame-diff.svg?");
        add_diff_query(w, t, true);
        text_add(w, "\"></div>\n");
        r = add_diff_table(w, t, &rule, cores);
        add_diff_command(w, t);
        return r;
}

int respond_diff_page(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};
        int r;

        page_begin(&w, "Compare", "/diff");
        text_add(&w, "<h1>Compare</h1>\n");
        add_diff_form(&w, t);
        if (t->value && t->base) {
                r = add_diff_body(&w, t);
                if (r == -EPROTOTYPE)
                        return web_fail(t->response, 422, "The units of their values differ.",
                                        "Choose the same type for both.",
                                        "They cannot be compared.");
                if (r < 0)
                        return r;
        } else if (t->view.unit)
                text_addf(&w, "<p class=\"warning\">No profile of the %s side in this range.</p>\n",
                          t->value ? "base" : "one");
        page_end(&w);
        return web_respond_text(t->response, 200, "text/html; charset=utf-8", &w);
}
