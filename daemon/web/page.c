/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of Pages */

#include <inttypes.h>

#include "basic/string-util.h"
#include "view/format.h"
#include "web/page.h"

enum {
        TOP_ROWS = 50,
};

void page_add_share(TextWriter *w, int64_t part, int64_t whole) {
        text_addf(w, "<td class=\"n\">%s</td>", FORMAT_SHARE_FINE(part, whole));
}

void page_add_cell(TextWriter *w, const char *text) {
        text_add(w, "<td>");
        text_add_markup(w, text);
        text_add(w, "</td>");
}

void page_add_number(TextWriter *w, const char *text) {
        text_add(w, "<td class=\"n\">");
        text_add_markup(w, text);
        text_add(w, "</td>");
}

void page_add_unit_link(TextWriter *w, const char *unit) {
        _cleanup_free_ char *escaped = web_escape(unit);

        if (!escaped) {
                w->error = -ENOMEM;
                return;
        }
        text_addf(w, "<a href=\"/unit/%s\">", escaped);
        text_add_markup(w, unit);
        text_add(w, "</a>");
}

void page_add_time(TextWriter *w, usec_t t) {
        time_t seconds = (time_t) (t / USEC_PER_SEC);
        char iso[64] = "";
        struct tm tm;

        if (gmtime_r(&seconds, &tm))
                strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%SZ", &tm);
        text_addf(w, "<time datetime=\"%s\">%s</time>", iso, FORMAT_TIME(t, FORMAT_TIME_FULL));
}

void page_add_field(
        TextWriter *w, const char *label, const char *name, const char *value, const char *hint) {
        text_addf(w, "<label>%s <input name=\"%s\" value=\"", label, name);
        text_add_markup(w, value ?: "");
        text_addf(w, "\" placeholder=\"%s\"></label>\n", hint);
}

void page_begin_command(TextWriter *w, const char *verb) {
        text_addf(w, "<p>In a terminal: <code>profilerctl %s", verb);
}

void page_add_argument(TextWriter *w, const char *option, const char *value) {
        static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "-_.:@=/+,";

        if (isempty(value))
                return;
        text_addf(w, " %s", option);
        if (value[strspn(value, plain)] == '\0') {
                text_add(w, value);
                return;
        }
        text_add(w, "'");
        for (const char *s = value, *quote; s; s = quote ? quote + 1 : NULL) {
                _cleanup_free_ char *part = NULL;

                quote = strchr(s, '\'');
                part = strndup(s, quote ? (size_t) (quote - s) : strlen(s));
                if (!part) {
                        w->error = -ENOMEM;
                        return;
                }
                text_add_markup(w, part);
                if (quote)
                        text_add(w, "'\\''");
        }
        text_add(w, "'");
}

void page_end_command(TextWriter *w) {
        text_add(w, "</code></p>\n");
}

/* Off-CPU profiles have a switch of their own, any other type is in the address. */
static void add_types(TextWriter *w, const WebView *v) {
        static const char *const types[] = { "cpu", "offcpu" };
        bool known = false;

        text_add(w, "<label>Type <select name=\"type\">");
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                bool here = streq(v->type, types[i]);

                text_addf(w, "<option value=\"%s\"%s>%s</option>", i == 0 ? "" : types[i],
                          here ? " selected" : "", types[i]);
                known = known || here;
        }
        if (!known) {
                text_add(w, "<option selected>");
                text_add_markup(w, v->type);
                text_add(w, "</option>");
        }
        text_add(w, "</select></label>\n");
}

void page_add_range(TextWriter *w, const WebTask *t, const char *action) {
        static const struct {
                const char *from, *name;
        } ranges[] = {
                { NULL, "newest hour" },      { "-15min", "15 minutes" }, { "-1h", "1 hour" },
                { "-6h", "6 hours" },         { "-1d", "1 day" },         { "today", "today" },
                { "yesterday", "yesterday" }, { "boot", "since boot" },
        };
        const WebView *v = &t->view;

        text_add(w, "<nav class=\"ranges\" aria-label=\"Range\">");
        for (size_t i = 0; i < ELEMENTSOF(ranges); i++) {
                bool here = ranges[i].from
                                    ? v->since_text && streq(v->since_text, ranges[i].from) &&
                                              !v->until_text
                                    : !v->since_text && !v->until_text;
                WebView other = *v;

                other.since_text = ranges[i].from;
                other.until_text =
                        ranges[i].from && streq(ranges[i].from, "yesterday") ? "today" : NULL;
                text_addf(w, "<a href=\"%s", action);
                web_view_add_range(w, &other, "?");
                text_addf(w, "\"%s>%s</a>\n", here ? " aria-current=\"true\"" : "", ranges[i].name);
        }
        text_addf(w, "</nav>\n<form class=\"range\" action=\"%s\">\n", action);
        page_add_field(w, "From", "from", v->since_text, "-1h, 14:00, yesterday");
        page_add_field(w, "to", "to", v->until_text, "now");
        add_types(w, v);
        page_add_field(w, "Thread", "thread", v->thread, "all");
        text_add(w, "<button>Show</button>\n</form>\n");
}

/* The name leads to its callers and callees. */
static void add_function(TextWriter *w, const WebTask *t, const char *unit, const ReportRow *row) {
        _cleanup_free_ char *name = web_escape(row->name), *escaped = web_escape(unit);

        if (!name || !escaped) {
                w->error = -ENOMEM;
                return;
        }
        text_addf(w, "<td class=\"name\">%s<a href=\"/unit/%s?function=%s",
                  row->kernel ? "<span class=\"soft\">[k]</span> " : "", escaped, name);
        web_view_add_range(w, &t->view, "&amp;");
        text_add(w, "\">");
        text_add_markup(w, row->name);
        text_add(w, "</a></td>");
}

int page_add_top(TextWriter *w, const WebTask *t, const WebCollection *k) {
        const ReportData *d = &k->data;
        int64_t total = profile_total(d->profile, d->value_type);
        ReportRow *rows;
        size_t n, shown;
        int r;

        r = profile_report_rows(d->profile, d->value_type, REPORT_BY_FUNCTION, &rows, &n);
        if (r < 0)
                return r;
        shown = MIN(n, (size_t) TOP_ROWS);
        text_addf(
                w,
                "<table id=\"top\"><caption>The %zu hottest of %s functions</caption>\n<thead><tr>"
                "<th scope=\"col\" class=\"n\" aria-sort=\"descending\">Self</th><th "
                "scope=\"col\" class=\"n\">Cumulative</th><th scope=\"col\">Function</th><th "
                "scope=\"col\">Binary</th></tr></thead>\n<tbody>\n",
                shown, FORMAT_COUNT(n));
        for (size_t i = 0; i < shown; i++) {
                text_add(w, "<tr>");
                page_add_share(w, rows[i].self, total);
                page_add_share(w, rows[i].cumulative, total);
                add_function(w, t, k->entries[0].unit, &rows[i]);
                page_add_cell(w, rows[i].binary);
                text_add(w, "</tr>\n");
        }
        text_add(w, "</tbody></table>\n");
        report_rows_free(rows, n);
        return 0;
}
