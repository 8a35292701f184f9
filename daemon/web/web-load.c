/* SPDX-License-Identifier: Apache-2.0 */
/* Load of the Last Hour */

#include "web/web-load.h"
#include "basic/string-util.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "profile/table.h"

/* Between two looks at the store. */
#define REFRESH_USEC (5 * USEC_PER_SEC)

typedef struct LoadFile {
        char *path; /* "UNIT/FILE" */
        size_t n_unit;
        usec_t start_usec, duration_usec;
        int64_t cpu_nsec;
        bool is_read;
        UT_hash_handle hh;
} LoadFile;

struct WebLoad {
        WebCollector *collector;
        sd_event_source *work;
        LoadFile *files;
        usec_t refreshed_usec; /* CLOCK_MONOTONIC */
};

static void file_free(WebLoad *l, LoadFile *f) {
        HASH_DEL(l->files, f);
        free(f->path);
        free(f);
}

static int file_new(WebLoad *l, const StoreEntry *e) {
        LoadFile *f;

        HASH_FIND_STR(l->files, e->path, f);
        if (f || HASH_COUNT(l->files) >= WEB_LOAD_FILES_MAX)
                return 0;
        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->path = strdup(e->path);
        f->n_unit = strlen(e->unit);
        f->start_usec = e->start_usec;
        f->duration_usec = e->duration_usec;
        if (f->path)
                HASH_ADD_KEYPTR(hh, l->files, f->path, strlen(f->path), f);
        if (!f->path || !f->hh.tbl) {
                free(f->path);
                free(f);
                return -ENOMEM;
        }
        return 1;
}

static bool is_recent(const LoadFile *f, usec_t now) {
        return f->start_usec + f->duration_usec + WEB_LOAD_RANGE > now;
}

static void read_cpu(WebLoad *l, LoadFile *f) {
        _cleanup_(profile_freep) Profile *p = NULL;
        int type;
        Store *s;

        f->is_read = true;
        if (web_collector_get_store(l->collector, &s) < 0 ||
            pprof_read_file(store_get_fd(s), f->path, &p, NULL) < 0)
                return;
        type = profile_find_value_type(p, "cpu");
        if (type >= 0)
                f->cpu_nsec = MAX(profile_total(p, (size_t) type), 0);
}

/* One file at a time: others first. */
static int on_work(sd_event_source *source, void *userdata) {
        WebLoad *l = userdata;

        for (LoadFile *f = l->files; f; f = f->hh.next)
                if (!f->is_read) {
                        read_cpu(l, f);
                        return 0;
                }
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

int web_load_refresh(WebLoad *l, usec_t now) {
        usec_t monotonic = now_usec(CLOCK_MONOTONIC);
        LoadFile *f, *next;
        StoreEntry *entries;
        size_t n;
        Store *s;
        int r;

        if (l->refreshed_usec > 0 && monotonic < l->refreshed_usec + REFRESH_USEC)
                return 0;
        l->refreshed_usec = monotonic;
        HASH_ITER (hh, l->files, f, next)
                if (!is_recent(f, now))
                        file_free(l, f);
        r = web_collector_get_store(l->collector, &s);
        if (r >= 0)
                r = store_list(s, NULL, "cpu", now - MIN(now, WEB_LOAD_RANGE), USEC_INFINITY,
                               &entries, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = file_new(l, &entries[i]);
        store_entries_free(entries, n);
        return r < 0 ? r : sd_event_source_set_enabled(l->work, SD_EVENT_ON);
}

/* Spreads the file's time evenly over its window. */
static void add_file(const LoadFile *f, usec_t begin, double slices[WEB_LOAD_SLICES]) {
        const double width = (double) WEB_LOAD_RANGE / WEB_LOAD_SLICES;
        double from = (double) f->start_usec - (double) begin,
               to = from + (double) f->duration_usec;

        for (size_t i = 0; i < WEB_LOAD_SLICES && f->duration_usec > 0; i++) {
                double overlap = MIN(to, (double) (i + 1) * width) - MAX(from, (double) i * width);

                if (overlap > 0)
                        slices[i] += (double) f->cpu_nsec / (double) NSEC_PER_USEC * overlap /
                                     (to - from) / width;
        }
}

bool web_load_get(const WebLoad *l, const char *unit, usec_t now, double slices[WEB_LOAD_SLICES]) {
        size_t n_unit = strlen(unit);
        bool found = false;

        memset(slices, 0, WEB_LOAD_SLICES * sizeof(*slices));
        for (const LoadFile *f = l->files; f; f = f->hh.next) {
                if (!f->is_read || f->n_unit != n_unit || strncmp(f->path, unit, n_unit) != 0)
                        continue;
                add_file(f, now - MIN(now, WEB_LOAD_RANGE), slices);
                found = true;
        }
        return found;
}

int web_load_new(WebLoad **ret, sd_event *event, WebCollector *collector) {
        _cleanup_(web_load_freep) WebLoad *l = NULL;
        int r;

        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->collector = collector;
        r = sd_event_add_defer(event, &l->work, on_work, l);
        if (r >= 0)
                r = sd_event_source_set_enabled(l->work, SD_EVENT_OFF);
        /* After the merges that somebody waits for. */
        if (r >= 0)
                r = sd_event_source_set_priority(l->work, SD_EVENT_PRIORITY_IDLE + 1);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

WebLoad *web_load_free(WebLoad *l) {
        if (!l)
                return NULL;
        while (l->files)
                file_free(l, l->files);
        sd_event_source_disable_unref(l->work);
        free(l);
        return NULL;
}
