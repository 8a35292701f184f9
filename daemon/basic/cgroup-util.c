/* SPDX-License-Identifier: Apache-2.0 */
/* Control Groups */

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "basic/cgroup-util.h"
#include "basic/string-util.h"

/* Unified hosts have the tree at the first, hybrid ones at the second. */
static const char *const mount_paths[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

int cgroup_mount_path(const char **ret) {
        for (size_t i = 0; i < ELEMENTSOF(mount_paths); i++) {
                struct statfs fs;

                if (statfs(mount_paths[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
                        *ret = mount_paths[i];
                        return 0;
                }
        }
        return -ENOENT;
}

/* The path comes from outside: a ".." would leave the tree. */
static bool path_is_normal(const char *path) {
        if (path[0] != '/')
                return false;
        for (const char *s = path; s; s = strchr(s + 1, '/'))
                if (startswith(s, "/../") || streq(s, "/.."))
                        return false;
        return true;
}

static int absolute_path(const char *control_group, char *buffer, size_t size) {
        const char *mount;
        int n, r;

        if (!path_is_normal(control_group))
                return -EINVAL;
        r = cgroup_mount_path(&mount);
        if (r < 0)
                return r;

        n = snprintf(buffer, size, "%s%s", mount, control_group);
        return n < 0 || (size_t) n >= size ? -ENAMETOOLONG : 0;
}

int cgroup_get_id(const char *control_group, uint64_t *ret) {
        union {
                struct file_handle handle;
                uint8_t space[sizeof(struct file_handle) + sizeof(uint64_t)];
        } h = { .handle.handle_bytes = sizeof(uint64_t) };
        char path[PATH_MAX];
        struct stat st;
        int mount_id, r;

        r = absolute_path(control_group, path, sizeof(path));
        if (r < 0)
                return r;

        if (name_to_handle_at(AT_FDCWD, path, &h.handle, &mount_id, 0) == 0 &&
            h.handle.handle_bytes == sizeof(uint64_t)) {
                memcpy(ret, h.space + offsetof(struct file_handle, f_handle), sizeof(uint64_t));
                return 0;
        }

        /* A seccomp filter may refuse the call; on 64-bit kernels the inode number is the id. */
        if (stat(path, &st) < 0)
                return -errno;
        *ret = st.st_ino;
        return 0;
}

int cgroup_get_invocation_id(const char *control_group, sd_id128_t *ret) {
        char path[PATH_MAX], id[SD_ID128_STRING_MAX];
        ssize_t n;
        int r;

        r = absolute_path(control_group, path, sizeof(path));
        if (r < 0)
                return r;
        n = getxattr(path, "user.invocation_id", id, sizeof(id) - 1);
        if (n < 0)
                return errno == EOPNOTSUPP ? -ENODATA : -errno;
        id[n] = '\0';
        return sd_id128_from_string(id, ret) < 0 ? -ENODATA : 0;
}

bool cgroup_exists(const char *control_group) {
        char path[PATH_MAX];

        return absolute_path(control_group, path, sizeof(path)) >= 0 && access(path, F_OK) == 0;
}

char *cgroup_get_slice(const char *control_group) {
        const char *end = strrchr(control_group, '/');

        /* The last component is the unit itself; below a slice there may be others that are none.
         */
        while (end && end > control_group) {
                const char *start = end;

                while (start > control_group && start[-1] != '/')
                        start--;
                if ((size_t) (end - start) > strlen(".slice") &&
                    memcmp(end - strlen(".slice"), ".slice", strlen(".slice")) == 0)
                        return strndup(start, (size_t) (end - start));
                end = start > control_group ? start - 1 : NULL;
        }
        return strdup("-.slice");
}
