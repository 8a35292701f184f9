/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store Index
 *
 * A store holds up to a million files, so a file takes 32 bytes here and its name is made from
 * them: the part that thousands share (TYPE.BOOTID) is kept once.
 */

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "store/store-index.h"
#include "store/store-name.h"

typedef struct IndexFile {
        usec_t start_usec, duration_usec;
        uint64_t use_bytes;
        uint32_t prefix;
        StoreLevel level;
} IndexFile;

struct StoreUnit {
        char *directory;
        struct timespec mtime;
        IndexFile *files; /* oldest first */
        size_t n_files, capacity;
        UT_hash_handle hh;
};

struct StoreIndex {
        StoreUnit *units; /* by directory */
        char **prefixes;
        size_t n_prefixes, capacity_prefixes;
        uint64_t use_bytes;
        size_t n_files;
};

int store_index_new(StoreIndex **ret) {
        StoreIndex *x = calloc(1, sizeof(*x));

        if (!x)
                return -ENOMEM;
        *ret = x;
        return 0;
}

StoreIndex *store_index_free(StoreIndex *x) {
        if (!x)
                return NULL;

        while (x->units)
                store_index_remove(x, x->units);
        for (size_t i = 0; i < x->n_prefixes; i++)
                free(x->prefixes[i]);
        free(x->prefixes);
        free(x);
        return NULL;
}

uint64_t store_index_get_use_bytes(const StoreIndex *x) {
        return x->use_bytes;
}

size_t store_index_get_n_files(const StoreIndex *x) {
        return x->n_files;
}

StoreUnit *store_index_find(const StoreIndex *x, const char *directory) {
        StoreUnit *u;

        HASH_FIND_STR(x->units, directory, u);
        return u;
}

int store_index_put(StoreIndex *x, const char *directory, StoreUnit **ret) {
        StoreUnit *u;

        u = store_index_find(x, directory);
        if (u) {
                *ret = u;
                return 0;
        }

        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        u->directory = strdup(directory);
        if (u->directory)
                HASH_ADD_KEYPTR(hh, x->units, u->directory, strlen(u->directory), u);
        if (!u->directory || !u->hh.tbl) {
                free(u->directory);
                free(u);
                return -ENOMEM;
        }

        *ret = u;
        return 0;
}

void store_index_clear(StoreIndex *x, StoreUnit *u) {
        for (size_t i = 0; i < u->n_files; i++)
                x->use_bytes -= u->files[i].use_bytes;
        x->n_files -= u->n_files;
        u->n_files = 0;
}

void store_index_remove(StoreIndex *x, StoreUnit *u) {
        if (!u)
                return;

        store_index_clear(x, u);
        HASH_DEL(x->units, u);
        free(u->files);
        free(u->directory);
        free(u);
}

StoreUnit *store_index_next(const StoreIndex *x, const StoreUnit *u) {
        return u ? u->hh.next : x->units;
}

const char *store_index_get_directory(const StoreUnit *u) {
        return u->directory;
}

struct timespec store_index_get_mtime(const StoreUnit *u) {
        return u->mtime;
}

void store_index_set_mtime(StoreUnit *u, struct timespec mtime) {
        u->mtime = mtime;
}

size_t store_index_n_files(const StoreUnit *u) {
        return u->n_files;
}

/* There are as many as boots times types; the one of today is the last. */
static int index_put_prefix(StoreIndex *x, const StoreEntry *entry, uint32_t *ret) {
        _cleanup_free_ char *prefix = store_format_prefix(entry);
        int r;

        if (!prefix)
                return -ENOMEM;
        for (size_t i = x->n_prefixes; i > 0; i--)
                if (streq(x->prefixes[i - 1], prefix)) {
                        *ret = (uint32_t) (i - 1);
                        return 0;
                }

        if (x->n_prefixes >= UINT32_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(x->prefixes, x->capacity_prefixes, x->n_prefixes + 1);
        if (r < 0)
                return r;
        *ret = (uint32_t) x->n_prefixes;
        x->prefixes[x->n_prefixes++] = TAKE_PTR(prefix);
        return 0;
}

static bool file_is_before(const IndexFile *a, const IndexFile *b) {
        return a->start_usec != b->start_usec ? a->start_usec < b->start_usec
                                              : a->duration_usec < b->duration_usec;
}

int store_index_add(StoreIndex *x, StoreUnit *u, const StoreEntry *entry, uint64_t use_bytes) {
        IndexFile file = {
                .start_usec = entry->start_usec,
                .duration_usec = entry->duration_usec,
                .use_bytes = use_bytes,
                .level = entry->level,
        };
        size_t first = 0, last = u->n_files;
        int r;

        r = index_put_prefix(x, entry, &file.prefix);
        if (r < 0)
                return r;
        r = ARRAY_RESERVE(u->files, u->capacity, u->n_files + 1);
        if (r < 0)
                return r;

        /* Written in order, read in the order of the directory, which is none. */
        if (last > 0 && !file_is_before(&file, &u->files[last - 1]))
                first = last;
        while (first < last) {
                size_t middle = first + (last - first) / 2;

                if (file_is_before(&file, &u->files[middle]))
                        last = middle;
                else
                        first = middle + 1;
        }

        memmove(u->files + first + 1, u->files + first, (u->n_files - first) * sizeof(file));
        u->files[first] = file;
        u->n_files++;
        x->n_files++;
        x->use_bytes += use_bytes;
        return 0;
}

char *store_index_oldest_name(const StoreIndex *x, const StoreUnit *u) {
        const IndexFile *file = u->files;

        assert(u->n_files > 0);
        return store_format_prefixed(x->prefixes[file->prefix], file->start_usec,
                                     file->duration_usec, file->level);
}

usec_t store_index_oldest_end(const StoreUnit *u) {
        assert(u->n_files > 0);
        return u->files[0].start_usec + u->files[0].duration_usec;
}

uint64_t store_index_pop(StoreIndex *x, StoreUnit *u) {
        uint64_t use_bytes;

        assert(u->n_files > 0);
        use_bytes = u->files[0].use_bytes;
        u->n_files--;
        memmove(u->files, u->files + 1, u->n_files * sizeof(u->files[0]));
        x->n_files--;
        x->use_bytes -= use_bytes;
        return use_bytes;
}

bool store_index_oldest_is_pinned(const StoreUnit *u, const StorePins *pins, usec_t now_usec) {
        assert(u->n_files > 0);
        return store_pins_has(pins, u->directory, u->files[0].start_usec, now_usec);
}

static StoreUnit *find_victim(const StoreIndex *x,
                              const StoreUnit *growing,
                              bool spare,
                              const StorePins *pins,
                              usec_t now_usec) {
        StoreUnit *rich = NULL, *any = NULL;

        for (StoreUnit *u = x->units; u; u = u->hh.next) {
                if (u->n_files == 0 || store_index_oldest_is_pinned(u, pins, now_usec))
                        continue;
                if (u->n_files + (u == growing) > 1 &&
                    (!rich || file_is_before(&u->files[0], &rich->files[0])))
                        rich = u;
                if (!any || file_is_before(&u->files[0], &any->files[0]))
                        any = u;
        }
        return rich || spare ? rich : any;
}

StoreUnit *store_index_find_victim(const StoreIndex *x,
                                   const StoreUnit *growing,
                                   bool spare,
                                   const StorePins *pins,
                                   usec_t now_usec) {
        /* The only file of a unit is spared for the sake of pins, too: so first with both. */
        return find_victim(x, growing, true, pins, now_usec)
                       ?: find_victim(x, growing, spare, NULL, now_usec);
}
