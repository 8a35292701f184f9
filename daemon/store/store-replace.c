/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compacting a Store
 *
 * The order of things is all there is to it: the new file is on the disk, whole, before it gets its
 * name, and its parts stay until somebody who saw the name removes them. Killed at any point, the
 * store holds a file too many, which readers do not count.
 */

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "store/store-name.h"
#include "store/store-parts.h"
#include "store/store-scan.h"

enum {
        REPLACE_FILE_MODE = 0640,
        REPLACE_TAKEN_MAX = 1000, /* names that are taken, until we give up */
};

static bool is_part_of(const StoreEntry *part, const StoreEntry *entry) {
        return part->level <= entry->level && streq(part->type, entry->type) &&
               sd_id128_equal(part->boot_id, entry->boot_id) &&
               part->start_usec >= entry->start_usec &&
               part->start_usec + part->duration_usec <= entry->start_usec + entry->duration_usec;
}

/* The owner of the unit's directory owns its files, whoever compacts: the daemon is to remove them,
 * and its group is to read them. */
static int adopt(int unit_fd, int fd) {
        struct stat st;

        if (geteuid() != 0)
                return 0;
        if (fstat(unit_fd, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0)
                return -errno;
        return 0;
}

static int write_parts(int unit_fd,
                       int fd,
                       const uint8_t *header,
                       size_t header_size,
                       const void *data,
                       size_t size) {
        int r;

        r = adopt(unit_fd, fd);
        if (r >= 0)
                r = write_all(fd, header, header_size);
        if (r >= 0)
                r = write_all(fd, (const uint8_t *) data + GZIP_MEMBER_HEADER,
                              size - GZIP_MEMBER_HEADER);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        return r;
}

/* A taken name gets a longer duration: a later start would leave the first part outside. */
static int link_free_name(
        int unit_fd, int fd, const char *tmp_name, const StoreEntry *entry, char **ret_name) {
        StoreEntry e = *entry;

        for (unsigned i = 0; i < REPLACE_TAKEN_MAX; i++, e.duration_usec++) {
                _cleanup_free_ char *name = store_format_name(&e);
                int r;

                if (!name)
                        return -ENOMEM;
                r = link_tmpfile(fd, unit_fd, tmp_name, name);
                if (r == -EEXIST)
                        continue;
                if (r >= 0)
                        *ret_name = TAKE_PTR(name);
                return r;
        }
        return -EEXIST;
}

static int replace(int unit_fd,
                   const StoreEntry *entry,
                   const uint8_t *header,
                   size_t header_size,
                   const void *data,
                   size_t size,
                   char **ret_name) {
        _cleanup_free_ char *tmp_name = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = open_tmpfile(unit_fd, REPLACE_FILE_MODE, &tmp_name);
        if (fd < 0)
                return fd;
        r = write_parts(unit_fd, fd, header, header_size, data, size);
        if (r >= 0)
                r = link_free_name(unit_fd, fd, tmp_name, entry, ret_name);
        if (r < 0) {
                if (tmp_name)
                        (void) unlinkat(unit_fd, tmp_name, 0);
                return r;
        }
        return fsync(unit_fd) < 0 ? -errno : 0;
}

int store_replace(Store *s,
                  const StoreEntry *entry,
                  const StoreEntry *parts,
                  size_t n_parts,
                  const void *data,
                  size_t size,
                  char **ret_path) {
        _cleanup_free_ char *directory = NULL, *name = NULL;
        _cleanup_free_ uint8_t *header = NULL;
        _cleanup_close_ int unit_fd = -EBADF;
        size_t header_size;
        int r;

        if (n_parts == 0 || entry->level == STORE_WINDOW)
                return -EINVAL;
        for (size_t i = 0; i < n_parts; i++)
                if (!is_part_of(&parts[i], entry))
                        return -EINVAL;
        r = store_parts_encode(data, size, parts, n_parts, &header, &header_size);
        if (r < 0)
                return r;
        directory = store_unit_directory(entry->unit);
        if (!directory)
                return -ENOMEM;
        unit_fd = store_open_unit(store_get_fd(s), directory);
        if (unit_fd < 0)
                return unit_fd;

        r = replace(unit_fd, entry, header, header_size, data, size, &name);
        if (r < 0)
                return r;
        if (ret_path && asprintf(ret_path, "%s/%s", directory, name) < 0)
                return -ENOMEM;
        return 0;
}

int store_remove(Store *s, const StoreEntry *entry) {
        const char *path = entry->path, *slash = strrchr(path, '/');
        _cleanup_free_ char *directory = strndup(path, (size_t) (slash - path));
        _cleanup_close_ int fd = -EBADF;

        if (!directory)
                return -ENOMEM;
        /* By the directory's descriptor: the name of a unit may have become a link. */
        fd = store_open_unit(store_get_fd(s), directory);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        return unlinkat(fd, slash + 1, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int store_lock(Store *s) {
        if (flock(store_get_fd(s), LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        return 0;
}
