/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store
 *
 * The writer keeps an index of what lies on the disk. It is made by the one full look at the
 * directories when the store is opened, and follows our own changes from then on; what others do
 * there is found by the directories' times of change: at once where we are about to change
 * something, once in STORE_REFRESH_USEC elsewhere.
 */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "store/store-name.h"
#include "store/store-scan.h"
#include "store/vacuum.h"

#define STORE_REFRESH_USEC USEC_PER_MINUTE

enum {
        STORE_DIRECTORY_MODE = 0750,
        STORE_FILE_MODE = 0640,
        STORE_BLOCK_BYTES = 4096,  /* a file occupies whole ones of these, as a rule */
        STORE_TAKEN_MAX = 1000000, /* names that are taken, until we give up: a second's worth */
};

struct Store {
        char *directory;
        int dir_fd;
        StoreIndex *index; /* NULL: a reader */
        StoreLimits limits;
        StoreVacuum vacuumed;
        usec_t refreshed_usec; /* CLOCK_MONOTONIC */
        size_t n_unreadable;
        char *pins_path; /* NULL: nothing is pinned */
        StorePins *pins; /* as of pins_mtime; NULL: nothing is pinned */
        struct timespec pins_mtime;
};

int store_open_reader(Store **ret, const char *directory) {
        _cleanup_(store_freep) Store *s = NULL;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->dir_fd = -EBADF;
        s->limits = (StoreLimits){ UINT64_MAX, 0, USEC_INFINITY };
        s->directory = strdup(directory);
        if (!s->directory)
                return -ENOMEM;

        s->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->dir_fd < 0)
                return -errno;

        *ret = TAKE_PTR(s);
        return 0;
}

static int refresh(Store *s) {
        int r;

        r = store_refresh(s->index, s->dir_fd);
        if (r < 0)
                return r;
        s->refreshed_usec = now_usec(CLOCK_MONOTONIC);
        return 0;
}

int store_open(Store **ret, const char *directory, const StoreLimits *limits) {
        _cleanup_(store_freep) Store *s = NULL;
        int r;

        if (mkdir(directory, STORE_DIRECTORY_MODE) < 0 && errno != EEXIST)
                return -errno;
        r = store_open_reader(&s, directory);
        if (r < 0)
                return r;

        r = store_index_new(&s->index);
        if (r < 0)
                return r;
        store_set_limits(s, limits);
        r = refresh(s);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

Store *store_free(Store *s) {
        if (!s)
                return NULL;

        store_index_free(s->index);
        store_pins_free(s->pins);
        free(s->pins_path);
        safe_close(s->dir_fd);
        free(s->directory);
        free(s);
        return NULL;
}

void store_set_limits(Store *s, const StoreLimits *limits) {
        s->limits = *limits;
}

uint64_t store_get_use_bytes(const Store *s) {
        return s->index ? store_index_get_use_bytes(s->index) : 0;
}

void store_get_vacuumed(const Store *s, StoreVacuum *ret) {
        *ret = s->vacuumed;
}

int store_get_fd(const Store *s) {
        return s->dir_fd;
}

const char *store_get_directory(const Store *s) {
        return s->directory;
}

void store_set_n_unreadable(Store *s, size_t n) {
        s->n_unreadable = n;
}

size_t store_get_n_unreadable(const Store *s) {
        return s->n_unreadable;
}

static void count_vacuum(Store *s, const StoreVacuum *done) {
        s->vacuumed.n_removed += done->n_removed;
        s->vacuumed.bytes_removed += done->bytes_removed;
}

int store_set_pins(Store *s, const char *path) {
        return free_and_strdup(&s->pins_path, path);
}

/* What cannot be read pins nothing: the limits come first. */
static void refresh_pins(Store *s) {
        StorePins *pins = NULL;
        struct stat st;

        if (!s->pins_path)
                return;
        if (stat(s->pins_path, &st) < 0)
                st.st_mtim = (struct timespec){};
        else if (st.st_mtim.tv_sec == s->pins_mtime.tv_sec &&
                 st.st_mtim.tv_nsec == s->pins_mtime.tv_nsec)
                return;
        else
                (void) store_pins_read(s->pins_path, &pins);
        store_pins_free(s->pins);
        s->pins = pins;
        s->pins_mtime = st.st_mtim;
}

/* growing: directory of the unit that is to get needed_bytes, NULL: none. */
static int vacuum(Store *s, const char *growing, uint64_t needed_bytes, StoreVacuum *ret) {
        VacuumRequest request = {
                .limits = s->limits,
                .now_usec = now_usec(CLOCK_REALTIME),
                .growing = growing,
                .needed_bytes = needed_bytes,
        };
        struct statvfs fs;
        int r;

        refresh_pins(s);
        request.pins = s->pins;
        if (fstatvfs(s->dir_fd, &fs) < 0)
                return -errno;
        request.free_bytes = (uint64_t) fs.f_bavail * fs.f_frsize;

        r = vacuum_run(s->index, s->dir_fd, &request, ret);
        count_vacuum(s, ret);
        return r;
}

int store_vacuum(Store *s, StoreVacuum *ret) {
        StoreVacuum done = {};
        int r;

        assert(s->index);
        r = refresh(s);
        if (r >= 0)
                r = vacuum(s, NULL, 0, &done);
        if (ret)
                *ret = done;
        return r;
}

/* The first name that is free, from the start of entry on. */
static int find_free_name(int unit_fd, const StoreEntry *entry, char **ret) {
        StoreEntry e = *entry;

        for (unsigned i = 0; i < STORE_TAKEN_MAX; i++, e.start_usec++) {
                _cleanup_free_ char *name = store_format_name(&e);

                if (!name)
                        return -ENOMEM;
                if (faccessat(unit_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                        continue;
                if (errno != ENOENT)
                        return -errno;
                *ret = TAKE_PTR(name);
                return 0;
        }
        return -EEXIST;
}

static int write_to_unit(Store *s,
                         StoreUnit *u,
                         int unit_fd,
                         const StoreEntry *entry,
                         const void *data,
                         size_t size,
                         char **ret_path) {
        _cleanup_free_ char *name = NULL, *path = NULL;
        StoreEntry found;
        uint64_t use_bytes;
        int r;

        r = find_free_name(unit_fd, entry, &name);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/%s", store_index_get_directory(u), name) < 0) {
                path = NULL;
                return -ENOMEM;
        }

        r = write_file_atomic(unit_fd, name, data, size, STORE_FILE_MODE);
        if (r < 0)
                return r;

        r = store_stat_entry(unit_fd, name, &found, &use_bytes);
        if (r >= 0) {
                r = store_index_add(s->index, u, &found, use_bytes);
                store_entry_done(&found);
        }
        /* Not counted, it is found when the directory is read again. */
        if (r >= 0)
                store_note_change(u, unit_fd);

        *ret_path = TAKE_PTR(path);
        return 0;
}

static int write_once(Store *s,
                      const char *directory,
                      const StoreEntry *entry,
                      const void *data,
                      size_t size,
                      char **ret_path) {
        _cleanup_close_ int fd = -EBADF;
        StoreUnit *u;
        int r;

        if (mkdirat(s->dir_fd, directory, STORE_DIRECTORY_MODE) < 0 && errno != EEXIST)
                return -errno;
        r = store_refresh_unit(s->index, s->dir_fd, directory, &u, &fd);
        if (r < 0)
                return r;

        r = write_to_unit(s, u, fd, entry, data, size, ret_path);
        if (r < 0)
                store_remove_empty(s->index, s->dir_fd, u);
        return r;
}

static bool is_disk_full(int r) {
        return r == -ENOSPC || r == -EDQUOT;
}

static bool entry_is_valid(const StoreEntry *entry) {
        usec_t end;

        /* Room for the start to move. */
        return !isempty(entry->unit) && !isempty(entry->type) && store_type_is_valid(entry->type) &&
               !__builtin_add_overflow(entry->start_usec, entry->duration_usec, &end) &&
               end <= USEC_INFINITY - STORE_TAKEN_MAX;
}

int store_write(Store *s, const StoreEntry *entry, const void *data, size_t size, char **ret_path) {
        _cleanup_free_ char *directory = NULL, *path = NULL;
        uint64_t needed = MAX(ROUND_UP((uint64_t) size, STORE_BLOCK_BYTES), 1U);
        StoreVacuum done;
        int r;

        assert(s->index);
        if (!entry_is_valid(entry))
                return -EINVAL;
        directory = store_unit_directory(entry->unit);
        if (!directory)
                return -ENOMEM;

        if (now_usec(CLOCK_MONOTONIC) - s->refreshed_usec >= STORE_REFRESH_USEC) {
                r = refresh(s);
                if (r < 0)
                        return r;
        }

        r = vacuum(s, directory, needed, &done);
        if (r < 0)
                return r;

        r = write_once(s, directory, entry, data, size, &path);
        if (is_disk_full(r)) {
                const VacuumRequest request = { .now_usec = now_usec(CLOCK_REALTIME),
                                                .growing = directory,
                                                .pins = s->pins };
                int k;

                k = vacuum_remove_bytes(s->index, s->dir_fd, &request, needed, &done);
                count_vacuum(s, &done);
                if (k < 0)
                        return k;
                if (k > 0)
                        r = write_once(s, directory, entry, data, size, &path);
        }
        if (r < 0)
                return r;

        /* The file is there: what cannot be removed now is tried again before the next one. */
        (void) vacuum(s, NULL, 0, &done);
        if (ret_path)
                *ret_path = TAKE_PTR(path);
        return 0;
}
