/* SPDX-License-Identifier: Apache-2.0 */
/* Collector */

#include <inttypes.h>
#include <utlist.h>

#include "basic/string-util.h"
#include "view/selection.h"
#include "web/web-collector.h"

/* Then others have their turn. */
#define STEP_USEC (10 * USEC_PER_MSEC)

struct WebCollector {
        const char *directory;
        Store *store; /* NULL: not yet */
        sd_event_source *work;
        WebCollection *collections; /* the one used last comes last */
        size_t n_collections;
        void (*on_done)(WebCollection *c, void *userdata);
        void *userdata;
};

static void collection_free(WebCollection *k) {
        DL_DELETE2(k->collector->collections, k, previous_, next_);
        k->collector->n_collections--;
        store_entries_free(k->entries, k->n_entries);
        report_data_done(&k->data);
        free(k->key);
        free(k->thread);
        free(k);
}

static bool is_kept(const WebCollection *k) {
        return k->is_done && k->n_ref == 0 && k->error >= 0;
}

/* Frees what nobody waits for, and the oldest of what is kept. */
static void tidy(WebCollector *c, size_t n_max) {
        WebCollection *k, *next;
        size_t n = 0;

        DL_FOREACH_SAFE2(c->collections, k, next, next_)
        if (k->n_ref == 0 && !is_kept(k))
                collection_free(k);
        DL_FOREACH2(c->collections, k, next_)
        n += is_kept(k);
        DL_FOREACH_SAFE2(c->collections, k, next, next_)
        if (n > n_max && is_kept(k)) {
                collection_free(k);
                n--;
        }
}

void web_collection_unref(WebCollection *k) {
        if (!k)
                return;
        k->n_ref--;
        tidy(k->collector, WEB_KEPT_MAX);
}

/* ---- merging ---- */

static void collection_step(WebCollection *k) {
        const StoreEntry *e = &k->entries[k->next];
        int r;

        r = report_data_add_file(&k->data, store_get_fd(k->collector->store), e->path, e->path,
                                 e->type, NULL);
        k->next++;
        if (r >= 0 && k->next == k->n_entries)
                r = report_data_settle(&k->data);
        if (r < 0)
                k->error = r;
        k->is_done = r < 0 || k->next == k->n_entries;
}

static WebCollection *find_unfinished(WebCollector *c) {
        WebCollection *k;

        DL_FOREACH2(c->collections, k, next_)
        if (!k->is_done && k->n_ref > 0)
                return k;
        return NULL;
}

static int on_work(sd_event_source *s, void *userdata) {
        usec_t end = now_usec(CLOCK_MONOTONIC) + STEP_USEC;
        WebCollector *c = userdata;
        WebCollection *k;

        k = find_unfinished(c);
        if (!k)
                return sd_event_source_set_enabled(s, SD_EVENT_OFF);
        while (!k->is_done && now_usec(CLOCK_MONOTONIC) < end)
                collection_step(k);
        /* To the end: the next turn is another's. */
        DL_DELETE2(c->collections, k, previous_, next_);
        DL_APPEND2(c->collections, k, previous_, next_);
        if (k->is_done)
                c->on_done(k, c->userdata);
        return 0;
}

/* ---- asking ---- */

int web_collector_get_store(WebCollector *c, Store **ret) {
        int r;

        if (!c->store) {
                r = store_open_reader(&c->store, c->directory);
                if (r < 0)
                        return r;
        }
        *ret = c->store;
        return 0;
}

static char *make_key(const WebView *v, const StoreEntry *entries, size_t n) {
        uint64_t hash = 0;
        char *key;

        /* Of all: what was chosen by hand may differ in the middle only. */
        for (size_t i = 0; i < n; i++)
                hash = hash_bytes(entries[i].path, strlen(entries[i].path) + 1, hash);
        if (asprintf(&key, "%s %s %zu %016" PRIx64 " %s", v->type, v->unit, n, hash,
                     v->thread ?: "") < 0)
                return NULL;
        return key;
}

static WebCollection *find(WebCollector *c, const char *key) {
        WebCollection *k;

        DL_FOREACH2(c->collections, k, next_)
        if (streq(k->key, key) && k->error >= 0)
                return k;
        return NULL;
}

static int collection_new(WebCollector *c, const WebView *v, const char *key, WebCollection **ret) {
        WebCollection *k;

        k = calloc(1, sizeof(*k));
        if (!k)
                return -ENOMEM;
        k->key = strdup(key);
        if (!k->key || free_and_strdup(&k->thread, v->thread) < 0) {
                free(k->key);
                free(k);
                return -ENOMEM;
        }
        k->collector = c;
        k->data.thread = k->thread;
        DL_APPEND2(c->collections, k, previous_, next_);
        c->n_collections++;
        *ret = k;
        return 0;
}

static int get(WebCollector *c,
               const WebView *v,
               StoreEntry *entries,
               size_t n,
               size_t n_found,
               WebCollection **ret) {
        _cleanup_free_ char *key = NULL;
        WebCollection *k;
        Store *store;
        int r;

        r = web_collector_get_store(c, &store);
        if (r < 0) {
                store_entries_free(entries, n);
                return r;
        }
        key = make_key(v, entries, n);
        k = key ? find(c, key) : NULL;
        if (k) {
                store_entries_free(entries, n);
                k->n_ref++;
                *ret = k;
                return 0;
        }
        r = !key ? -ENOMEM : c->n_collections >= WEB_COLLECTIONS_MAX ? -EBUSY : 0;
        if (r >= 0)
                r = collection_new(c, v, key, &k);
        if (r < 0) {
                store_entries_free(entries, n);
                return r;
        }
        k->entries = entries;
        k->n_entries = n;
        k->n_found = n_found;
        k->n_ref = 1;
        tidy(c, WEB_KEPT_MAX - 1);
        *ret = k;
        return sd_event_source_set_enabled(c->work, SD_EVENT_ON);
}

int web_collector_get_newest(WebCollector *c,
                             const WebView *v,
                             StoreEntry *entries,
                             size_t n,
                             size_t max,
                             WebCollection **ret) {
        size_t first = n > max ? n - max : 0;

        if (n == 0) {
                store_entries_free(entries, n);
                return -ENODATA;
        }
        for (size_t i = 0; i < first; i++)
                store_entry_done(&entries[i]);
        memmove(entries, entries + first, (n - first) * sizeof(*entries));
        return get(c, v, entries, n - first, n, ret);
}

int web_collector_get_entries(
        WebCollector *c, const WebView *v, StoreEntry *entries, size_t n, WebCollection **ret) {
        return web_collector_get_newest(c, v, entries, n, n, ret);
}

int web_collector_get(WebCollector *c, const WebView *v, size_t max, WebCollection **ret) {
        char *patterns[] = { v->unit, NULL };
        StoreEntry *entries;
        size_t n, newest;
        Store *store;
        int r;

        r = web_collector_get_store(c, &store);
        if (r < 0)
                return r;
        r = store_list(store, patterns, v->type, v->since_usec, v->until_usec, &entries, &n);
        if (r < 0)
                return r;
        if (!v->since_text && !v->until_text && n > 0) {
                newest = selection_find_newest(entries, n);
                for (size_t i = 0; i < newest; i++)
                        store_entry_done(&entries[i]);
                n -= newest;
                memmove(entries, entries + newest, n * sizeof(*entries));
        }
        return web_collector_get_newest(c, v, entries, n, max, ret);
}

/* ---- object ---- */

int web_collector_new(WebCollector **ret,
                      sd_event *event,
                      const char *directory,
                      void (*on_done)(WebCollection *c, void *userdata),
                      void *userdata) {
        _cleanup_(web_collector_freep) WebCollector *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->directory = directory;
        c->on_done = on_done;
        c->userdata = userdata;
        r = sd_event_add_defer(event, &c->work, on_work, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(c->work, SD_EVENT_OFF);
        if (r < 0)
                return r;
        /* Answers that are ready go first. */
        r = sd_event_source_set_priority(c->work, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

WebCollector *web_collector_free(WebCollector *c) {
        if (!c)
                return NULL;
        while (c->collections)
                collection_free(c->collections);
        sd_event_source_disable_unref(c->work);
        store_free(c->store);
        free(c);
        return NULL;
}
