/* SPDX-License-Identifier: Apache-2.0 */
/* Listing of a Store */

#include <fnmatch.h>

#include "basic/array.h"
#include "store/store-parts.h"
#include "store/store-scan.h"

typedef struct StoreListing {
        int dir_fd;
        char *const *patterns;
        const char *type;
        usec_t since_usec, until_usec;
        bool all; /* those that were replaced, too */

        const char *directory; /* being read */
        int unit_fd;
        size_t n_unreadable;

        StoreEntry *entries;
        size_t n_entries, capacity;
} StoreListing;

static void listing_done(StoreListing *l) {
        store_entries_free(l->entries, l->n_entries);
}

static bool matches_any(char *const *patterns, const char *unit) {
        if (!patterns)
                return true;
        /* Backslashes are part of many units' names. */
        for (; *patterns; patterns++)
                if (fnmatch(*patterns, unit, FNM_NOESCAPE) == 0)
                        return true;
        return false;
}

static bool is_wanted(const StoreListing *l, const StoreEntry *e) {
        if (l->type && !streq(l->type, e->type))
                return false;
        return e->start_usec < l->until_usec &&
               (e->start_usec >= l->since_usec || e->start_usec + e->duration_usec > l->since_usec);
}

static int add_entry(StoreListing *l, const char *name, StoreEntry *entry) {
        int r;

        if (l->n_entries >= STORE_ENTRIES_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(l->entries, l->capacity, l->n_entries + 1);
        if (r < 0)
                return r;

        entry->unit = strdup(l->directory);
        if (!entry->unit)
                return -ENOMEM;
        if (asprintf(&entry->path, "%s/%s", l->directory, name) < 0) {
                entry->path = NULL;
                return -ENOMEM;
        }

        l->entries[l->n_entries++] = *entry;
        *entry = (StoreEntry){};
        return 0;
}

/* Of most files of a large store the name says that they are not wanted. */
static int on_file_name(const char *name, void *userdata) {
        _cleanup_(store_entry_done) StoreEntry entry = {}, said = {};
        StoreListing *l = userdata;
        int r;

        r = store_parse_name(name, &said);
        if (r == -EINVAL || (r >= 0 && !is_wanted(l, &said)))
                return 0;
        if (r >= 0)
                r = store_stat_entry(l->unit_fd, name, &entry, NULL);
        if (r == -EINVAL || r == -ENOENT)
                return 0;
        return r < 0 ? r : add_entry(l, name, &entry);
}

static void drop_replaced(StoreListing *l, size_t first) {
        size_t n = first;

        for (size_t i = first; i < l->n_entries; i++)
                if (l->entries[i].replaced_usec > 0)
                        store_entry_done(&l->entries[i]);
                else
                        l->entries[n++] = l->entries[i];
        l->n_entries = n;
}

static int list_directory(StoreListing *l, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        size_t first = l->n_entries;
        int r;

        fd = store_open_unit(l->dir_fd, name);
        if (fd < 0)
                return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
        l->directory = name;
        l->unit_fd = fd;
        r = store_scan_names(fd, on_file_name, l);
        if (r < 0)
                return r;
        r = store_parts_mark(l->dir_fd, l->entries + first, l->n_entries - first);
        if (r < 0)
                return r;
        if (!l->all)
                drop_replaced(l, first);
        return 0;
}

/* What one unit keeps to itself must not hide the others. */
static int on_directory_name(const char *name, void *userdata) {
        StoreListing *l = userdata;
        size_t first = l->n_entries;
        int r;

        if (!matches_any(l->patterns, name))
                return 0;
        r = list_directory(l, name);
        if (r != -EACCES)
                return r;
        while (l->n_entries > first)
                store_entry_done(&l->entries[--l->n_entries]);
        l->n_unreadable++;
        return 0;
}

static int compare_entries(const void *a, const void *b) {
        const StoreEntry *x = a, *y = b;
        int r;

        if (x->start_usec != y->start_usec)
                return x->start_usec < y->start_usec ? -1 : 1;
        r = strcmp(x->unit, y->unit);
        return r != 0 ? r : strcmp(x->path, y->path);
}

static int list(Store *s, StoreListing *l, StoreEntry **ret, size_t *ret_n) {
        int r;

        l->dir_fd = store_get_fd(s);
        r = store_scan_names(l->dir_fd, on_directory_name, l);
        if (r < 0)
                return r;

        store_set_n_unreadable(s, l->n_unreadable);
        if (l->n_entries > 0)
                qsort(l->entries, l->n_entries, sizeof(l->entries[0]), compare_entries);
        *ret = TAKE_PTR(l->entries);
        *ret_n = l->n_entries;
        l->n_entries = 0;
        return 0;
}

int store_list(Store *s,
               char *const *patterns,
               const char *type,
               usec_t since,
               usec_t until,
               StoreEntry **ret,
               size_t *ret_n) {
        _cleanup_(listing_done) StoreListing l = {
                .patterns = patterns,
                .type = type,
                .since_usec = since,
                .until_usec = until,
        };

        return list(s, &l, ret, ret_n);
}

int store_list_all(Store *s,
                   char *const *patterns,
                   const char *type,
                   usec_t since,
                   usec_t until,
                   StoreEntry **ret,
                   size_t *ret_n) {
        _cleanup_(listing_done) StoreListing l = {
                .patterns = patterns,
                .type = type,
                .since_usec = since,
                .until_usec = until,
                .all = true,
        };

        return list(s, &l, ret, ret_n);
}

static int on_dated_name(const char *name, void *userdata) {
        _cleanup_(store_entry_done) StoreEntry entry = {};
        usec_t *oldest = userdata;
        int r;

        r = store_parse_name(name, &entry);
        if (r >= 0)
                *oldest = MIN(*oldest, entry.start_usec);
        return r == -ENOMEM ? r : 0;
}

typedef struct StoreOldest {
        int dir_fd;
        usec_t usec;
} StoreOldest;

static int on_dated_directory(const char *name, void *userdata) {
        StoreOldest *o = userdata;
        _cleanup_close_ int fd = store_open_unit(o->dir_fd, name);

        return fd < 0 ? 0 : store_scan_names(fd, on_dated_name, &o->usec);
}

int store_find_oldest(Store *s, usec_t *ret) {
        StoreOldest o = { store_get_fd(s), USEC_INFINITY };
        int r;

        r = store_scan_names(o.dir_fd, on_dated_directory, &o);
        if (r < 0)
                return r;
        if (o.usec == USEC_INFINITY)
                return -ENOENT;
        *ret = o.usec;
        return 0;
}
