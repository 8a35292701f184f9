/* SPDX-License-Identifier: Apache-2.0 */
/* Images, Downloads and Assets */

#include <inttypes.h>

#include "basic/string-util.h"
#include "profile/call-tree.h"
#include "profile/flame.h"
#include "view/export-format.h"
#include "web/assets.h"
#include "web/web-app.h"

enum {
        STRIP_WIDTH = 1200,
        STRIP_HEIGHT = 60,
};

#define TYPE_HTML   "text/html; charset=utf-8"
#define TYPE_SVG    "image/svg+xml"
#define TYPE_BINARY "application/octet-stream"

/* ---- flame graphs ---- */

static int write_flame(WebTask *t, FlameFormat format, char **ret, size_t *ret_size) {
        CallTreeOptions options = { .invert = web_request_get(t->request, "invert") };
        _cleanup_(call_tree_freep) CallTree *tree = NULL;
        _cleanup_free_ char *subtitle = NULL;
        const ReportData *d = &t->value->data;
        ProfileValueType type;
        ReportRow *rows = NULL;
        FlameOptions o = { .format = format, .title = t->view.unit };
        DiffRule rule;
        bool cores, normalize = web_request_get(t->request, "normalize");
        int r;

        r = call_tree_new(&tree, &options);
        if (r >= 0)
                r = call_tree_add(tree, d->profile, d->value_type, CALL_TREE_VALUE);
        if (r >= 0 && t->base) {
                r = call_tree_add(tree, t->base->data.profile, t->base->data.value_type,
                                  CALL_TREE_BASE);
                if (r >= 0)
                        r = report_compare(&t->base->data, d, normalize, false, &rule, &cores);
                o.diff = &rule;
        }
        if (r >= 0 && format == FLAME_HTML && !t->base) {
                r = profile_report_rows(d->profile, d->value_type, REPORT_BY_FUNCTION, &rows,
                                        &o.n_rows);
                o.rows = rows;
        }
        if (r < 0)
                return r;
        profile_get_value_type(d->profile, d->value_type, &type);
        o.unit = type.unit;
        o.subtitle = subtitle = web_task_describe(t, t->value);
        r = subtitle ? flame_encode(tree, &o, ret, ret_size) : -ENOMEM;
        report_rows_free(rows, o.n_rows);
        return r;
}

int respond_flame_svg(WebTask *t) {
        size_t size;
        char *text;
        int r;

        r = write_flame(t, FLAME_IMAGE, &text, &size);
        if (r < 0)
                return r;
        web_respond_data(t->response, 200, TYPE_SVG, text, size);
        return 0;
}

/* ---- load over time ---- */

int respond_strip_svg(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};
        const ReportData *d = &t->value->data;
        double range = (double) (d->end_usec - d->start_usec), max = 0;

        for (size_t i = 0; i < d->n_parts; i++)
                if (d->parts[i].duration_usec > 0)
                        max = MAX(max,
                                  (double) d->parts[i].value / (double) d->parts[i].duration_usec);
        text_addf(&w,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                  "viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\">\n"
                  "<style>rect{fill:#5b8bd0}@media (prefers-color-scheme: dark)"
                  "{rect{fill:#6fa0e8}}</style>\n",
                  STRIP_WIDTH, STRIP_HEIGHT, STRIP_WIDTH, STRIP_HEIGHT);
        for (size_t i = 0; i < d->n_parts && range > 0 && max > 0; i++) {
                const ReportPart *p = &d->parts[i];
                double x = (double) (p->start_usec - d->start_usec) / range * STRIP_WIDTH,
                       width = (double) p->duration_usec / range * STRIP_WIDTH, height;

                if (p->duration_usec == 0)
                        continue;
                height = (double) p->value / (double) p->duration_usec / max * STRIP_HEIGHT;
                text_addf(&w, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n", x,
                          STRIP_HEIGHT - height, MAX(width - 0.5, 0.5), height);
        }
        text_add(&w, "</svg>\n");
        return web_respond_text(t->response, 200, TYPE_SVG, &w);
}

/* ---- downloads ---- */

static const char *type_of(ExportFormat f) {
        switch (f) {
        case EXPORT_FORMAT_FOLDED:
                return "text/plain; charset=utf-8";
        case EXPORT_FORMAT_SPEEDSCOPE:
        case EXPORT_FORMAT_FIREFOX:
        case EXPORT_FORMAT_JSON:
                return "application/json";
        default:
                return TYPE_BINARY;
        }
}

static const char *suffix_of(ExportFormat f) {
        switch (f) {
        case EXPORT_FORMAT_PPROF:
                return "pb.gz";
        case EXPORT_FORMAT_FOLDED:
                return "folded";
        case EXPORT_FORMAT_SPEEDSCOPE:
                return "speedscope.json";
        case EXPORT_FORMAT_FIREFOX:
                return "firefox.json";
        case EXPORT_FORMAT_JSON:
                return "json";
        default:
                return "otlp";
        }
}

/* "nginx.service-cpu-20261120T140000Z.pb.gz"; a name of a unit has no quote. */
static void add_file_name(WebTask *t, const char *suffix) {
        const ReportData *d = &t->value->data;
        time_t start = (time_t) (d->start_usec / USEC_PER_SEC);
        char when[32] = "";
        struct tm tm;

        if (gmtime_r(&start, &tm))
                strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
        web_response_add_header(t->response, "Content-Disposition",
                                "attachment; filename=\"%s-%s.%s\"", t->view.unit, when, suffix);
}

int respond_download(WebTask *t) {
        const char *name = web_request_get(t->request, "format") ?: "pprof";
        ExportFormat format = export_format_from_string(name);
        bool html = streq(name, "html"), svg = streq(name, "svg");
        size_t size;
        char *data;
        int r;

        if (format < 0 && !html && !svg)
                return web_fail(t->response, 400, NULL,
                                "Write pprof, folded, speedscope, firefox, json, otlp, html or "
                                "svg.",
                                "Invalid format in 'format='.");
        if (html || svg)
                r = write_flame(t, html ? FLAME_HTML : FLAME_SVG, &data, &size);
        else
                r = export_encode(format, t->value->data.profile, t->value->data.value_type,
                                  t->view.unit, &data, &size);
        if (r < 0)
                return r;
        web_respond_data(t->response, 200,
                         html  ? TYPE_HTML
                         : svg ? TYPE_SVG
                               : type_of(format),
                         data, size);
        add_file_name(t, html || svg ? name : suffix_of(format));
        return 0;
}

/* ---- assets ---- */

int respond_asset(WebTask *t) {
        const char *name = t->request->path + 1;
        const WebAsset *a;

        /* /speedscope/ is a folder of its own. */
        if (startswith(name, "assets/"))
                name += strlen("assets/");
        if (streq(name, "speedscope/"))
                name = "speedscope/index.html";
        a = web_asset_find(name);
        if (!a)
                return web_fail(t->response, 404, "This build does not have it.", NULL,
                                "There is no such file.");
        t->response->status = 200;
        t->response->type = a->type;
        t->response->borrowed = a->data;
        t->response->size = a->size;
        t->response->is_gzip = a->gzip;
        t->response->is_cacheable = true;
        web_response_add_header(t->response, "ETag", "%s", a->etag);
        return 0;
}

int respond_health(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};

        text_add(&w, "ok\n");
        return web_respond_text(t->response, 200, "text/plain; charset=utf-8", &w);
}
