/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flame Graph
 *
 * The page around the graph. HTML and SVG differ in their frame only: the controls of both are
 * XHTML, so that one script serves them.
 */

#include <inttypes.h>

#include "basic/string-util.h"
#include "profile/flame-assets.h"
#include "profile/flame-graph.h"
#include "profile/flame.h"

enum {
        HEAD_HEIGHT = 170, /* pixels above the graph of an SVG file */
        TABLE_ROWS_MAX = 50,
};

static void add_chip(TextWriter *w, const char *class, const char *text) {
        text_addf(w, "<span class=\"chip %s\"></span>", class);
        text_add_markup(w, text);
}

static void add_legend(TextWriter *w,
                       const CallTree *t,
                       const FlameOptions *o,
                       const FlameGraph *g) {
        int64_t total = call_tree_get(t, 0)->total[CALL_TREE_VALUE];

        text_add(w, "<p id=\"legend\" class=\"soft\">");
        if (o->diff) {
                text_add(w, "Width: after. Colour:");
                add_chip(w, "more2", "▲ more");
                add_chip(w, "less2", "▼ less");
                add_chip(w, "new", "★ new");
                add_chip(w, "same", "within noise");
        } else {
                text_add(w, "Self time by binary:");
                for (size_t i = 0; i < g->n_binaries; i++) {
                        const FlameBinary *b = &g->binaries[i];

                        add_chip(w, flame_binary_class(g, b->name, b->kernel),
                                 isempty(b->name) ? "unknown" : b->name);
                        text_addf(w, " %.1f%%", 100 * (double) b->self / (double) total);
                }
        }
        text_add(w, "</p>\n");
}

static void add_head(TextWriter *w, const CallTree *t, const FlameOptions *o, const FlameGraph *g) {
        text_add(w, "<h1>");
        text_add_markup(w, o->title);
        text_add(w, "</h1>\n<p id=\"summary\" class=\"soft\">");
        text_add_markup(w, o->subtitle);
        text_addf(w, ". %zu %s; %zu under %.1f %% of the whole %s folded into their callers.</p>\n",
                  g->n_drawn, g->n_drawn == 1 ? "frame" : "frames", g->n_folded,
                  FLAME_FOLD_PERMILLE / 10.0, g->n_folded == 1 ? "is" : "are");
        add_legend(w, t, o, g);
        text_add(w, "<div><label>Search <input id=\"search\" type=\"search\" placeholder=\"name, "
                    "regular expression\"/></label>\n"
                    "<button id=\"reset\" type=\"button\">Reset zoom</button>\n"
                    "<button id=\"flip\" type=\"button\">Flip</button>\n"
                    "<strong id=\"matched\" role=\"status\" aria-live=\"polite\"></strong>\n"
                    "<span class=\"soft\">Keys: / search, arrows move, Enter zooms, Backspace goes "
                    "back, Esc resets</span></div>\n"
                    "<div id=\"crumbs\"></div>\n<div id=\"detail\" class=\"soft\"></div>\n");
}

static void add_graph(TextWriter *w,
                      const FlameOptions *o,
                      const FlameGraph *g,
                      const TextWriter *frames,
                      int y) {
        text_addf(w,
                  "<svg id=\"flame\" xmlns=\"http://www.w3.org/2000/svg\" width=\"100%%\" "
                  "height=\"%zu\" y=\"%d\" role=\"tree\" aria-label=\"Flame graph of ",
                  g->n_levels * FLAME_ROW_HEIGHT, y);
        text_add_markup(w, o->title);
        text_add(w, "\">\n");
        text_add_bytes(w, frames->text, frames->size);
        text_add(w, "</svg>\n");
}

static void add_table(TextWriter *w, const FlameOptions *o) {
        int64_t total = 0;
        size_t n = MIN(o->n_rows, (size_t) TABLE_ROWS_MAX);

        for (size_t i = 0; i < o->n_rows; i++)
                total += o->rows[i].self > 0 ? o->rows[i].self : 0;
        if (n == 0 || total <= 0)
                return;
        text_addf(w,
                  "<details><summary>Table of functions</summary>\n<table><caption>The %zu hottest "
                  "of %zu</caption>\n<tr><th scope=\"col\" class=\"n\" "
                  "aria-sort=\"descending\">Self</th><th scope=\"col\" "
                  "class=\"n\">Cumulative</th><th scope=\"col\">Function</th><th "
                  "scope=\"col\">Binary</th></tr>\n",
                  n, o->n_rows);
        for (size_t i = 0; i < n; i++) {
                const ReportRow *r = &o->rows[i];

                text_addf(w, "<tr><td class=\"n\">%.1f%%</td><td class=\"n\">%.1f%%</td><td>",
                          100 * (double) r->self / (double) total,
                          100 * (double) r->cumulative / (double) total);
                text_add_markup(w, r->name);
                text_add(w, "</td><td>");
                text_add_markup(w, r->binary);
                text_add(w, "</td></tr>\n");
        }
        text_add(w, "</table></details>\n");
}

/* No source is allowed but what stands in the file itself. */
static void add_html(TextWriter *w,
                     const CallTree *t,
                     const FlameOptions *o,
                     const FlameGraph *g,
                     const TextWriter *frames) {
        text_add(w, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                    "style-src 'unsafe-inline'; script-src 'unsafe-inline'\"/>\n"
                    "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>");
        text_add_markup(w, o->title);
        text_add(w, "</title>\n<style>\n");
        text_add(w, flame_colors_css);
        text_add(w, flame_css);
        text_add(w, "</style>\n</head>\n<body>\n<div id=\"head\">\n<a class=\"skip\" "
                    "href=\"#end\">Skip the graph</a>\n");
        add_head(w, t, o, g);
        add_table(w, o);
        text_add(w, "</div>\n");
        add_graph(w, o, g, frames, 0);
        text_add(w, "<p id=\"end\"></p>\n<script>\n");
        text_add(w, flame_js);
        text_add(w, "</script>\n</body>\n</html>\n");
}

static void add_svg(TextWriter *w,
                    const CallTree *t,
                    const FlameOptions *o,
                    const FlameGraph *g,
                    const TextWriter *frames) {
        text_addf(w,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<svg class=\"page\" role=\"document\" lang=\"en\" "
                  "xmlns=\"http://www.w3.org/2000/svg\" width=\"100%%\" "
                  "height=\"%zu\">\n<title>",
                  HEAD_HEIGHT + g->n_levels * FLAME_ROW_HEIGHT);
        text_add_markup(w, o->title);
        text_add(w, "</title>\n<style><![CDATA[\n");
        text_add(w, flame_colors_css);
        text_add(w, flame_css);
        text_addf(w,
                  "]]></style>\n<foreignObject width=\"100%%\" height=\"%d\">\n"
                  "<div xmlns=\"http://www.w3.org/1999/xhtml\" id=\"head\">\n",
                  HEAD_HEIGHT);
        add_head(w, t, o, g);
        text_add(w, "</div></foreignObject>\n");
        add_graph(w, o, g, frames, HEAD_HEIGHT);
        text_add(w, "<script><![CDATA[\n");
        text_add(w, flame_js);
        text_add(w, "]]></script>\n</svg>\n");
}

static void add_image(TextWriter *w,
                      const FlameOptions *o,
                      const FlameGraph *g,
                      const TextWriter *frames) {
        text_addf(w,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<svg class=\"page\" xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
                  "height=\"%zu\">\n<style><![CDATA[\n",
                  FLAME_WIDTH, g->n_levels * FLAME_ROW_HEIGHT);
        text_add(w, flame_colors_css);
        text_add(w, flame_css);
        text_add(w, "]]></style>\n");
        add_graph(w, o, g, frames, 0);
        text_add(w, "</svg>\n");
}

int flame_encode(CallTree *t, const FlameOptions *options, char **ret, size_t *ret_size) {
        _cleanup_(text_writer_done) TextWriter w = {}, frames = {};
        FlameGraph g = {};
        int r;

        if (call_tree_get(t, 0)->total[CALL_TREE_VALUE] <= 0)
                return -ENODATA;
        r = call_tree_sort(t);
        if (r < 0)
                return r;
        r = flame_graph_find_binaries(t, &g);
        if (r < 0)
                return r;
        flame_graph_write(&frames, t, options, &g);
        if (frames.error < 0)
                return frames.error;
        switch (options->format) {
        case FLAME_HTML:
                add_html(&w, t, options, &g, &frames);
                break;
        case FLAME_SVG:
                add_svg(&w, t, options, &g, &frames);
                break;
        case FLAME_IMAGE:
                add_image(&w, options, &g, &frames);
        }
        return text_writer_take(&w, ret, ret_size);
}
