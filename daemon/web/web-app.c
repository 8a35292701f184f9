/* SPDX-License-Identifier: Apache-2.0 */
/* The Application */

#include <inttypes.h>
#include <utlist.h>

#include "basic/parse.h"
#include "basic/string-util.h"
#include "view/format.h"
#include "view/selection.h"
#include "web/web-app.h"
#include "web/web-wait.h"

enum {
        RESTART_MAX = 1000,
        MERGE_MAX = 250, /* files for a client that gives up after a minute */
};

struct WebApp {
        sd_event *event;
        WebServer *server;
        WebBus *bus;
        WebCollector *collector;
        WebLoad *load;
        WebTask *tasks;
        size_t n_waits;
};

/* The first that fits; "/x/" is everything below /x/. */
/* clang-format off */
static const WebRoute routes[] = {
        { "/",                       WEB_NEEDS_DAEMON, NULL, respond_units_page },
        { "/unit/",                  WEB_NEEDS_UNIT | WEB_NEEDS_DAEMON | WEB_NEEDS_PROFILE | WEB_PROFILE_MAY_LACK, NULL, respond_unit_page },
        { "/diff",                   WEB_NEEDS_DAEMON | WEB_NEEDS_PROFILE | WEB_NEEDS_BASE | WEB_PROFILE_MAY_LACK, NULL, respond_diff_page },
        { "/profiles",               0, NULL, respond_profiles_page },
        { "/flame.svg",              WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE, NULL, respond_flame_svg },
        { "/flame-diff.svg",         WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE | WEB_NEEDS_BASE, NULL, respond_flame_svg },
        { "/strip.svg",              WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE, NULL, respond_strip_svg },
        { "/download",               WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE, NULL, respond_download },
        { "/assets/",                0, NULL, respond_asset },
        { "/speedscope/",            0, NULL, respond_asset },
        { "/healthz",                0, NULL, respond_health },
        { "/metrics",                WEB_NEEDS_DAEMON, NULL, respond_metrics },
        { "/api/v1/status",          WEB_NEEDS_DAEMON, NULL, respond_status },
        { "/api/v1/tree",            WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE, NULL, respond_tree },
        { "/api/v1/diff",            WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE | WEB_NEEDS_BASE, NULL, respond_diff },
        { "/api/v1/top",             WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE, NULL, respond_top },
        { "/api/v1/peek",            WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE, NULL, respond_peek },
        { "/api/v1/strip",           WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE, NULL, respond_strip },
        { "/api/v1/threads",         WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE, NULL, respond_threads },
        { "/api/v1/profiles",        0, NULL, respond_profiles },
        { "/debug/pprof",            WEB_NEEDS_DAEMON, NULL, respond_pprof_page },
        { "/debug/pprof/profile",    WEB_NEEDS_UNIT | WEB_NEEDS_PROFILE | WEB_MAY_WAIT | WEB_OF_MERGE, NULL, respond_pprof_profile },
        { "/debug/pprof/cmdline",    0, NULL, respond_pprof_cmdline },
        { "/debug/pprof/symbol",     0, NULL, respond_symbolz },
        { "/debug/pprof/symbolz",    0, NULL, respond_symbolz },
        { "/debug/pprof/",           WEB_NEEDS_DAEMON, NULL, respond_pprof_page },
        { "/symbolz",                0, NULL, respond_symbolz },
        { "/api/0/symbolz",          0, NULL, respond_symbolz },
        { "/api/0/services",         0, NULL, respond_profefe_services },
        { "/api/0/version",          0, NULL, respond_profefe_version },
        { "/api/0/profiles",         0, NULL, respond_profefe_list },
        { "/api/0/profiles/merge",   0, prepare_profefe_merge, respond_profefe_merge },
        { "/api/0/profiles/symbolz", 0, NULL, respond_symbolz },
        { "/api/0/profiles/",        0, prepare_profefe_by_id, respond_profefe_by_id },
};
/* clang-format on */

static const WebRoute *find_route(const char *path) {
        /* Newer pprof asks beside the profile, wherever that is. */
        if (web_is_symbolz(path))
                path = "/symbolz";
        for (size_t i = 0; i < ELEMENTSOF(routes); i++) {
                const char *route = routes[i].path;

                if (streq(path, route) ||
                    (route[1] != '\0' && endswith(route, "/") && startswith(path, route)))
                        return &routes[i];
        }
        return NULL;
}

/* ---- tasks ---- */

static void task_free(WebTask *t) {
        if (t->wait)
                t->app->n_waits--;
        web_wait_free(t->wait);
        DL_DELETE2(t->app->tasks, t, previous_, next_);
        web_call_set_userdata(t->call, NULL);
        web_collection_unref(t->value);
        web_collection_unref(t->base);
        web_view_done(&t->view);
        web_view_done(&t->base_view);
        free(t->note);
        free(t);
}

static void task_finish(WebTask *t) {
        WebCall *c = t->call;

        task_free(t);
        web_call_finish(c);
}

static int fail_parameter(WebTask *t, int error, const char *wrong) {
        if (error == -ENOMEM)
                return error;
        if (error == -ERANGE)
                return web_fail(t->response, 400, "'from' is later than 'to'.", "Swap them.",
                                "The range is empty.");
        if (endswith(wrong, "unit"))
                return web_fail(t->response, 400, "It is no name of one unit.",
                                "The page / and /api/v1/status list the units.",
                                "Invalid unit name in '%s='.", wrong);
        return web_fail(t->response, 400, "It is no time as systemd.time(7) describes them.",
                        "Write '-1h', '14:00', '2026-11-20T14:00:00Z', '@1795183320' or 'boot'.",
                        "Invalid time in '%s='.", wrong);
}

int web_task_fail_no_profile(WebTask *t, const WebView *v) {
        char *patterns[] = { v->unit, NULL };
        StoreEntry *entries = NULL;
        char why[256] = "No profile of it is stored.";
        size_t n = 0;
        Store *s;

        if (web_collector_get_store(t->collector, &s) >= 0 &&
            store_list(s, patterns, v->type, 0, USEC_INFINITY, &entries, &n) >= 0 && n > 0)
                snprintf(why, sizeof(why), "There are %zu, from %s to %s.", n,
                         FORMAT_TIME(entries[0].start_usec, FORMAT_TIME_FULL),
                         FORMAT_TIME(entries[n - 1].start_usec + entries[n - 1].duration_usec,
                                     FORMAT_TIME_FULL));
        store_entries_free(entries, n);
        return web_fail(t->response, 404, why,
                        n > 0 ? "Choose another range."
                              : "A profile is stored at the end of each window, if the unit has "
                                "used CPU time.",
                        "No profile of %s in this range.", v->unit);
}

static int fail_collect(WebTask *t, const WebView *v, int error) {
        switch (error) {
        case -ENODATA:
                if (t->was_refused)
                        return web_fail(t->response, 503,
                                        "Its window is still open, and polkit does not let this "
                                        "program end it.",
                                        "Ask again when it has ended, or for what is stored by "
                                        "'seconds=0'.",
                                        "What %s has done since is not stored yet.", v->unit);
                return web_task_fail_no_profile(t, v);
        case -ENOENT:
                return web_fail(t->response, 404, "Nothing has been stored yet.",
                                "Start sampling with 'systemctl start profilerd'.",
                                "There is no store.");
        case -EACCES:
        case -EPERM:
                return web_fail(t->response, 403,
                                "Profiles show what every service does, so not everyone may read "
                                "them.",
                                "Try again as root, or as a member of the group 'adm'.",
                                "The store cannot be read.");
        case -EBUSY:
                return web_fail(t->response, 503, "Many profiles are being merged.",
                                "Try again in a moment.", "Too much is asked for at once.");
        default:
                return web_fail_errno(t->response, error);
        }
}

double web_task_min_share(const WebTask *t) {
        const char *s = web_request_get(t->request, "min");
        double share;

        return !s || parse_ratio(s, &share) < 0 ? WEB_MIN_SHARE_DEFAULT : share;
}

char *web_task_describe(const WebTask *t, const WebCollection *k) {
        const ReportData *d = &k->data;
        int64_t samples = report_data_count_samples(d),
                total = profile_total(d->profile, d->value_type);
        FormatTime style =
                d->end_usec - d->start_usec < USEC_PER_DAY ? FORMAT_TIME_CLOCK : FORMAT_TIME_MINUTE;
        ProfileValueType type;
        char value[128], text[1024];

        profile_get_value_type(d->profile, d->value_type, &type);
        if (streq(type.unit, "nanoseconds") && d->covered_usec > 0)
                snprintf(value, sizeof(value), "%s %s",
                         FORMAT_CORES((uint64_t) MAX(total, 0), d->covered_usec),
                         report_data_rate(d));
        else
                snprintf(value, sizeof(value), "%" PRIi64 " %.64s", total, type.unit);
        snprintf(text, sizeof(text), "%s, %s%s%s, %s – %s (%zu of %zu %s), %s %s, %s",
                 k->entries[0].unit, type.type, d->thread ? ", thread " : "", d->thread ?: "",
                 FORMAT_TIME(d->start_usec, style), FORMAT_TIME(d->end_usec, style), d->n_parts,
                 k->n_found, k->n_found == 1 ? "profile" : "profiles",
                 FORMAT_COUNT((uint64_t) MAX(samples, 0)), samples == 1 ? "sample" : "samples",
                 value);
        (void) t;
        return utf8_sanitize(text, strlen(text));
}

/* ---- steps: each returns 1: go on, 0: the response is there or the task waits ---- */

/* The two sides of the n-th last start. */
static int collect_restart(WebTask *t, unsigned nth) {
        char *patterns[] = { t->view.unit, NULL };
        StoreEntry *entries, *before, *after;
        SelectionRestart x;
        size_t n;
        Store *s;
        int r;

        r = web_collector_get_store(t->collector, &s);
        if (r >= 0)
                r = store_list(s, patterns, t->view.type, 0, USEC_INFINITY, &entries, &n);
        if (r < 0)
                return fail_collect(t, &t->view, r);
        r = selection_find_restart(s, entries, n, nth, &x);
        if (r < 0) {
                store_entries_free(entries, n);
                if (r != -ENOENT)
                        return r;
                return web_fail(t->response, 404,
                                "All of its stored profiles are of the same start, or of fewer.",
                                "Name two ranges instead.",
                                "No profile of %s from before that start.", t->view.unit);
        }
        if (asprintf(&t->note, "start of %s, up to 30min before against up to 30min after",
                     FORMAT_TIME(entries[x.first].start_usec, FORMAT_TIME_FULL)) < 0)
                t->note = NULL;

        before = calloc(x.first - x.from, sizeof(*before));
        after = calloc(x.to - x.first, sizeof(*after));
        if (!before || !after) {
                free(before);
                free(after);
                store_entries_free(entries, n);
                return -ENOMEM;
        }
        memcpy(before, entries + x.from, (x.first - x.from) * sizeof(*before));
        memcpy(after, entries + x.first, (x.to - x.first) * sizeof(*after));
        memset(entries + x.from, 0, (x.to - x.from) * sizeof(*entries));
        store_entries_free(entries, n);
        r = web_collector_get_entries(t->collector, &t->view, before, x.first - x.from, &t->base);
        if (r < 0) {
                store_entries_free(after, x.to - x.first);
                return fail_collect(t, &t->view, r);
        }
        r = web_collector_get_entries(t->collector, &t->view, after, x.to - x.first, &t->value);
        return r < 0 ? fail_collect(t, &t->view, r) : 1;
}

static int collect(WebTask *t) {
        const char *restart = web_request_get(t->request, "restart");
        bool lenient = t->route->needs & WEB_PROFILE_MAY_LACK;
        unsigned nth = 1;
        int r;

        if (!(t->route->needs & WEB_NEEDS_PROFILE) || t->value || !t->view.unit)
                return 1;
        if (t->route->needs & WEB_NEEDS_BASE && restart) {
                if (!isempty(restart) && parse_unsigned(restart, 1, RESTART_MAX, &nth) < 0)
                        return web_fail(t->response, 400, "It is no number from 1 to 1000.",
                                        "Write 'restart=1' for the last start.",
                                        "Invalid start in 'restart='.");
                return collect_restart(t, nth);
        }
        r = web_collector_get(t->collector, &t->view,
                              t->route->needs & WEB_OF_MERGE ? (size_t) MERGE_MAX
                                                             : (size_t) WEB_PROFILES_MAX,
                              &t->value);
        if (r < 0)
                return lenient && r == -ENODATA ? 1 : fail_collect(t, &t->view, r);
        if (!(t->route->needs & WEB_NEEDS_BASE))
                return 1;
        r = web_collector_get(t->collector, &t->base_view, WEB_PROFILES_MAX, &t->base);
        if (r < 0)
                return lenient && r == -ENODATA ? 1 : fail_collect(t, &t->base_view, r);
        return 1;
}

/* 1: it can be used. */
static int check_collection(WebTask *t, const WebCollection *k) {
        if (!k)
                return 1;
        if (k->error < 0)
                return web_fail_errno(t->response, k->error);
        if (k->data.profile)
                return 1;
        return web_fail(
                t->response, 500, k->data.first_error < 0 ? strerror(-k->data.first_error) : NULL,
                "'profilerctl verify' says more about the files.", "No profile could be read.");
}

static int parse(WebTask *t) {
        const char *wrong = "unit", *seconds = web_request_get(t->request, "seconds");
        unsigned n;
        int r;

        t->route = find_route(t->request->path);
        if (!t->route)
                return web_fail(t->response, 404, NULL, "The page / leads everywhere.",
                                "There is no such page.");
        /* Where the names of parameters are profefe's, it reads them itself. */
        if (t->route->needs == 0)
                return 1;
        r = web_view_parse(t->request, t->now_usec, &t->view, &wrong);
        if (r >= 0 && t->route->needs & WEB_NEEDS_BASE)
                r = web_view_parse_base(t->request, t->now_usec, &t->view, &t->base_view, &wrong);
        if (r < 0)
                return fail_parameter(t, r, wrong);
        if (t->route->needs & WEB_NEEDS_UNIT && !t->view.unit)
                return web_fail(t->response, 400, "It says whose profile is meant.",
                                "Add 'unit=nginx.service'; the page / and /api/v1/status list the "
                                "units.",
                                "The parameter 'unit' is missing.");
        t->wants_flush =
                t->route->respond == respond_unit_page && web_request_get(t->request, "now");
        if (!(t->route->needs & WEB_MAY_WAIT) || t->view.since_text)
                return 1;
        r = isempty(seconds) ? 0 : parse_unsigned(seconds, 0, WEB_WAIT_MAX_USEC / USEC_PER_SEC, &n);
        if (r < 0)
                return web_fail(t->response, 400, "It is no number from 0 to 600.", NULL,
                                "Invalid time in 'seconds='.");
        t->wait_usec = (isempty(seconds) ? 30 : n) * USEC_PER_SEC;
        return 1;
}

static void task_advance(WebTask *t);

static int fail_wait(WebTask *t, int error) {
        if (error == -EHOSTDOWN)
                return web_fail(t->response, 503, "Nothing is sampled now.",
                                "Start it with 'systemctl start profilerd'; 'seconds=0' and "
                                "'from=' read what is stored.",
                                "profilerd is not running.");
        if (error == -ENOENT)
                return web_fail(t->response, 404, "The daemon does not know it.",
                                "The page / and /api/v1/status list the units.",
                                "%s is not profiled.", t->view.unit);
        return web_fail(t->response, 503, strerror(-error), "Try again.",
                        "Waiting for samples failed.");
}

/* To the address of the newest profile: it stays what it is. */
static int redirect_to_newest(WebTask *t) {
        char *patterns[] = { t->view.unit, NULL };
        StoreEntry *entries;
        const StoreEntry *newest;
        size_t n;
        Store *s;
        int r;

        r = web_collector_get_store(t->collector, &s);
        if (r >= 0)
                r = store_list(s, patterns, t->view.type, 0, USEC_INFINITY, &entries, &n);
        if (r < 0)
                return fail_collect(t, &t->view, r);
        if (n > 0) {
                _cleanup_free_ char *unit = web_escape(t->view.unit);
                usec_t end;

                newest = &entries[n - 1];
                end = newest->start_usec + 1;
                web_response_add_header(
                        t->response, "Location",
                        "/unit/%s?from=@%" PRIu64 ".%06" PRIu64 "&to=@%" PRIu64 ".%06" PRIu64,
                        unit ?: "", newest->start_usec / USEC_PER_SEC,
                        newest->start_usec % USEC_PER_SEC, end / USEC_PER_SEC, end % USEC_PER_SEC);
                t->response->status = 303;
        } else
                r = web_task_fail_no_profile(t, &t->view);
        store_entries_free(entries, n);
        return r;
}

static void on_waited(int result, usec_t since_usec, void *userdata) {
        WebTask *t = userdata;

        t->is_waiting = false;
        t->has_waited = true;
        if (result == -EACCES && t->wants_flush)
                (void) web_fail(
                        t->response, 403, "polkit does not let this program end a window.",
                        "Wait for the end of the window, or try 'profilerctl flush' as root.",
                        "The running window of %s is not stored yet.", t->view.unit);
        if (t->wants_flush && (result >= 0 || result == -EACCES)) {
                if (result >= 0 && redirect_to_newest(t) < 0)
                        (void) web_fail_errno(t->response, -ENOMEM);
                task_finish(t);
                return;
        }
        if (result < 0 && result != -EACCES) {
                (void) fail_wait(t, result);
                task_finish(t);
                return;
        }
        t->was_refused = result == -EACCES;
        /* The window that was open when it began ends behind it. */
        t->view.since_text = "now";
        t->view.since_usec = since_usec;
        task_advance(t);
}

static int wait_for_samples(WebTask *t) {
        int r;

        if ((t->wait_usec == 0 && !t->wants_flush) || t->has_waited)
                return 1;
        if (t->app->n_waits >= WEB_WAITS_MAX)
                return web_fail(t->response, 503, "Many clients wait for samples.",
                                "Try again in a moment, or read what is stored by 'from='.",
                                "Too much is asked for at once.");
        r = web_wait_new(&t->wait, t->app->event, t->app->bus, t->view.unit, t->wait_usec,
                         on_waited, t);
        if (r < 0)
                return fail_wait(t, r);
        t->app->n_waits++;
        t->is_waiting = true;
        return 0;
}

/* Goes on until something has to be waited for, or to the end. */
static void task_advance(WebTask *t) {
        int r;

        r = wait_for_samples(t);
        if (r == 0 && t->is_waiting)
                return;
        if (r > 0 && t->route->needs & WEB_NEEDS_DAEMON && !t->daemon) {
                if (web_bus_refresh(t->app->bus) == 0) {
                        t->wants_daemon = true;
                        return;
                }
                t->daemon = web_bus_get_daemon(t->app->bus);
        }
        if (r > 0)
                r = collect(t);
        if (r > 0 && ((t->value && !t->value->is_done) || (t->base && !t->base->is_done)))
                return;
        if (r > 0)
                r = check_collection(t, t->value);
        if (r > 0)
                r = check_collection(t, t->base);
        if (r > 0)
                r = t->route->respond(t);
        if (r < 0)
                (void) web_fail_errno(t->response, r);
        task_finish(t);
}

static void on_fresh(void *userdata) {
        WebApp *a = userdata;
        WebTask *t, *next;

        DL_FOREACH_SAFE2(a->tasks, t, next, next_)
        if (t->wants_daemon) {
                t->wants_daemon = false;
                t->daemon = web_bus_get_daemon(a->bus);
                task_advance(t);
        }
}

static void on_collected(WebCollection *k, void *userdata) {
        WebApp *a = userdata;
        WebTask *t, *next;

        DL_FOREACH_SAFE2(a->tasks, t, next, next_)
        if (t->value == k || t->base == k)
                task_advance(t);
}

static void on_call(WebCall *c, void *userdata) {
        WebApp *a = userdata;
        WebTask *t;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t) {
                web_call_finish(c);
                return;
        }
        t->app = a;
        t->call = c;
        t->request = web_call_get_request(c);
        t->response = web_call_get_response(c);
        t->collector = a->collector;
        t->load = a->load;
        t->now_usec = now_usec(CLOCK_REALTIME);
        DL_APPEND2(a->tasks, t, previous_, next_);
        web_call_set_userdata(c, t);

        r = parse(t);
        if (r > 0 && t->route->prepare)
                r = t->route->prepare(t);
        if (r > 0) {
                task_advance(t);
                return;
        }
        if (r < 0)
                (void) web_fail_errno(t->response, r);
        task_finish(t);
}

static void on_cancel(WebCall *c, void *userdata) {
        WebTask *t = web_call_get_userdata(c);

        (void) userdata;
        if (t)
                task_free(t);
}

/* ---- object ---- */

WebServer *web_app_get_server(WebApp *a) {
        return a->server;
}

int web_app_new(WebApp **ret, sd_event *event, const WebAppOptions *options) {
        _cleanup_(web_app_freep) WebApp *a = NULL;
        WebServerOptions server;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->event = sd_event_ref(event);
        server = (WebServerOptions){
                .guard = { .hosts = options->hosts, .token = options->token },
                .on_call = on_call,
                .on_cancel = on_cancel,
                .userdata = a,
        };
        r = web_bus_new(&a->bus, event, on_fresh, a);
        if (r >= 0)
                r = web_collector_new(&a->collector, event, options->directory, on_collected, a);
        if (r >= 0)
                r = web_load_new(&a->load, event, a->collector);
        if (r >= 0)
                r = web_server_new(&a->server, event, &server);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

WebApp *web_app_free(WebApp *a) {
        if (!a)
                return NULL;
        web_server_free(a->server);
        web_bus_free(a->bus);
        web_load_free(a->load);
        web_collector_free(a->collector);
        sd_event_unref(a->event);
        free(a);
        return NULL;
}
