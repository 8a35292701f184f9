/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scanning the Store
 *
 * The time of a directory's last change tells whether somebody else was there: we compare it before
 * each change of our own and take note of it after. A change within the same tick of the file
 * system's clock goes unseen until the next one; then a file that is gone is met when it is to be
 * removed.
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "store/store-name.h"
#include "store/store-scan.h"

enum { DISK_BLOCK_BYTES = 512 }; /* unit of st_blocks */

typedef struct UnitScan {
        StoreIndex *index;
        StoreUnit *unit;
        int unit_fd;
} UnitScan;

typedef struct StoreScan {
        StoreIndex *index;
        int dir_fd;
} StoreScan;

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

int store_scan_names(int dir_fd, StoreOnName on_name, void *userdata) {
        _cleanup_(closedirp) DIR *dir = NULL;
        int fd, r;

        fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                r = negative_errno();
                safe_close(fd);
                return r;
        }

        for (;;) {
                const struct dirent *entry;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return errno > 0 ? -errno : 0;
                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                r = on_name(entry->d_name, userdata);
                if (r < 0)
                        return r;
        }
}

/* Names of units end in their type; lost+found, which may be there too, has none. */
static bool is_unit_name(const char *name) {
        return name[0] != '.' && strchr(name, '.');
}

int store_open_unit(int dir_fd, const char *directory) {
        int fd;

        fd = openat(dir_fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
                return fd;
        return errno == EACCES && !is_unit_name(directory) ? -ENOENT : -errno;
}

int store_stat_entry(int unit_fd, const char *name, StoreEntry *ret, uint64_t *ret_use_bytes) {
        StoreEntry entry;
        struct stat st;
        int r;

        r = store_parse_name(name, &entry);
        if (r < 0)
                return r;

        if (fstatat(unit_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                r = -errno;
        else if (!S_ISREG(st.st_mode))
                r = -EINVAL;
        if (r < 0) {
                store_entry_done(&entry);
                return r;
        }

        entry.size_bytes = (uint64_t) st.st_size;
        if (ret_use_bytes)
                *ret_use_bytes =
                        MAX((uint64_t) st.st_blocks * DISK_BLOCK_BYTES, (uint64_t) st.st_size);
        *ret = entry;
        return 0;
}

static int on_file_name(const char *name, void *userdata) {
        UnitScan *scan = userdata;
        StoreEntry entry;
        uint64_t use_bytes;
        int r;

        if (startswith(name, ".#")) {
                (void) unlinkat(scan->unit_fd, name, 0);
                return 0;
        }

        r = store_stat_entry(scan->unit_fd, name, &entry, &use_bytes);
        if (r == -EINVAL || r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        r = store_index_add(scan->index, scan->unit, &entry, use_bytes);
        store_entry_done(&entry);
        return r;
}

static bool is_same_time(struct timespec a, struct timespec b) {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

int store_refresh_unit(
        StoreIndex *x, int dir_fd, const char *directory, StoreUnit **ret_unit, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        StoreUnit *u = store_index_find(x, directory);
        struct stat st;
        int r;

        fd = store_open_unit(dir_fd, directory);
        if (fd < 0 || fstat(fd, &st) < 0) {
                r = fd < 0 ? fd : -errno;
                store_index_remove(x, u);
                return r == -ENOTDIR || r == -ELOOP || r == -EACCES ? -ENOENT : r;
        }

        r = 0;
        if (!u || !is_same_time(store_index_get_mtime(u), st.st_mtim)) {
                r = store_index_put(x, directory, &u);
                if (r < 0)
                        return r;
                store_index_clear(x, u);
                r = store_scan_names(fd, on_file_name, &(UnitScan){ x, u, fd });
                if (r < 0) {
                        store_index_remove(x, u);
                        return r;
                }
                store_note_change(u, fd);
                r = 1;
        }

        if (ret_unit)
                *ret_unit = u;
        if (ret_fd)
                *ret_fd = TAKE_FD(fd);
        return r;
}

void store_note_change(StoreUnit *u, int unit_fd) {
        struct stat st;

        if (fstat(unit_fd, &st) >= 0)
                store_index_set_mtime(u, st.st_mtim);
}

void store_remove_empty(StoreIndex *x, int dir_fd, StoreUnit *u) {
        if (!u || store_index_n_files(u) > 0)
                return;

        /* Fails where somebody else's files are in it. */
        if (is_unit_name(store_index_get_directory(u)))
                (void) unlinkat(dir_fd, store_index_get_directory(u), AT_REMOVEDIR);
        store_index_remove(x, u);
}

static int on_directory_name(const char *name, void *userdata) {
        StoreScan *scan = userdata;
        StoreUnit *u;
        int r;

        r = store_refresh_unit(scan->index, scan->dir_fd, name, &u, NULL);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        store_remove_empty(scan->index, scan->dir_fd, u);
        return 0;
}

int store_refresh(StoreIndex *x, int dir_fd) {
        /* First those that we know, for their directories may be gone. */
        for (StoreUnit *u = store_index_next(x, NULL), *next; u; u = next) {
                int r;

                next = store_index_next(x, u);
                r = store_refresh_unit(x, dir_fd, store_index_get_directory(u), NULL, NULL);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return store_scan_names(dir_fd, on_directory_name, &(StoreScan){ x, dir_fd });
}
