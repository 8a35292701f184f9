/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Collector
 *
 * Merges the stored profiles that views ask for, in small steps between other work, so that a long
 * range for one client does not stop the others. What was merged last is kept: page, graph, table
 * and download of one view ask for the same.
 */

#include <systemd/sd-event.h>

#include "store/store.h"
#include "view/report-data.h"
#include "web/web-view.h"

enum {
        WEB_PROFILES_MAX = 2000,  /* files merged for one view: the newest */
        WEB_KEPT_MAX = 6,         /* collections that are kept once nobody needs them */
        WEB_COLLECTIONS_MAX = 48, /* in all; further are refused */
};

typedef struct WebCollector WebCollector;

typedef struct WebCollection {
        WebCollector *collector;
        unsigned n_ref;
        char *key, *thread;
        StoreEntry *entries; /* that are merged, oldest first */
        size_t n_entries, next;
        size_t n_found; /* n_entries of so many */
        ReportData data;
        bool is_done;
        int error; /* -ENOMEM, -E2BIG, once it is done */
        struct WebCollection *previous_, *next_;
} WebCollection;

/* directory: of the store, opened when it is asked for. on_done: a collection that was not done
 * when it was asked for is now. */
int web_collector_new(WebCollector **ret,
                      sd_event *event,
                      const char *directory,
                      void (*on_done)(WebCollection *c, void *userdata),
                      void *userdata);
WebCollector *web_collector_free(WebCollector *c);
DEFINE_CLEANUP(WebCollector *, web_collector_free);

/*
 * The newest max profiles of the view; without a range those of the newest hour. To be given back
 * by web_collection_unref(). -ENODATA: there are none, -EBUSY: too much is asked for at once; also
 * the errors of opening the store.
 */
int web_collector_get(WebCollector *c, const WebView *v, size_t max, WebCollection **ret);
/* The same for entries that the caller has chosen; takes them, also on failure. */
int web_collector_get_entries(
        WebCollector *c, const WebView *v, StoreEntry *entries, size_t n, WebCollection **ret);
/* The same for the newest max of them. */
int web_collector_get_newest(WebCollector *c,
                             const WebView *v,
                             StoreEntry *entries,
                             size_t n,
                             size_t max,
                             WebCollection **ret);
/* The store, borrowed. */
int web_collector_get_store(WebCollector *c, Store **ret);
void web_collection_unref(WebCollection *k);
