/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backlog
 *
 * Of each directory we keep its time of change and hashes of the names in it. A change within the
 * same tick of the file system's clock as our look leaves the time as it is, so a directory that
 * has changed just now is looked at again the next time.
 */

#include <sys/stat.h>
#include <uthash.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "store/store-scan.h"
#include "upload/backlog.h"
#include "upload/ledger.h"

#define SETTLED_USEC (2 * USEC_PER_SEC)

typedef struct Directory {
        UT_hash_handle hh;
        usec_t changed_usec; /* 0: look again */
        uint64_t *names;     /* hashes, sorted */
        size_t n_names;
        bool seen;
        char name[];
} Directory;

struct Backlog {
        Store *store;
        BacklogOnProfile on_profile;
        void *userdata;
        Directory *directories;
        size_t n_unreadable;
};

typedef struct Scan {
        Backlog *backlog;
        Directory *directory;
        int fd;
        uint64_t *names;
        size_t n_names, capacity;
} Scan;

static void directory_free(Backlog *b, Directory *d) {
        HASH_DEL(b->directories, d);
        free(d->names);
        free(d);
}

static int compare_hashes(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}

static int tell(Scan *s, StoreEntry *entry, const char *name) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s", s->directory->name, name) < 0) {
                path = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        if (!ledger_path_is_valid(path))
                return 0;
        entry->unit = s->directory->name;
        entry->path = path;
        return s->backlog->on_profile(entry, s->backlog->userdata);
}

static int on_name(const char *name, void *userdata) {
        Scan *s = userdata;
        uint64_t hash = hash_bytes(name, strlen(name), 0);
        StoreEntry entry;
        int r;

        if (!endswith(name, ".pb.gz"))
                return 0;
        r = ARRAY_RESERVE(s->names, s->capacity, s->n_names + 1);
        if (r < 0)
                return r;
        if (s->directory->n_names == 0 ||
            !bsearch(&hash, s->directory->names, s->directory->n_names, sizeof(hash),
                     compare_hashes)) {
                r = store_stat_entry(s->fd, name, &entry, NULL);
                if (r == -EINVAL || r == -ENOENT)
                        return 0;
                if (r < 0)
                        return r;
                r = tell(s, &entry, name);
                entry.unit = entry.path = NULL;
                store_entry_done(&entry);
                if (r < 0)
                        return r;
        }
        s->names[s->n_names++] = hash;
        return 0;
}

static int scan_directory(Backlog *b, Directory *d) {
        _cleanup_close_ int fd = -EBADF;
        Scan s = { .backlog = b, .directory = d };
        usec_t changed;
        struct stat st;
        int r;

        fd = store_open_unit(store_get_fd(b->store), d->name);
        if (fd < 0)
                return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        changed = (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC +
                  (usec_t) st.st_mtim.tv_nsec / NSEC_PER_USEC;
        if (d->changed_usec > 0 && changed == d->changed_usec)
                return 0;

        s.fd = fd;
        r = store_scan_names(fd, on_name, &s);
        if (r < 0) {
                free(s.names);
                return r;
        }
        if (s.n_names > 0)
                qsort(s.names, s.n_names, sizeof(uint64_t), compare_hashes);
        free(d->names);
        d->names = s.names;
        d->n_names = s.n_names;
        d->changed_usec = changed + SETTLED_USEC < now_usec(CLOCK_REALTIME) ? changed : 0;
        return 0;
}

static int on_directory(const char *name, void *userdata) {
        Backlog *b = userdata;
        Directory *d;
        int r;

        if (name[0] == '.' || !strchr(name, '.'))
                return 0;
        HASH_FIND_STR(b->directories, name, d);
        if (!d) {
                d = calloc(1, sizeof(Directory) + strlen(name) + 1);
                if (!d)
                        return -ENOMEM;
                strcpy(d->name, name);
                HASH_ADD_STR(b->directories, name, d);
        }
        d->seen = true;
        r = scan_directory(b, d);
        if (r != -EACCES)
                return r;
        b->n_unreadable++;
        return 0;
}

int backlog_scan(Backlog *b, size_t *ret_n_unreadable) {
        Directory *d, *next;
        int r;

        b->n_unreadable = 0;
        for (d = b->directories; d; d = d->hh.next)
                d->seen = false;
        r = store_scan_names(store_get_fd(b->store), on_directory, b);
        if (r < 0)
                return r;
        HASH_ITER (hh, b->directories, d, next)
                if (!d->seen)
                        directory_free(b, d);
        *ret_n_unreadable = b->n_unreadable;
        return 0;
}

int backlog_new(Backlog **ret, Store *store, BacklogOnProfile on_profile, void *userdata) {
        Backlog *b;

        b = calloc(1, sizeof(Backlog));
        if (!b)
                return -ENOMEM;
        *b = (Backlog){ .store = store, .on_profile = on_profile, .userdata = userdata };
        *ret = b;
        return 0;
}

Backlog *backlog_free(Backlog *b) {
        Directory *d, *next;

        if (!b)
                return NULL;
        HASH_ITER (hh, b->directories, d, next)
                directory_free(b, d);
        free(b);
        return NULL;
}
