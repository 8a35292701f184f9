/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and Tables as JSON: /api/v1/ but for the trees */

#include "basic/parse.h"
#include "basic/string-util.h"
#include "profile/profile-peek.h"
#include "profile/profile-report.h"
#include "web/web-app.h"
#include "web/web-search.h"
#include "web/web-status.h"

enum {
        ROWS_DEFAULT = 200,
        ROWS_MAX = 100000,
        PEEKS_MAX = 10,
        PEEK_ROWS_MAX = 50,
        ENTRIES_MAX = 20000, /* of a list of profiles */
};

/* ---- status ---- */

static void add_unit(JsonOutput *j, const WebUnit *u) {
        json_open_object(j, NULL);
        json_add_string(j, "name", u->name);
        json_add_string(j, "state", u->state);
        json_add_string(j, "active_state", isempty(u->active_state) ? NULL : u->active_state);
        json_add_real(j, "cores", u->cores);
        json_add_count(j, "samples", u->samples);
        json_add_count(j, "lost", u->lost);
        json_add_integer(j, "stacks_percent", u->stacks_percent);
        json_add_integer(j, "symbols_percent", u->symbols_percent);
        json_open_array(j, "load");
        for (size_t i = 0; i < u->n_load; i++)
                json_add_real(j, NULL, u->load[i]);
        json_close(j);
        json_add_count(j, "last_profile_usec", u->last_usec);
        json_add_string(j, "last_profile_id", u->last_id);
        json_open_array(j, "warnings");
        for (size_t i = 0; i < u->n_warnings; i++)
                json_add_string(j, NULL, u->warnings[i]);
        json_close(j);
        json_close(j);
}

int respond_status(WebTask *t) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        _cleanup_(web_status_done) WebStatus s = {};
        int r;

        r = web_status_collect(t, &s);
        if (r < 0)
                return r;
        r = json_output_new(&j);
        if (r < 0)
                return r;
        json_add_bool(j, "running", t->daemon->is_running);
        if (t->daemon->is_running)
                daemon_status_to_json(&t->daemon->status, j, "daemon");
        else {
                json_add_null(j, "daemon");
                json_add_string(j, "error", t->daemon->error);
        }
        json_add_count(j, "now_usec", t->now_usec);
        json_open_array(j, "units");
        for (size_t i = 0; i < s.n_units; i++)
                add_unit(j, &s.units[i]);
        json_close(j);
        return web_respond_json(t->response, 200, TAKE_PTR(j));
}

/* ---- stored profiles ---- */

/* Those of ?unit=, ?type=, ?from= and ?to=. 1: found, 0: the response says why not. */
int web_list_profiles(WebTask *t, WebView *v, StoreEntry **ret, size_t *ret_n) {
        char *patterns[] = { NULL, NULL };
        const char *wrong = "unit";
        Store *s;
        int r;

        r = web_view_parse(t->request, t->now_usec, v, &wrong);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return web_fail(t->response, 400, NULL, NULL, "Invalid '%s='.", wrong);
        r = web_collector_get_store(t->collector, &s);
        if (r == -ENOENT) {
                *ret = NULL;
                *ret_n = 0;
                return 1;
        }
        if (r < 0)
                return r;
        patterns[0] = v->unit;
        r = store_list(s, v->unit ? patterns : NULL,
                       web_request_get(t->request, "type") ? v->type : NULL, v->since_usec,
                       v->until_usec, ret, ret_n);
        return r < 0 ? r : 1;
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int web_units_of(const StoreEntry *entries, size_t n, char ***ret) {
        _cleanup_free_ const char **sorted = NULL;
        _cleanup_(strv_freep) char **names = NULL;

        sorted = calloc(n + 1, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                sorted[i] = entries[i].unit;
        qsort(sorted, n, sizeof(*sorted), compare_strings);
        for (size_t i = 0; i < n; i++)
                if ((i == 0 || !streq(sorted[i], sorted[i - 1])) &&
                    strv_extend(&names, sorted[i]) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(names);
        return 0;
}

int respond_profiles(WebTask *t) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        _cleanup_(web_view_done) WebView v = {};
        StoreEntry *entries;
        size_t n, first;
        int r;

        r = web_list_profiles(t, &v, &entries, &n);
        if (r <= 0)
                return r;
        first = n > ENTRIES_MAX ? n - ENTRIES_MAX : 0;
        r = json_output_new(&j);
        if (r < 0) {
                store_entries_free(entries, n);
                return r;
        }
        json_add_count(j, "found", n);
        json_open_array(j, "profiles");
        for (size_t i = first; i < n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "id", entries[i].path);
                json_add_string(j, "unit", entries[i].unit);
                json_add_string(j, "type", entries[i].type);
                json_add_count(j, "t", entries[i].start_usec);
                json_add_count(j, "d", entries[i].duration_usec);
                json_add_count(j, "bytes", entries[i].size_bytes);
                json_close(j);
        }
        json_close(j);
        store_entries_free(entries, n);
        return web_respond_json(t->response, 200, TAKE_PTR(j));
}

/* ---- views of a merged profile ---- */

static void add_value_type(JsonOutput *j, const ReportData *d) {
        ProfileValueType type;

        profile_get_value_type(d->profile, d->value_type, &type);
        json_add_string(j, "type", type.type);
        json_add_string(j, "unit_of_value", type.unit);
        json_add_count(j, "from", d->start_usec);
        json_add_count(j, "to", d->end_usec);
        json_add_count(j, "covered", d->covered_usec);
        json_add_integer(j, "total", profile_total(d->profile, d->value_type));
}

int respond_strip(WebTask *t) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        const ReportData *d = &t->value->data;
        int r;

        r = json_output_new(&j);
        if (r < 0)
                return r;
        json_add_string(j, "unit", t->view.unit);
        add_value_type(j, d);
        json_open_array(j, "strip");
        for (size_t i = 0; i < d->n_parts; i++) {
                json_open_object(j, NULL);
                json_add_count(j, "t", d->parts[i].start_usec);
                json_add_count(j, "d", d->parts[i].duration_usec);
                json_add_integer(j, "v", d->parts[i].value);
                json_close(j);
        }
        json_close(j);
        return web_respond_json(t->response, 200, TAKE_PTR(j));
}

static size_t parse_limit(const WebTask *t) {
        const char *s = web_request_get(t->request, "limit");
        unsigned n;

        return s && parse_unsigned(s, 1, ROWS_MAX, &n) >= 0 ? n : (size_t) ROWS_DEFAULT;
}

static int respond_rows(WebTask *t, ReportGrouping by) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        const ReportData *d = &t->value->data;
        ReportRow *rows;
        size_t n, shown;
        int r;

        r = profile_report_rows(d->profile, d->value_type, by, &rows, &n);
        if (r < 0)
                return r;
        shown = MIN(n, parse_limit(t));
        r = json_output_new(&j);
        if (r < 0) {
                report_rows_free(rows, n);
                return r;
        }
        json_add_string(j, "unit", t->view.unit);
        add_value_type(j, d);
        json_add_string(j, "by", report_grouping_to_string(by));
        json_add_count(j, "n_rows", n);
        report_rows_to_json(j, "rows", rows, shown);
        report_rows_free(rows, n);
        return web_respond_json(t->response, 200, TAKE_PTR(j));
}

int respond_top(WebTask *t) {
        const char *by = web_request_get(t->request, "by");
        ReportGrouping grouping =
                isempty(by) ? REPORT_BY_FUNCTION : report_grouping_from_string(by);

        if (grouping < 0)
                return web_fail(t->response, 400, NULL,
                                "Write 'function', 'line', 'binary', 'thread' or 'pid'.",
                                "Invalid grouping in 'by='.");
        return respond_rows(t, grouping);
}

int respond_threads(WebTask *t) {
        return respond_rows(t, REPORT_BY_THREAD);
}

static void add_peek_rows(JsonOutput *j, const char *key, const PeekRow *rows, size_t n) {
        json_open_array(j, key);
        for (size_t i = 0; i < MIN(n, (size_t) PEEK_ROWS_MAX); i++) {
                json_open_object(j, NULL);
                json_add_string(j, "name", rows[i].name);
                json_add_string(j, "binary", rows[i].binary);
                json_add_bool(j, "kernel", rows[i].kernel);
                json_add_integer(j, "value", rows[i].value);
                json_close(j);
        }
        json_close(j);
}

static bool is_function(const Frame *f, void *userdata) {
        return streq(f->name, userdata);
}

int web_task_peek(
        WebTask *t, const char *function, Peek **ret, size_t *ret_n, size_t *ret_matches) {
        const ReportData *d = &t->value->data;

        return profile_peek(d->profile, d->value_type, is_function, (void *) function, PEEKS_MAX,
                            ret, ret_n, ret_matches);
}

int respond_peek(WebTask *t) {
        const char *function = web_request_get(t->request, "function");
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        size_t n, n_matches;
        Peek *peeks;
        int r;

        if (isempty(function))
                return web_fail(t->response, 400, NULL,
                                "Add 'function=NAME'; /api/v1/top lists them.",
                                "The parameter 'function' is missing.");
        r = web_task_peek(t, function, &peeks, &n, &n_matches);
        if (r < 0)
                return r;
        if (n == 0) {
                peeks_free(peeks, n);
                return web_fail(t->response, 404, "It has not been sampled in this range.",
                                "/api/v1/top lists what has been.", "No function '%s'.", function);
        }
        r = json_output_new(&j);
        if (r < 0) {
                peeks_free(peeks, n);
                return r;
        }
        json_add_string(j, "unit", t->view.unit);
        add_value_type(j, &t->value->data);
        json_add_count(j, "n_matches", n_matches);
        json_open_array(j, "functions");
        for (size_t i = 0; i < n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "name", peeks[i].name);
                json_add_string(j, "binary", peeks[i].binary);
                json_add_bool(j, "kernel", peeks[i].kernel);
                json_add_integer(j, "self", peeks[i].self);
                json_add_integer(j, "cumulative", peeks[i].cumulative);
                add_peek_rows(j, "callers", peeks[i].callers, peeks[i].n_callers);
                add_peek_rows(j, "callees", peeks[i].callees, peeks[i].n_callees);
                json_close(j);
        }
        json_close(j);
        peeks_free(peeks, n);
        return web_respond_json(t->response, 200, TAKE_PTR(j));
}
