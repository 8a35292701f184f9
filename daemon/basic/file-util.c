/* SPDX-License-Identifier: Apache-2.0 */
/* Files */

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "basic/array.h"
#include "basic/file-util.h"

enum { READ_STEP = 4096 };

int read_full_fd(int fd, size_t max, char **ret, size_t *ret_size) {
        _cleanup_free_ char *data = NULL;
        size_t n = 0, capacity = 0, step = READ_STEP;
        struct stat st;
        int r;

        /* What a file says of its size is right for most, and saves reading in steps. */
        if (fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
            (uintmax_t) st.st_size <= max)
                step += (size_t) st.st_size;

        for (;;) {
                ssize_t k;

                r = ARRAY_RESERVE(data, capacity, n + step);
                if (r < 0)
                        return r;
                k = read(fd, data + n, capacity - n - 1);
                if (k < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (k == 0)
                        break;
                n += (size_t) k;
                step = READ_STEP;
                if (n > max)
                        return -E2BIG;
        }

        data[n] = '\0';
        *ret = TAKE_PTR(data);
        if (ret_size)
                *ret_size = n;
        return 0;
}

int read_full_file_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        return read_full_fd(fd, max, ret, ret_size);
}

/* One name after the other: each is a directory, and no link. */
static int open_step_by_step(int root_fd, const char *path) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        while (*(path += strspn(path, "/"))) {
                size_t n = strcspn(path, "/");
                char name[NAME_MAX + 1];
                struct stat st;
                int next;

                if (n > NAME_MAX)
                        return -ENAMETOOLONG;
                memcpy(name, path, n);
                name[n] = '\0';
                if (strcmp(name, "..") == 0)
                        return -EXDEV;
                next = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return -errno;
                safe_close(fd);
                fd = next;
                if (fstat(fd, &st) < 0)
                        return -errno;
                if (S_ISLNK(st.st_mode))
                        return -ELOOP;
                path += n;
        }
        return TAKE_FD(fd);
}

int open_in_root(int root_fd, const char *path) {
        struct open_how how = {
                .flags = O_PATH | O_CLOEXEC,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };
        int fd;

        fd = (int) syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        if (fd < 0 && errno == ENOSYS)
                return open_step_by_step(root_fd, path);
        return fd < 0 ? -errno : fd;
}

int reopen_for_reading(int path_fd) {
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        int fd;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
        fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int open_regular_in_root(int root_fd, const char *path) {
        _cleanup_close_ int path_fd = -EBADF;
        struct stat st;

        path_fd = open_in_root(root_fd, path);
        if (path_fd < 0)
                return path_fd;
        if (fstat(path_fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        return reopen_for_reading(path_fd);
}

int write_all(int fd, const void *data, size_t size) {
        const uint8_t *p = data;

        while (size > 0) {
                ssize_t k = write(fd, p, size);

                if (k < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                p += k;
                size -= (size_t) k;
        }
        return 0;
}

int open_tmpfile(int dir_fd, mode_t mode, char **ret_name) {
        _cleanup_free_ char *name = NULL;
        uint64_t random;
        int fd;

        fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
        if (fd >= 0) {
                *ret_name = NULL;
                return fd;
        }
        if (errno != EOPNOTSUPP && errno != EISDIR)
                return -errno;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return negative_errno();
        if (asprintf(&name, ".#%016llx", (unsigned long long) random) < 0)
                return -ENOMEM;
        fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        *ret_name = TAKE_PTR(name);
        return fd;
}

int link_tmpfile(int fd, int dir_fd, const char *tmp_name, const char *name) {
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

        if (tmp_name)
                return renameat2(dir_fd, tmp_name, dir_fd, name, RENAME_NOREPLACE) < 0 ? -errno : 0;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int write_file_atomic(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        _cleanup_free_ char *tmp_name = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = open_tmpfile(dir_fd, mode, &tmp_name);
        if (fd < 0)
                return fd;

        r = write_all(fd, data, size);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r >= 0)
                r = link_tmpfile(fd, dir_fd, tmp_name, name);
        if (r < 0) {
                if (tmp_name)
                        (void) unlinkat(dir_fd, tmp_name, 0);
                return r;
        }
        return fsync(dir_fd) < 0 ? -errno : 0;
}

int replace_file(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        _cleanup_free_ char *new_name = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (asprintf(&new_name, ".#%s.new", name) < 0) {
                new_name = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        fd = openat(dir_fd, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, size);
        /* Whatever the umask is: others read it. */
        if (r >= 0 && fchmod(fd, mode) < 0)
                r = -errno;
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r >= 0 && renameat(dir_fd, new_name, dir_fd, name) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(dir_fd, new_name, 0);
        return r;
}

int mkdir_open(int dir_fd, const char *name, mode_t mode) {
        int fd;

        if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}
