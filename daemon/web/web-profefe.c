/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API of profefe
 *
 * Reading only: a service is a unit, an id is the name of a file of the store. What is not a CPU
 * profile is of type "other", and says in a label what it is.
 */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/parse.h"
#include "basic/string-util.h"
#include "paths.h"
#include "web/web-app.h"
#include "web/web-merge.h"

enum {
        LIST_MAX = 20000,
        MERGE_MAX = 250,
        IDS_MAX = 250,
        LABELS_MAX = 16,
        FILE_MAX = 256 << 20, /* bytes */
};

static bool is_known_type(const char *type) {
        static const char *const types[] = { "cpu",       "heap",         "block", "mutex",
                                             "goroutine", "threadcreate", "other", "trace" };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(types[i], type))
                        return true;
        return false;
}

static const char *type_of(const StoreEntry *e) {
        return streq(e->type, "cpu") ? "cpu" : "other";
}

/* ---- labels ---- */

typedef struct Labels {
        WebParameter list[LABELS_MAX];
        size_t n;
} Labels;

static void labels_done(Labels *l) {
        for (size_t i = 0; i < l->n; i++) {
                free(l->list[i].key);
                free(l->list[i].value);
        }
        l->n = 0;
}

/* "k=v,k2=v2", each escaped once more: a query by itself, but for its commas. */
static int parse_labels(const char *s, Labels *ret) {
        _cleanup_(web_request_done) WebRequest r = {};
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_free_ char *target = NULL;
        int e;

        if (isempty(s))
                return 0;
        text_add(&w, "/?");
        for (; *s != '\0'; s++)
                if (*s == '&' || *s == '#')
                        text_addf(&w, "%%%02X", *s);
                else
                        text_add_bytes(&w, *s == ',' ? "&" : s, 1);
        e = text_writer_take(&w, &target, NULL);
        if (e < 0)
                return e;
        e = web_request_parse(target, &r);
        if (e < 0)
                return e;
        if (r.n_parameters > LABELS_MAX)
                return -E2BIG;
        for (size_t i = 0; i < r.n_parameters; i++) {
                ret->list[ret->n++] = r.parameters[i];
                r.parameters[i] = (WebParameter){};
        }
        return 0;
}

static void get_label(const StoreEntry *e, const char *key, char *buffer, size_t size) {
        buffer[0] = '\0';
        if (streq(key, "boot_id")) {
                char id[SD_ID128_STRING_MAX];

                snprintf(buffer, size, "%s", sd_id128_to_string(e->boot_id, id));
        } else if (streq(key, "host")) {
                if (gethostname(buffer, size) < 0)
                        buffer[0] = '\0';
                buffer[size - 1] = '\0';
        } else if (streq(key, "profile"))
                snprintf(buffer, size, "%s", streq(e->type, "cpu") ? "" : e->type);
        else if (streq(key, "unit"))
                snprintf(buffer, size, "%s", e->unit);
}

static bool has_labels(const StoreEntry *e, const Labels *labels) {
        for (size_t i = 0; i < labels->n; i++) {
                char value[512];

                if (isempty(labels->list[i].key))
                        continue;
                get_label(e, labels->list[i].key, value, sizeof(value));
                if (isempty(value) || !streq(value, labels->list[i].value))
                        return false;
        }
        return true;
}

/* ---- finding ---- */

typedef struct Query {
        WebView view;
        Labels labels;
        const char *type; /* NULL: any */
        size_t limit;
} Query;

static void query_done(Query *q) {
        web_view_done(&q->view);
        labels_done(&q->labels);
}

static int fail_missing(WebTask *t, const char *key) {
        return web_fail(t->response, 400, NULL, NULL, "The parameter '%s' is missing.", key);
}

/* 1: it can be answered. */
static int parse_query(WebTask *t, Query *q) {
        static const char *const required[] = { "service", "from" };
        const char *type = web_request_get(t->request, "type"), *wrong = "service",
                   *limit = web_request_get(t->request, "limit");
        unsigned n;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(required); i++)
                if (isempty(web_request_get(t->request, required[i])))
                        return fail_missing(t, required[i]);
        r = web_view_parse(t->request, t->now_usec, &q->view, &wrong);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return web_fail(t->response, 400,
                                r == -ERANGE ? "'from' is later than 'to'." : NULL, NULL,
                                "Invalid parameter '%s'.", r == -ERANGE ? "from" : wrong);
        r = parse_labels(web_request_get(t->request, "labels"), &q->labels);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return web_fail(t->response, 400, NULL, NULL, "Invalid parameter 'labels'.");
        if (limit && (parse_unsigned(limit, 1, LIST_MAX, &n) < 0))
                return web_fail(t->response, 400, NULL, NULL, "Invalid parameter 'limit'.");
        q->limit = limit ? n : 0;
        q->type = type && is_known_type(type) ? type : NULL;
        return 1;
}

static bool is_wanted(const Query *q, const StoreEntry *e) {
        return e->start_usec >= q->view.since_usec && e->start_usec <= q->view.until_usec &&
               (!q->type || streq(q->type, type_of(e))) && has_labels(e, &q->labels);
}

/* Those that match, the newest max of them; 1, or 0 after a failure. */
static int find(WebTask *t, const Query *q, size_t max, StoreEntry **ret, size_t *ret_n) {
        char *patterns[] = { q->view.unit, NULL };
        StoreEntry *entries;
        size_t n, n_kept = 0, skip;
        Store *s;
        int r;

        r = web_collector_get_store(t->collector, &s);
        if (r == -ENOENT)
                return web_fail(t->response, 404, NULL, NULL, "nothing found");
        if (r >= 0)
                r = store_list(s, patterns, NULL, q->view.since_usec,
                               q->view.until_usec == USEC_INFINITY ? USEC_INFINITY
                                                                   : q->view.until_usec + 1,
                               &entries, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                StoreEntry e = entries[i];

                entries[i] = (StoreEntry){};
                if (is_wanted(q, &e))
                        entries[n_kept++] = e;
                else
                        store_entry_done(&e);
        }
        if (n_kept == 0) {
                store_entries_free(entries, 0);
                return web_fail(t->response, 404, NULL, NULL, "nothing found");
        }
        max = q->limit > 0 ? MIN(max, q->limit) : max;
        skip = n_kept > max ? n_kept - max : 0;
        for (size_t i = 0; i < skip; i++)
                store_entry_done(&entries[i]);
        memmove(entries, entries + skip, (n_kept - skip) * sizeof(*entries));
        *ret = entries;
        *ret_n = n_kept - skip;
        return 1;
}

/* ---- answers ---- */

static int begin(JsonOutput **ret) {
        int r;

        r = json_output_new(ret);
        if (r >= 0)
                json_add_integer(*ret, "code", 200);
        return r;
}

static void add_profile(JsonOutput *j, const StoreEntry *e) {
        static const char *const keys[] = { "boot_id", "host", "profile", "unit" };
        time_t start = (time_t) (e->start_usec / USEC_PER_SEC);
        char when[32] = "";
        struct tm tm;

        if (gmtime_r(&start, &tm))
                strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
        json_open_object(j, NULL);
        json_add_string(j, "id", e->path);
        json_add_string(j, "type", type_of(e));
        json_add_string(j, "service", e->unit);
        json_open_array(j, "labels");
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                char value[512];

                get_label(e, keys[i], value, sizeof(value));
                if (isempty(value))
                        continue;
                json_open_object(j, NULL);
                json_add_string(j, "key", keys[i]);
                json_add_string(j, "value", value);
                json_close(j);
        }
        json_close(j);
        json_add_string(j, "created_at", when);
        json_close(j);
}

int respond_profefe_list(WebTask *t) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        _cleanup_(query_done) Query q = {};
        StoreEntry *entries;
        size_t n;
        int r;

        r = parse_query(t, &q);
        if (r > 0)
                r = find(t, &q, LIST_MAX, &entries, &n);
        if (r <= 0)
                return r;
        r = begin(&j);
        if (r >= 0) {
                json_open_array(j, "body");
                for (size_t i = 0; i < n; i++)
                        add_profile(j, &entries[i]);
                json_close(j);
        }
        store_entries_free(entries, n);
        return r < 0 ? r : web_respond_json(t->response, 200, TAKE_PTR(j));
}

int prepare_profefe_merge(WebTask *t) {
        const char *type = web_request_get(t->request, "type");
        _cleanup_(query_done) Query q = {};
        StoreEntry *entries;
        size_t n;
        int r;

        if (isempty(type))
                return fail_missing(t, "type");
        if (!is_known_type(type) || streq(type, "trace"))
                return web_fail(t->response, 405, NULL, NULL,
                                "Profiles of this type cannot be merged.");
        r = parse_query(t, &q);
        if (r > 0)
                r = find(t, &q, LIST_MAX, &entries, &n);
        if (r <= 0)
                return r;
        r = web_collector_get_newest(t->collector, &q.view, entries, n, MERGE_MAX, &t->value);
        return r < 0 ? r : 1;
}

int respond_profefe_merge(WebTask *t) {
        return web_respond_merged(t, web_request_get(t->request, "type"));
}

int respond_profefe_services(WebTask *t) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        _cleanup_(strv_freep) char **names = NULL;
        StoreEntry *entries = NULL;
        size_t n = 0;
        Store *s;
        int r;

        r = web_collector_get_store(t->collector, &s);
        if (r >= 0)
                r = store_list(s, NULL, NULL, 0, USEC_INFINITY, &entries, &n);
        if (r < 0 && r != -ENOENT)
                return r;
        r = web_units_of(entries, n, &names);
        store_entries_free(entries, n);
        if (r >= 0 && !names)
                return web_fail(t->response, 404, NULL, NULL, "nothing found");
        if (r >= 0)
                r = begin(&j);
        if (r < 0)
                return r;
        json_open_array(j, "body");
        for (char **name = names; *name; name++)
                json_add_string(j, NULL, *name);
        json_close(j);
        return web_respond_json(t->response, 200, TAKE_PTR(j));
}

int respond_profefe_version(WebTask *t) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        int r;

        r = begin(&j);
        if (r < 0)
                return r;
        json_open_object(j, "body");
        json_add_string(j, "version", "profilerd " VERSION);
        json_add_string(j, "commit", "");
        json_add_string(j, "build_time", "");
        json_add_string(j, "go_version", "");
        json_close(j);
        return web_respond_json(t->response, 200, TAKE_PTR(j));
}

/* ---- by id ---- */

/* "UNIT/FILE" as the store names it, and nothing else. */
static int parse_id(const char *id, size_t n, StoreEntry *ret) {
        _cleanup_(store_entry_done) StoreEntry e = {};
        const char *slash = memchr(id, '/', n);
        _cleanup_free_ char *path = NULL;
        int r;

        if (!slash || id[0] == '.' || slash == id)
                return -EINVAL;
        path = strndup(id, n);
        if (!path)
                return -ENOMEM;
        r = store_parse_name(path + (slash - id) + 1, &e);
        if (r < 0)
                return r;
        e.unit = strndup(id, (size_t) (slash - id));
        e.path = TAKE_PTR(path);
        if (!e.unit)
                return -ENOMEM;
        *ret = e;
        e = (StoreEntry){};
        return 0;
}

static int add_id(StoreEntry *entries, size_t *n, const char *id, size_t n_id) {
        int r;

        if (*n >= IDS_MAX)
                return -E2BIG;
        r = parse_id(id, n_id, &entries[*n]);
        if (r < 0)
                return r;
        (*n)++;
        return *n > 1 && !streq(entries[*n - 1].type, entries[0].type) ? -EPROTOTYPE : 0;
}

static int parse_ids(const char *ids, StoreEntry *entries, size_t *n) {
        for (;;) {
                size_t n_id = strcspn(ids, "+ ");
                int r;

                r = add_id(entries, n, ids, n_id);
                if (r < 0 || ids[n_id] == '\0')
                        return r;
                ids += n_id + 1;
        }
}

/* As it is stored. A link, or what is no file, is not of the store. */
static int read_file(Store *s, const char *path, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        fd = openat(store_get_fd(s), path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return errno == ELOOP ? -ENOENT : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        return read_full_fd(fd, FILE_MAX, ret, ret_size);
}

static int respond_file(WebTask *t, const StoreEntry *e) {
        const char *slash = strrchr(e->path, '/');
        Store *s;
        size_t size;
        char *data;
        int r;

        r = web_collector_get_store(t->collector, &s);
        if (r >= 0)
                r = read_file(s, e->path, &data, &size);
        if (r == -ENOENT || r == -ENOTDIR)
                return web_fail(t->response, 404, NULL, NULL, "nothing found");
        if (r < 0)
                return r;
        web_respond_data(t->response, 200, "application/octet-stream", data, size);
        web_response_add_header(t->response, "Content-Disposition", "attachment; filename=\"%s\"",
                                slash + 1);
        return 0;
}

int prepare_profefe_by_id(WebTask *t) {
        const char *ids = t->request->path + strlen("/api/0/profiles/");
        StoreEntry *entries;
        size_t n = 0;
        WebView v = { .type = "cpu" };
        int r;

        entries = calloc(IDS_MAX, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        r = parse_ids(ids, entries, &n);
        if (r >= 0 && n == 1)
                r = respond_file(t, &entries[0]);
        else if (r >= 0) {
                v.unit = entries[0].unit;
                v.type = entries[0].type;
                r = web_collector_get_entries(t->collector, &v, entries, n, &t->value);
                if (r == -ENOENT)
                        return web_fail(t->response, 404, NULL, NULL, "nothing found");
                return r < 0 ? r : 1;
        }
        store_entries_free(entries, n);
        if (r == -EINVAL)
                return web_fail(t->response, 404, NULL, NULL, "nothing found");
        if (r == -EPROTOTYPE)
                return web_fail(t->response, 400, NULL, NULL, "The profiles are of several types.");
        return r;
}

int respond_profefe_by_id(WebTask *t) {
        return web_respond_merged(t, "merged");
}
