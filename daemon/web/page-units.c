/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: the units, and the stored profiles */

#include <inttypes.h>

#include "basic/string-util.h"
#include "view/format.h"
#include "web/page.h"
#include "web/web-status.h"

enum {
        PROFILES_SHOWN = 500,
        LIVE_SECONDS = 10,
};

/* ---- units ---- */

static void add_daemon(TextWriter *w, const WebTask *t) {
        const DaemonStatus *d = &t->daemon->status;
        usec_t age = t->now_usec > d->started_usec ? t->now_usec - d->started_usec : 0;

        if (!t->daemon->is_running) {
                text_add(w, "<p class=\"warning\" role=\"status\">profilerd is not running (");
                text_add_markup(w, t->daemon->error ?: "it does not answer");
                text_add(w, "). What is stored can be seen all the same; start it with "
                            "<code>systemctl start profilerd</code>.</p>\n");
                return;
        }
        text_add(w, "<p class=\"summary\">profilerd ");
        text_add_markup(w, d->version ?: "?");
        text_addf(w, ", %s since ",
                  d->state && streq(d->state, "running") ? "sampling" : "not sampling");
        page_add_time(w, d->started_usec);
        text_addf(w,
                  ", %" PRIu32
                  " Hz, one profile every %s, own cost %.1f&nbsp;%% of one CPU, store %s, "
                  "%s of %s samples lost.</p>\n",
                  d->frequency_hz, FORMAT_SPAN(d->interval_usec),
                  age > 0 ? (double) d->cpu_usage_nsec / (double) NSEC_PER_USEC / (double) age * 100
                          : 0,
                  FORMAT_BYTES(d->store_use_bytes), FORMAT_COUNT(d->lost),
                  FORMAT_COUNT(d->samples + d->lost));
}

static void add_percent(TextWriter *w, int percent) {
        if (percent < 0)
                text_add(w, "<td class=\"n\">–</td>");
        else
                text_addf(w, "<td class=\"n%s\">%d&nbsp;%%</td>", percent < 50 ? " poor" : "",
                          percent);
}

/* A bar for each slice, without a script. */
static void add_load(TextWriter *w, const WebUnit *u) {
        double max = 0;

        text_add(w, "<td>");
        for (size_t i = 0; i < u->n_load; i++)
                max = MAX(max, u->load[i]);
        if (max > 0) {
                text_addf(w,
                          "<svg class=\"load\" width=\"120\" height=\"18\" role=\"img\" "
                          "aria-label=\"Load of the last hour, at most %.2f cores\">",
                          max);
                for (size_t i = 0; i < u->n_load; i++)
                        if (u->load[i] > 0)
                                text_addf(w,
                                          "<rect x=\"%zu\" y=\"%.1f\" width=\"1.7\" "
                                          "height=\"%.1f\"/>",
                                          2 * i, 18 - 17 * u->load[i] / max,
                                          1 + 17 * u->load[i] / max);
                text_add(w, "</svg>");
        }
        text_add(w, "</td>");
}

static void add_unit(TextWriter *w, const WebTask *t, const WebUnit *u) {
        text_add(w, "<tr><th scope=\"row\">");
        page_add_unit_link(w, u->name);
        for (size_t i = 0; i < u->n_warnings; i++) {
                text_add(w, "<div class=\"warning\">");
                text_add_markup(w, u->warnings[i]);
                text_add(w, "</div>");
        }
        text_addf(w, "</th><td class=\"state %s\">", u->state);
        text_add_markup(w, u->state);
        text_add(w, "</td>");
        if (u->cores < 0)
                text_add(w, "<td class=\"n\">–</td>");
        else
                text_addf(w, "<td class=\"n\">%.2f</td>", u->cores);
        add_load(w, u);
        /* Only the daemon has counted them. */
        page_add_number(w, t->daemon->is_running ? FORMAT_COUNT(u->samples) : "–");
        add_percent(w, u->stacks_percent);
        add_percent(w, u->symbols_percent);
        text_add(w, "<td>");
        if (u->last_usec > 0) {
                page_add_time(w, u->last_usec);
                text_addf(w, " <span class=\"soft\">%s</span>",
                          FORMAT_AGO(t->now_usec, u->last_usec));
        } else
                text_add(w, "–");
        text_add(w, "</td></tr>\n");
}

int respond_units_page(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_(web_status_done) WebStatus s = {};
        int r;

        r = web_status_collect(t, &s);
        if (r < 0)
                return r;
        page_begin(&w, "Units", "/");
        text_add(&w, "<h1>Units</h1>\n");
        /* Seconds after which the script asks again. */
        text_addf(&w, "<div data-live=\"%d\">\n", LIVE_SECONDS);
        add_daemon(&w, t);
        if (s.n_units == 0)
                text_add(&w, "<p>No unit has been profiled yet. The first profiles come at the end "
                             "of the first window.</p>\n");
        else {
                text_addf(&w,
                          "<table id=\"units\"><caption>%zu %s</caption>\n<thead><tr><th "
                          "scope=\"col\">Unit</th><th scope=\"col\">State</th><th scope=\"col\" "
                          "class=\"n\">Cores</th><th scope=\"col\">Last hour</th><th scope=\"col\" "
                          "class=\"n\">Samples</th><th scope=\"col\" class=\"n\">Stacks</th><th "
                          "scope=\"col\" class=\"n\">Symbols</th><th scope=\"col\">Last "
                          "profile</th></tr></thead>\n<tbody>\n",
                          s.n_units, s.n_units == 1 ? "unit" : "units");
                for (size_t i = 0; i < s.n_units; i++)
                        add_unit(&w, t, &s.units[i]);
                text_add(&w, "</tbody></table>\n");
        }
        text_add(&w, "</div>\n");
        page_begin_command(&w, "status");
        page_end_command(&w);
        page_end(&w);
        return web_respond_text(t->response, 200, "text/html; charset=utf-8", &w);
}

/* ---- stored profiles ---- */

static void add_profile(TextWriter *w, const StoreEntry *e) {
        _cleanup_free_ char *unit = web_escape(e->unit), *type = web_escape(e->type);
        const char *slash = strrchr(e->path, '/');

        if (!unit || !type) {
                w->error = -ENOMEM;
                return;
        }
        text_add(w, "<tr><td>");
        page_add_time(w, e->start_usec);
        text_addf(w, "</td><td class=\"n\">%s</td><td>", FORMAT_SPAN(e->duration_usec));
        page_add_unit_link(w, e->unit);
        text_add(w, "</td>");
        page_add_cell(w, e->type);
        page_add_number(w, FORMAT_BYTES(e->size_bytes));
        /* The range that overlaps this one only. */
        text_addf(w,
                  "<td><a href=\"/unit/%s?type=%s&amp;from=@%" PRIu64 ".%06" PRIu64
                  "&amp;to=@%" PRIu64 ".%06" PRIu64
                  "\">Open</a> <a href=\"/api/0/profiles/%s/%s\">Download</a></td></tr>\n",
                  unit, type, e->start_usec / USEC_PER_SEC, e->start_usec % USEC_PER_SEC,
                  (e->start_usec + 1) / USEC_PER_SEC, (e->start_usec + 1) % USEC_PER_SEC, unit,
                  slash ? slash + 1 : "");
}

int respond_profiles_page(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_(web_view_done) WebView v = {};
        StoreEntry *entries;
        size_t n, shown;
        int r;

        r = web_list_profiles(t, &v, &entries, &n);
        if (r <= 0)
                return r;
        shown = MIN(n, (size_t) PROFILES_SHOWN);
        page_begin(&w, "Stored profiles", "/profiles");
        text_add(&w, "<h1>Stored profiles</h1>\n<form class=\"range\" action=\"/profiles\">\n");
        page_add_field(&w, "Unit", "unit", v.unit, "all");
        page_add_field(&w, "From", "from", v.since_text, "-1h, 14:00, yesterday");
        page_add_field(&w, "to", "to", v.until_text, "now");
        text_add(&w, "<button>Show</button>\n</form>\n");
        text_addf(&w,
                  "<table><caption>%s %s%s, the newest first</caption>\n<thead><tr><th "
                  "scope=\"col\">Start</th><th scope=\"col\" class=\"n\">Length</th><th "
                  "scope=\"col\">Unit</th><th scope=\"col\">Type</th><th scope=\"col\" "
                  "class=\"n\">Size</th><th scope=\"col\"></th></tr></thead>\n<tbody>\n",
                  FORMAT_COUNT(n), n == 1 ? "profile" : "profiles",
                  shown < n ? " (500 are shown)" : "");
        for (size_t i = 0; i < shown; i++)
                add_profile(&w, &entries[n - 1 - i]);
        text_add(&w, "</tbody></table>\n");
        store_entries_free(entries, n);
        page_begin_command(&w, "list");
        page_add_argument(&w, "", v.unit);
        page_add_argument(&w, "-S ", v.since_text);
        page_add_argument(&w, "-U ", v.until_text);
        page_end_command(&w);
        page_end(&w);
        return web_respond_text(t->response, 200, "text/html; charset=utf-8", &w);
}
