/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Application
 *
 * From a request to its response: the route, the parameters, what has to be asked for or merged
 * first, and then the function that writes the answer.
 */

#include "profile/profile-peek.h"
#include "web/web-bus.h"
#include "web/web-load.h"
#include "web/web-server.h"

typedef struct WebApp WebApp;

typedef struct WebAppOptions {
        const char *directory; /* of the store */
        const char *token;     /* NULL: none */
        char *const *hosts;    /* NULL-terminated, may be NULL */
} WebAppOptions;

int web_app_new(WebApp **ret, sd_event *event, const WebAppOptions *options);
WebApp *web_app_free(WebApp *a);
DEFINE_CLEANUP(WebApp *, web_app_free);
WebServer *web_app_get_server(WebApp *a);

/* What a route needs before it can answer. */
typedef enum WebNeeds {
        WEB_NEEDS_UNIT = 1 << 0,       /* the parameter */
        WEB_NEEDS_DAEMON = 1 << 1,     /* its status */
        WEB_NEEDS_PROFILE = 1 << 2,    /* what the view selects, merged */
        WEB_NEEDS_BASE = 1 << 3,       /* and what it is compared with */
        WEB_MAY_WAIT = 1 << 4,         /* ?seconds=N: for what is sampled from now on */
        WEB_OF_MERGE = 1 << 5,         /* fewer files than a view: the client has no patience */
        WEB_PROFILE_MAY_LACK = 1 << 6, /* the route says itself that there is none */
} WebNeeds;

/* A request on its way. */
typedef struct WebTask {
        WebApp *app;
        WebCall *call;
        const struct WebRoute *route;
        const WebRequest *request;
        WebResponse *response;
        usec_t now_usec; /* CLOCK_REALTIME of the request */
        WebView view, base_view;
        WebCollection *value, *base; /* NULL: not needed, or there is none */
        WebCollector *collector;
        WebLoad *load;
        const WebDaemon *daemon;
        usec_t wait_usec; /* ?seconds= */
        char *note;       /* about the comparison: which start */
        /* of the application */
        bool wants_daemon, wants_flush, is_waiting, has_waited, was_refused;
        struct WebWait *wait;
        struct WebTask *previous_, *next_;
} WebTask;

typedef struct WebRoute {
        const char *path; /* ends in '/': and all below it */
        unsigned needs;
        /* Before anything is asked for, may be NULL. 1: go on, 0: the response is there, or an
         * errno. */
        int (*prepare)(WebTask *t);
        /* Fills in the response. 0, or an errno, which is written as a failure. */
        int (*respond)(WebTask *t);
} WebRoute;

/* ---- what routes share ---- */
/* The shares that are below this one are left out: ?min=. */
double web_task_min_share(const WebTask *t);
/* "nginx.service, cpu, 13:52-14:02 (10 of 10 profiles), …". NULL: out of memory. */
char *web_task_describe(const WebTask *t, const WebCollection *k);
/* A failure that says which profiles there are. */
int web_task_fail_no_profile(WebTask *t, const WebView *v);

/* The stored profiles of ?unit=, ?type=, ?from= and ?to=; v is to be released. 1: found, 0: the
 * response says why not. */
int web_list_profiles(WebTask *t, WebView *v, StoreEntry **ret, size_t *ret_n);
/* The different units among them, sorted; NULL: there are none. */
int web_units_of(const StoreEntry *entries, size_t n, char ***ret);
/* Callers and callees of the functions of this name. */
int web_task_peek(WebTask *t, const char *function, Peek **ret, size_t *ret_n, size_t *ret_matches);

/* ---- routes, a file for each group ---- */
int respond_units_page(WebTask *t);
int respond_unit_page(WebTask *t);
int respond_diff_page(WebTask *t);
int respond_profiles_page(WebTask *t);
int respond_pprof_page(WebTask *t);

int respond_status(WebTask *t);
int respond_profiles(WebTask *t);
int respond_strip(WebTask *t);
int respond_tree(WebTask *t);
int respond_diff(WebTask *t);
int respond_top(WebTask *t);
int respond_peek(WebTask *t);
int respond_threads(WebTask *t);

int respond_flame_svg(WebTask *t);
int respond_strip_svg(WebTask *t);
int respond_download(WebTask *t);
int respond_asset(WebTask *t);
int respond_health(WebTask *t);
int respond_metrics(WebTask *t);

int respond_pprof_profile(WebTask *t);
int respond_pprof_cmdline(WebTask *t);
int respond_symbolz(WebTask *t);

int respond_profefe_list(WebTask *t);
int prepare_profefe_merge(WebTask *t);
int respond_profefe_merge(WebTask *t);
int prepare_profefe_by_id(WebTask *t);
int respond_profefe_by_id(WebTask *t);
int respond_profefe_services(WebTask *t);
int respond_profefe_version(WebTask *t);
