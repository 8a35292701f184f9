/* SPDX-License-Identifier: Apache-2.0 */
/* Pressure Triggers */

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "basic/cgroup-util.h"
#include "basic/string-util.h"
#include "open/open-pressure.h"

/* "/", or names behind slashes, none of which leads up or nowhere. */
static bool path_is_plain(const char *path) {
        if (path[0] != '/')
                return false;
        if (path[1] == '\0')
                return true;
        while (*path == '/') {
                size_t n = strcspn(++path, "/");

                if (n == 0 || (n == 1 && path[0] == '.') ||
                    (n == 2 && path[0] == '.' && path[1] == '.'))
                        return false;
                path += n;
        }
        return true;
}

int open_pressure_check(const OpenPressureRequest *r) {
        size_t length = strnlen(r->control_group, sizeof(r->control_group));

        if (r->magic != OPEN_PRESSURE_MAGIC)
                return -EBADMSG;
        if (r->resource >= _OPEN_PRESSURE_MAX || r->window_usec < OPEN_PRESSURE_WINDOW_STEP_USEC ||
            r->window_usec > OPEN_PRESSURE_WINDOW_MAX_USEC ||
            r->window_usec % OPEN_PRESSURE_WINDOW_STEP_USEC != 0 || r->stall_usec == 0 ||
            r->stall_usec > r->window_usec)
                return -EINVAL;
        return length < sizeof(r->control_group) && path_is_plain(r->control_group) ? 0 : -EINVAL;
}

/* Name by name, so that no link is followed. Not openat2(): it is refused to a service with
 * RestrictSUIDSGID=, and a filter cannot see what it is asked for. */
static int open_control_group(const char *mount, const char *path) {
        _cleanup_close_ int directory = -EBADF;
        struct statfs fs;

        directory = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return -errno;
        for (path++; *path != '\0'; path += *path == '/') {
                char name[NAME_MAX + 1];
                size_t n = strcspn(path, "/");
                int next;

                if (n >= sizeof(name))
                        return -ENAMETOOLONG;
                memcpy(name, path, n);
                name[n] = '\0';
                next = openat(directory, name, OPEN_DIRECTORY_FLAGS);
                if (next < 0)
                        return -errno;
                safe_close(directory);
                directory = next;
                path += n;
        }
        /* Something else may be mounted on it. */
        if (fstatfs(directory, &fs) < 0)
                return -errno;
        return fs.f_type == CGROUP2_SUPER_MAGIC ? TAKE_FD(directory) : -EXDEV;
}

int open_pressure(const OpenPressureRequest *r) {
        static const char *const names[_OPEN_PRESSURE_MAX] = {
                [OPEN_PRESSURE_CPU] = "cpu.pressure",
                [OPEN_PRESSURE_MEMORY] = "memory.pressure",
                [OPEN_PRESSURE_IO] = "io.pressure",
        };
        _cleanup_close_ int directory = -EBADF, fd = -EBADF;
        const char *mount;
        char text[64];
        int n;

        if (cgroup_mount_path(&mount) < 0)
                return -EOPNOTSUPP;
        directory = open_control_group(mount, r->control_group);
        if (directory < 0)
                return directory;
        fd = openat(directory, names[r->resource], OPEN_PRESSURE_FLAGS);
        if (fd < 0) /* where pressure is not counted there are no such files */
                return errno == ENOENT ? -EOPNOTSUPP : -errno;

        n = snprintf(text, sizeof(text), "some %u %u", r->stall_usec, r->window_usec);
        return write(fd, text, (size_t) n) < 0 ? -errno : TAKE_FD(fd);
}
