/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trimming a Store
 *
 * What an administrator asks to go, while the daemon may be writing. Nothing but complete files is
 * removed: directories stay, as the daemon may be about to fill one, and so do unfinished files.
 * The daemon sees from a directory's time of change that files are gone.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "store/store.h"

typedef struct Trim {
        Store *store;
        const StoreTrim *limits;
        StoreEntry *entries; /* the oldest first */
        size_t n;
        uint64_t *use_bytes; /* by entry; 0: removed */
        size_t *units;       /* by entry: numbers of units */
        size_t *n_left;      /* by unit: files that are still there */
        StoreVacuum done;
} Trim;

static void trim_done(Trim *t) {
        store_entries_free(t->entries, t->n);
        free(t->use_bytes);
        free(t->units);
        free(t->n_left);
}

static int compare_units(const void *a, const void *b, void *userdata) {
        const Trim *t = userdata;
        size_t x = *(const size_t *) a, y = *(const size_t *) b;
        int r;

        r = strcmp(t->entries[x].unit, t->entries[y].unit);
        return r != 0 ? r : x < y ? -1 : x > y;
}

static int number_units(Trim *t) {
        _cleanup_free_ size_t *order = NULL;

        order = calloc(t->n + 1, sizeof(*order));
        t->units = calloc(t->n + 1, sizeof(*t->units));
        t->n_left = calloc(t->n + 1, sizeof(*t->n_left));
        if (!order || !t->units || !t->n_left)
                return -ENOMEM;
        for (size_t i = 0; i < t->n; i++)
                order[i] = i;
        qsort_r(order, t->n, sizeof(*order), compare_units, t);
        for (size_t i = 0, unit = 0; i < t->n; i++) {
                if (i > 0 && !streq(t->entries[order[i]].unit, t->entries[order[i - 1]].unit))
                        unit++;
                t->units[order[i]] = unit;
                t->n_left[unit] += t->use_bytes[order[i]] > 0;
        }
        return 0;
}

static int measure(Trim *t) {
        t->use_bytes = calloc(t->n + 1, sizeof(*t->use_bytes));
        if (!t->use_bytes)
                return -ENOMEM;
        for (size_t i = 0; i < t->n; i++) {
                struct stat st;

                if (fstatat(store_get_fd(t->store), t->entries[i].path, &st, AT_SYMLINK_NOFOLLOW) <
                    0) {
                        if (errno == ENOENT) /* the daemon was faster */
                                continue;
                        return -errno;
                }
                t->use_bytes[i] = MAX((uint64_t) st.st_blocks * 512, (uint64_t) st.st_size);
                t->use_bytes[i] = MAX(t->use_bytes[i], UINT64_C(1));
        }
        return 0;
}

static int remove_entry(Trim *t, size_t i) {
        int r;

        r = store_remove(t->store, &t->entries[i]);
        if (r < 0)
                return r;
        t->done.n_removed++;
        t->done.bytes_removed += t->use_bytes[i];
        t->use_bytes[i] = 0;
        t->n_left[t->units[i]]--;
        return 0;
}

static int trim_time(Trim *t) {
        for (size_t i = 0; i < t->n; i++) {
                const StoreEntry *e = &t->entries[i];
                int r;

                if (t->use_bytes[i] == 0 ||
                    e->start_usec + e->duration_usec >= t->limits->before_usec)
                        continue;
                r = remove_entry(t, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int trim_files(Trim *t) {
        for (size_t i = 0; i < t->n; i++) {
                int r;

                if (t->use_bytes[i] == 0 || t->n_left[t->units[i]] <= t->limits->max_files)
                        continue;
                r = remove_entry(t, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The oldest first; the only one of a unit goes when nothing else is left. */
static int trim_size(Trim *t) {
        uint64_t use = 0;

        for (size_t i = 0; i < t->n; i++)
                use += t->use_bytes[i];
        for (int last = 0; last < 2; last++)
                for (size_t i = 0; i < t->n && use > t->limits->max_use_bytes; i++) {
                        uint64_t bytes = t->use_bytes[i];
                        int r;

                        if (bytes == 0 || (last == 0 && t->n_left[t->units[i]] < 2))
                                continue;
                        r = remove_entry(t, i);
                        if (r < 0)
                                return r;
                        use -= bytes;
                }
        return 0;
}

int store_trim(Store *s, char *const *patterns, const StoreTrim *limits, StoreVacuum *ret) {
        _cleanup_(trim_done) Trim t = { .store = s, .limits = limits };
        int r;

        r = store_list_all(s, patterns, NULL, 0, USEC_INFINITY, &t.entries, &t.n);
        if (r >= 0)
                r = measure(&t);
        if (r >= 0)
                r = number_units(&t);
        if (r >= 0)
                r = trim_time(&t);
        if (r >= 0 && limits->max_files > 0)
                r = trim_files(&t);
        if (r >= 0)
                r = trim_size(&t);
        *ret = t.done;
        return r;
}
