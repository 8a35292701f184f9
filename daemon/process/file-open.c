/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a Mapped File
 *
 * A path is a claim: the file may have been replaced since it was mapped, and in a container it is
 * another file altogether. So a file is looked at (O_PATH) before it is opened, and opened for
 * reading only if the kernel gives it the numbers that it gave the mapping. These are those of
 * stat(), except on file systems that put one file system above another or many into one
 * (overlayfs, btrfs): there a page of it is mapped and /proc/self/maps tells.
 *
 * Whoever serves a file system himself may let us wait for ever, so what lies on one of a user is
 * left alone, from the first look on. Block devices (a major number) are not mounted by users.
 */

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "process/file-open.h"
#include "process/maps.h"
#include "process/mount-table.h"
#include "process/process-status.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

enum { PROC_PATH_MAX = 80 }; /* "/proc/PID/map_files/START-END" and shorter ones */

/* Which range holds an address (id NULL), or which one shows a file. */
typedef struct RangeSearch {
        const FileId *id;
        uint64_t address;
        bool found;
        uint64_t start, end;
        FileId found_id;
} RangeSearch;

static bool same_id(const FileId *a, const FileId *b) {
        return a->major == b->major && a->minor == b->minor && a->inode == b->inode;
}

static int on_range(const MapsEntry *entry, void *userdata) {
        RangeSearch *s = userdata;

        if (s->found || (s->id ? !same_id(s->id, &entry->id)
                               : s->address < entry->start || s->address >= entry->end))
                return 0;

        s->found = true;
        s->start = entry->start;
        s->end = entry->end;
        s->found_id = entry->id;
        return 0;
}

static int search_maps(const char *path, RangeSearch *s) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = read_full_file_at(AT_FDCWD, path, MAPS_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        r = maps_parse(text, size, on_range, s, NULL);
        if (r < 0)
                return r;
        return s->found ? 0 : -ENOENT;
}

static int check_by_mapping(const FileId *id, int fd) {
        size_t size = (size_t) sysconf(_SC_PAGESIZE);
        RangeSearch s = {};
        void *p;
        int r;

        p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        s.address = (uintptr_t) p;
        r = search_maps("/proc/self/maps", &s);
        munmap(p, size);
        if (r < 0)
                return r;
        return same_id(id, &s.found_id) ? 0 : -ESTALE;
}

/* -EREMOTE: it is of a user's file system. -ENOENT: the process does not see such a device. */
static int check_device(pid_t pid, uint32_t major, uint32_t minor) {
        _cleanup_free_ char *mounts = NULL;
        char path[PROC_PATH_MAX];
        int r;

        if (major != 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int) pid);
        r = mount_table_read(path, &mounts);
        return r < 0 ? r : mount_table_check_device(mounts, major, minor);
}

/* pid is the one whose root directory the path begins at. */
static int check_path(pid_t pid, const char *path) {
        _cleanup_free_ char *mounts = NULL;
        char table[PROC_PATH_MAX];
        int r;

        snprintf(table, sizeof(table), "/proc/%d/mountinfo", (int) pid);
        r = mount_table_read(table, &mounts);
        return r < 0 ? r : mount_table_check_path(mounts, path);
}

/* path_fd: an O_PATH descriptor of a candidate. What is known of the file has to do: a file system
 * that is asked may not answer. */
static int open_checked(const FileId *id, int path_fd, pid_t pid) {
        _cleanup_close_ int fd = -EBADF;
        struct statfs fs;
        struct statx st;
        int r;

        if (statx(path_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &st) < 0)
                return -errno;
        if (!S_ISREG(st.stx_mode))
                return -ESTALE;
        if (st.stx_dev_major == id->major && st.stx_dev_minor == id->minor &&
            st.stx_ino == id->inode)
                return reopen_for_reading(path_fd);
        if (check_device(pid, st.stx_dev_major, st.stx_dev_minor) == -EREMOTE)
                return -EREMOTE;

        /* Opening a file of /proc or tracefs can have effects; such file systems have no blocks. */
        if (fstatfs(path_fd, &fs) < 0)
                return -errno;
        if (fs.f_blocks == 0)
                return -ESTALE;

        fd = reopen_for_reading(path_fd);
        if (fd < 0)
                return fd;
        r = check_by_mapping(id, fd);
        if (r < 0)
                return r;
        return TAKE_FD(fd);
}

static int open_range(const FileId *id, pid_t pid, uint64_t start, uint64_t end) {
        _cleanup_close_ int fd = -EBADF;
        char path[PROC_PATH_MAX];

        snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int) pid,
                 (unsigned long long) start, (unsigned long long) end);
        fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return open_checked(id, fd, pid);
}

/* The kernel may have split or joined the range since it was learnt; any range of the file will
 * do. */
static int open_any_range(const FileId *id, pid_t pid) {
        char path[PROC_PATH_MAX];
        RangeSearch s = { .id = id };
        int r;

        snprintf(path, sizeof(path), "/proc/%d/maps", (int) pid);
        r = search_maps(path, &s);
        if (r < 0)
                return r;
        return open_range(id, pid, s.start, s.end);
}

/* The path of that process. */
static int open_below(const FileId *id, pid_t pid, const char *path) {
        _cleanup_close_ int root_fd = -EBADF, fd = -EBADF;
        char root[PROC_PATH_MAX];
        int r;

        r = check_path(pid, path);
        if (r < 0)
                return r;
        snprintf(root, sizeof(root), "/proc/%d/root", (int) pid);
        root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;
        fd = open_in_root(root_fd, path);
        if (fd < 0)
                return fd;
        return open_checked(id, fd, pid);
}

static int make_sealable_memfd(void) {
        int fd;

        fd = memfd_create("vdso", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
        if (fd < 0 && errno == EINVAL)
                fd = memfd_create("vdso", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        return fd < 0 ? -errno : fd;
}

/* All processes have the same one, and ours is mapped already. */
static int open_vdso(void) {
        _cleanup_close_ int fd = -EBADF;
        const void *image;
        RangeSearch s = {};
        int r;

        image = (const void *) getauxval(AT_SYSINFO_EHDR);
        if (!image)
                return -ENOENT;
        s.address = (uintptr_t) image;
        r = search_maps("/proc/self/maps", &s);
        if (r < 0)
                return r;

        fd = make_sealable_memfd();
        if (fd < 0)
                return fd;
        r = write_all(fd, image, s.end - s.address);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* That another file is there says more than that one could not be looked at, and that more than
 * that nothing is there. */
static int more_telling(int a, int b) {
        return a == -ESTALE || b == -ENOENT ? a : b;
}

/* memfd_create() and the like: no mount shows it. */
static bool is_memory_device(const FileId *id) {
        _cleanup_close_ int fd = memfd_create("device", MFD_CLOEXEC);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) >= 0 && major(st.st_dev) == id->major &&
               minor(st.st_dev) == id->minor;
}

/* Whoever has a user namespace of his own can mount out of our sight, too. */
static bool may_never_answer(const FileId *id, pid_t pid) {
        int r;

        r = check_device(pid, id->major, id->minor);
        if (r == -EREMOTE || r == -E2BIG)
                return true;
        if (r != -ENOENT || process_has_our_user_namespace(pid))
                return false;
        return check_device(1, id->major, id->minor) < 0 && !is_memory_device(id);
}

static int open_of_process(
        const FileId *id, const char *path, pid_t pid, uint64_t start, uint64_t end) {
        int r, error;

        if (may_never_answer(id, pid))
                return -EREMOTE;
        r = open_range(id, pid, start, end);
        if (r >= 0 || r == -EREMOTE)
                return r;
        error = r;
        /* Without the privilege for this directory every range fails alike. */
        if (r == -ENOENT || r == -ESTALE) {
                r = open_any_range(id, pid);
                if (r >= 0 || r == -EREMOTE)
                        return r;
                error = more_telling(error, r);
        }
        if (!path)
                return error;

        r = open_below(id, pid, path);
        return r >= 0 || r == -EREMOTE ? r : more_telling(error, r);
}

int file_open(const File *f, pid_t pid, uint64_t start, uint64_t end) {
        const pid_t roots[] = { 1, getpid() };
        const char *path = file_get_path(f);
        const FileId *id = file_get_id(f);
        int r, error = -ENOENT;

        if (file_is_vdso(f))
                return open_vdso();
        if (file_is_anonymous(f))
                return -ENODATA;

        /* "//toolong", "//enomem": what perf says instead of a path. */
        if (path[0] != '/' || path[1] == '/')
                path = NULL;

        if (pid > 0) {
                r = open_of_process(id, path, pid, start, end);
                if (r >= 0 || r == -EREMOTE)
                        return r;
                error = r;
        }
        for (size_t i = 0; path && i < ELEMENTSOF(roots); i++) {
                r = open_below(id, roots[i], path);
                if (r >= 0)
                        return r;
                error = more_telling(error, r);
        }
        return error;
}
