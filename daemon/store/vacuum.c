/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vacuum
 *
 * MaxUse= and MaxRetentionSec= are about what we wrote, and are kept to the last file. KeepFree= is
 * about a disk that others fill too, and no removal of ours may ever bring the space back: so it
 * takes history only and leaves each unit its newest profile, which a newer one may replace.
 */

#include <fcntl.h>

#include "store/store-scan.h"
#include "store/vacuum.h"

enum {
        /* So often others may change a directory under our hands until we decide by what we know.
         */
        VACUUM_REFRESHES_MAX = 1024,
};

typedef struct Vacuum {
        StoreIndex *index;
        int dir_fd;
        const char *growing;
        const StorePins *pins;
        usec_t now_usec;
        unsigned n_refreshes;
        StoreVacuum *done;
} Vacuum;

/* 1: the oldest file of u is gone, 0: u is not what it was, choose again. */
static int remove_oldest(Vacuum *v, StoreUnit *u) {
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int fd = -EBADF;
        uint64_t use_bytes;
        int r;

        r = store_refresh_unit(v->index, v->dir_fd, store_index_get_directory(u), &u, &fd);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (r > 0 && (store_index_n_files(u) == 0 || v->n_refreshes++ < VACUUM_REFRESHES_MAX)) {
                store_remove_empty(v->index, v->dir_fd, u);
                return 0;
        }

        name = store_index_oldest_name(v->index, u);
        if (!name)
                return -ENOMEM;
        if (unlinkat(fd, name, 0) < 0) {
                r = -errno;
                /* Protected against us: not ours to count. */
                if (r != -ENOENT && r != -EPERM && r != -EACCES)
                        return r;
                (void) store_index_pop(v->index, u);
        } else {
                use_bytes = store_index_pop(v->index, u);
                v->done->n_removed++;
                v->done->bytes_removed += use_bytes;
        }

        store_note_change(u, fd);
        store_remove_empty(v->index, v->dir_fd, u);
        return 1;
}

/* Removes the oldest until all that is left occupies use_bytes at most, and what we removed
 * occupied removed_bytes at least. -ENOSPC: no more may go. */
static int remove_until(Vacuum *v, uint64_t use_bytes, uint64_t removed_bytes, bool spare) {
        int r;

        while (store_index_get_use_bytes(v->index) > use_bytes ||
               v->done->bytes_removed < removed_bytes) {
                StoreUnit *growing, *victim;

                growing = v->growing ? store_index_find(v->index, v->growing) : NULL;
                victim = store_index_find_victim(v->index, growing, spare, v->pins, v->now_usec);
                if (!victim)
                        return -ENOSPC;
                r = remove_oldest(v, victim);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int remove_files(Vacuum *v, size_t max) {
        int r;

        while (store_index_get_n_files(v->index) > max) {
                r = remove_oldest(
                        v, store_index_find_victim(v->index, NULL, false, v->pins, v->now_usec));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int remove_expired(Vacuum *v, usec_t before_usec) {
        int r;

        for (StoreUnit *u = store_index_next(v->index, NULL), *next; u; u = next) {
                next = store_index_next(v->index, u);
                while (u && store_index_n_files(u) > 0 && store_index_oldest_end(u) < before_usec &&
                       !store_index_oldest_is_pinned(u, v->pins, v->now_usec)) {
                        _cleanup_free_ char *directory = strdup(store_index_get_directory(u));

                        if (!directory)
                                return -ENOMEM;
                        r = remove_oldest(v, u);
                        if (r < 0)
                                return r;
                        /* It went with its last file. */
                        u = store_index_find(v->index, directory);
                }
        }
        return 0;
}

/* Not for the sake of the unit that grows: the vacuum after the write takes what it replaces, and
 * only if there was a write. */
static int keep_free(Vacuum *v, const VacuumRequest *request) {
        const StoreUnit *growing;
        uint64_t wanted;
        int r;

        if (__builtin_add_overflow(request->limits.keep_free_bytes, request->needed_bytes, &wanted))
                wanted = UINT64_MAX;
        if (request->limits.keep_free_bytes == 0 || request->free_bytes >= wanted)
                return 0;

        v->growing = NULL;
        r = remove_until(v, UINT64_MAX, wanted - request->free_bytes, true);
        if (r != -ENOSPC || request->needed_bytes == 0)
                return r == -ENOSPC ? 0 : r;

        growing = request->growing ? store_index_find(v->index, request->growing) : NULL;
        return growing && store_index_n_files(growing) > 0 ? 0 : -ENOSPC;
}

int vacuum_run(StoreIndex *x, int dir_fd, const VacuumRequest *request, StoreVacuum *ret) {
        const StoreLimits *limits = &request->limits;
        Vacuum v = { .index = x,
                     .dir_fd = dir_fd,
                     .growing = request->growing,
                     .pins = request->pins,
                     .now_usec = request->now_usec,
                     .done = ret };
        int r;

        *ret = (StoreVacuum){};
        if (request->needed_bytes > limits->max_use_bytes)
                return -EFBIG;

        if (limits->max_retention_usec < request->now_usec) {
                r = remove_expired(&v, request->now_usec - limits->max_retention_usec);
                if (r < 0)
                        return r;
        }

        r = remove_files(&v, STORE_ENTRIES_MAX - (request->needed_bytes > 0 ? 1 : 0));
        if (r < 0)
                return r;

        r = remove_until(&v, limits->max_use_bytes - request->needed_bytes, 0, false);
        if (r < 0)
                return r;

        return keep_free(&v, request);
}

int vacuum_remove_bytes(
        StoreIndex *x, int dir_fd, const VacuumRequest *request, uint64_t bytes, StoreVacuum *ret) {
        Vacuum v = { .index = x,
                     .dir_fd = dir_fd,
                     .growing = request->growing,
                     .pins = request->pins,
                     .now_usec = request->now_usec,
                     .done = ret };
        int r;

        *ret = (StoreVacuum){};
        r = remove_until(&v, UINT64_MAX, bytes, false);
        if (r < 0 && r != -ENOSPC)
                return r;
        return ret->n_removed > 0;
}
