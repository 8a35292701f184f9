/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a Mapped File */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "basic/file-util.h"
#include "process/file-open.h"
#include "process/maps.h"
#include "unit-test.h"

typedef struct Fixture {
        FileTable *files;
        char directory[64];
        int fd;
} Fixture;

static int setup(void **state) {
        static Fixture f;

        assert_return_code(file_table_new(&f.files), 0);
        strcpy(f.directory, "/tmp/test-file-open-XXXXXX");
        assert_non_null(mkdtemp(f.directory));
        f.fd = open(f.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_return_code(f.fd, errno);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        static const char *const names[] = { "file", "new", "fifo", "link", "target" };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void) unlinkat(f->fd, names[i], 0);
        assert_return_code(rmdir(f->directory), errno);
        safe_close(f->fd);
        assert_int_equal(file_table_size(f->files), 0);
        file_table_free(f->files);
        return 0;
}

static void make_file(Fixture *f, const char *name, const char *contents) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(f->fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        assert_return_code(fd, errno);
        assert_return_code(write_all(fd, contents, strlen(contents)), 0);
}

static void assert_contents(int fd, const char *expected) {
        _cleanup_free_ char *contents = NULL;

        assert_return_code(fd, -fd);
        assert_return_code(read_full_fd(fd, 1 << 20, &contents, NULL), 0);
        assert_string_equal(contents, expected);
}

/* A range of our own memory, as /proc/self/maps shows it. */
typedef struct Range {
        uint64_t address, start, end;
        FileTable *files;
        File *file;
} Range;

static int on_entry(const MapsEntry *entry, void *userdata) {
        Range *range = userdata;

        if (range->address < entry->start || range->address >= entry->end)
                return 0;
        range->start = entry->start;
        range->end = entry->end;
        return file_table_get(range->files, &entry->id, entry->path, &range->file);
}

static int find_range(FileTable *files, const void *address, Range *ret) {
        _cleanup_free_ char *text = NULL;
        Range range = { .files = files, .address = (uintptr_t) address };
        size_t size;
        int r;

        r = read_full_file_at(AT_FDCWD, "/proc/self/maps", MAPS_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        r = maps_parse(text, size, on_entry, &range, NULL);
        if (r < 0)
                return r;
        *ret = range;
        return range.file ? 0 : -ENOENT;
}

static Range get_range(Fixture *f, const void *address) {
        Range range;

        assert_return_code(find_range(f->files, address, &range), 0);
        return range;
}

/* Maps a file of the directory; the page stays mapped. */
static Range map_file(Fixture *f, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        void *p;

        fd = openat(f->fd, name, O_RDONLY | O_CLOEXEC);
        assert_return_code(fd, errno);
        p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
        assert_true(p != MAP_FAILED);
        return get_range(f, p);
}

/* map_files needs CAP_CHECKPOINT_RESTORE. */
static bool can_use_map_files(const Range *range) {
        char path[128];

        snprintf(path, sizeof(path), "/proc/self/map_files/%llx-%llx",
                 (unsigned long long) range->start, (unsigned long long) range->end);
        return access(path, F_OK) == 0;
}

static void done(Range *range) {
        file_unref(range->file);
        munmap((void *) (uintptr_t) range->start, 4096);
}

static File *get_file(Fixture *f, const char *name, const char *path) {
        struct stat st;
        FileId id;
        File *file;

        assert_return_code(fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW), errno);
        id = (FileId){ major(st.st_dev), minor(st.st_dev), st.st_ino };
        assert_return_code(file_table_get(f->files, &id, path, &file), 0);
        return file;
}

static char *path_of(const Fixture *f, const char *name) {
        static char path[128];

        snprintf(path, sizeof(path), "%s/%s", f->directory, name);
        return path;
}

static void test_our_own_library_is_opened(void **state) {
        Fixture *f = *state;
        Range range = get_range(f, (const void *) (uintptr_t) strstr);
        _cleanup_close_ int fd = -EBADF;
        char magic[4];

        fd = file_open(range.file, getpid(), range.start, range.end);
        assert_return_code(fd, -fd);
        assert_int_equal(read(fd, magic, sizeof(magic)), sizeof(magic));
        assert_memory_equal(magic, "\177ELF", sizeof(magic));
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        file_unref(range.file);
}

static void test_a_path_is_enough_where_the_process_is_gone(void **state) {
        Fixture *f = *state;
        _cleanup_close_ int fd = -EBADF, of_dead = -EBADF;
        Range range;

        make_file(f, "file", "here");
        range = map_file(f, "file");
        fd = file_open(range.file, 0, range.start, range.end);
        assert_contents(fd, "here");
        of_dead = file_open(range.file, INT32_MAX, range.start, range.end);
        assert_contents(of_dead, "here");
        done(&range);
}

static void test_a_file_that_was_replaced_is_not_taken_for_the_old_one(void **state) {
        Fixture *f = *state;
        Range range;

        make_file(f, "file", "old");
        range = map_file(f, "file");
        make_file(f, "new", "new");
        assert_return_code(renameat(f->fd, "new", f->fd, "file"), errno);
        assert_int_equal(file_open(range.file, 0, range.start, range.end), -ESTALE);

        if (can_use_map_files(&range)) {
                _cleanup_close_ int fd = file_open(range.file, getpid(), range.start, range.end);

                assert_contents(fd, "old");
        }
        done(&range);
}

static void test_a_deleted_file_is_opened_through_any_of_its_ranges(void **state) {
        Fixture *f = *state;
        _cleanup_close_ int exact = -EBADF, other = -EBADF;
        bool possible;
        Range range;

        make_file(f, "file", "deleted");
        range = map_file(f, "file");
        assert_return_code(unlinkat(f->fd, "file", 0), errno);
        assert_true(file_open(range.file, 0, range.start, range.end) < 0);

        possible = can_use_map_files(&range);
        if (possible) {
                exact = file_open(range.file, getpid(), range.start, range.end);
                assert_contents(exact, "deleted");
                other = file_open(range.file, getpid(), range.start + 1, range.end + 1);
                assert_contents(other, "deleted");
        }
        done(&range);
        if (!possible)
                skip();
}

static void test_a_range_that_holds_another_file_now_is_not_opened(void **state) {
        Fixture *f = *state;
        Range old, new;

        make_file(f, "file", "old");
        make_file(f, "new", "new");
        old = map_file(f, "file");
        new = map_file(f, "new");
        assert_return_code(unlinkat(f->fd, "file", 0), errno);
        munmap((void *) (uintptr_t) old.start, 4096);
        assert_true(file_open(old.file, getpid(), new.start, new.end) < 0);
        file_unref(old.file);
        done(&new);
}

static void test_a_fifo_is_neither_opened_nor_waited_for(void **state) {
        Fixture *f = *state;
        _cleanup_(file_unrefp) File *file = NULL;

        assert_return_code(mkfifoat(f->fd, "fifo", 0600), errno);
        file = get_file(f, "fifo", path_of(f, "fifo"));
        assert_int_equal(file_open(file, 0, 0, 0), -ESTALE);
}

static void test_a_lease_is_not_waited_for(void **state) {
        Fixture *f = *state;
        _cleanup_(file_unrefp) File *file = NULL;
        _cleanup_close_ int fd = -EBADF;

        make_file(f, "file", "leased");
        file = get_file(f, "file", path_of(f, "file"));
        fd = openat(f->fd, "file", O_RDWR | O_CLOEXEC);
        assert_return_code(fd, errno);
        signal(SIGIO, SIG_IGN);
        if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
                skip();
        assert_int_equal(file_open(file, 0, 0, 0), -EAGAIN);
        signal(SIGIO, SIG_DFL);
}

/* What perf says instead of a path, and what is no path at all. */
static void test_what_is_no_path_is_not_looked_up(void **state) {
        static const char *const paths[] = { "//toolong", "//enomem", "relative", "..", "socket:" };
        Fixture *f = *state;

        make_file(f, "file", "x");
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_(file_unrefp) File *file = get_file(f, "file", paths[i]);

                assert_int_equal(file_open(file, 0, 0, 0), -ENOENT);
        }
}

static void test_files_of_proc_are_not_opened_to_see_which_they_are(void **state) {
        Fixture *f = *state;
        const FileId id = { 8, 1, 7 };
        _cleanup_(file_unrefp) File *file = NULL;

        assert_return_code(file_table_get(f->files, &id, "/proc/version", &file), 0);
        assert_int_equal(file_open(file, 0, 0, 0), -ESTALE);
}

static void test_anonymous_memory_has_nothing_to_open(void **state) {
        Fixture *f = *state;
        _cleanup_(file_unrefp) File *file = NULL;
        const FileId none = {};

        assert_return_code(file_table_get(f->files, &none, "", &file), 0);
        assert_int_equal(file_open(file, getpid(), 0, 4096), -ENODATA);
}

static void test_the_vdso_is_copied_and_sealed(void **state) {
        Fixture *f = *state;
        _cleanup_(file_unrefp) File *file = NULL;
        _cleanup_close_ int fd = -EBADF, second = -EBADF;
        const FileId none = {};
        struct stat st;
        char start[64];

        if (getauxval(AT_SYSINFO_EHDR) == 0)
                skip();
        assert_return_code(file_table_get(f->files, &none, "[vdso]", &file), 0);
        fd = file_open(file, 0, 0, 0);
        second = file_open(file, getpid(), 0, 0);
        assert_return_code(fd, -fd);
        assert_return_code(second, -second);
        assert_int_not_equal(fd, second);
        assert_return_code(fstat(fd, &st), errno);
        assert_true(st.st_size >= 4096 && st.st_size % 4096 == 0);
        assert_int_equal(read(fd, start, sizeof(start)), sizeof(start));
        assert_memory_equal(start, "\177ELF", 4);
        assert_memory_equal(start, (void *) getauxval(AT_SYSINFO_EHDR), sizeof(start));
        assert_int_equal(write(fd, start, 1), -1);
        assert_int_equal(ftruncate(fd, 0), -1);
}

/* Runs in a child that stays until the descriptor is closed. */
static pid_t start_in_root(const char *root, int *ret_fd) {
        int ready[2], stop[2];
        char c;
        pid_t pid;

        assert_return_code(pipe2(ready, O_CLOEXEC), errno);
        assert_return_code(pipe2(stop, O_CLOEXEC), errno);
        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                close(stop[1]);
                c = chroot(root) == 0 ? 'y' : 'n';
                if (write(ready[1], &c, 1) == 1)
                        (void) !read(stop[0], &c, 1);
                _exit(0);
        }
        close(ready[1]);
        close(stop[0]);
        assert_int_equal(read(ready[0], &c, 1), 1);
        close(ready[0]);
        *ret_fd = stop[1];
        if (c == 'y')
                return pid;
        close(stop[1]);
        waitpid(pid, NULL, 0);
        return 0;
}

static void test_links_in_a_container_stay_in_the_container(void **state) {
        Fixture *f = *state;
        _cleanup_(file_unrefp) File *file = NULL;
        _cleanup_close_ int fd = -EBADF;
        int stop;
        pid_t pid;

        make_file(f, "target", "inside");
        assert_return_code(symlinkat("/target", f->fd, "link"), errno);
        pid = start_in_root(f->directory, &stop);
        if (pid == 0)
                skip();
        file = get_file(f, "target", "/link");
        fd = file_open(file, pid, 0, 0);
        close(stop);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_contents(fd, "inside");
}

enum { MOUNTED_OK, MOUNTED_IMPOSSIBLE, MOUNTED_SAME_NUMBERS, MOUNTED_FAILED };

/* The numbers in maps must differ from those of stat(), else nothing would be shown. */
static int open_on_overlay(FileTable *files) {
        struct stat st;
        Range range;
        int fd;

        fd = open("/tmp/merged/file", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return MOUNTED_IMPOSSIBLE;
        if (find_range(files, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), &range) < 0)
                return MOUNTED_FAILED;
        if (file_get_id(range.file)->inode == st.st_ino &&
            makedev(file_get_id(range.file)->major, file_get_id(range.file)->minor) == st.st_dev)
                return MOUNTED_SAME_NUMBERS;

        fd = file_open(range.file, 0, range.start, range.end);
        if (fd < 0 || pread(fd, &st, 1, 0) != 1)
                return MOUNTED_FAILED;
        /* Another file of the same file system is still another file. */
        if (rename("/tmp/merged/other", "/tmp/merged/file") < 0)
                return MOUNTED_FAILED;
        return file_open(range.file, 0, 0, 0) == -ESTALE ? MOUNTED_OK : MOUNTED_FAILED;
}

/* As root, or as root of a user namespace. */
static int enter_mount_namespace(void) {
        char map[64];
        int fd;

        if (unshare(CLONE_NEWNS) < 0) {
                snprintf(map, sizeof(map), "0 %u 1", (unsigned) geteuid());
                if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                        return -errno;
                fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
                if (fd < 0 || write_all(fd, map, strlen(map)) < 0)
                        return -EPERM;
                safe_close(fd);
        }
        return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

/* Two lower file systems, so that overlayfs cannot just hand on the numbers of one. */
static int make_overlay(void) {
        static const char *const directories[] = {
                "/tmp/a", "/tmp/b", "/tmp/a/lower", "/tmp/b/upper", "/tmp/b/work", "/tmp/merged",
        };
        int fd;

        if (enter_mount_namespace() < 0)
                return -EPERM;
        if (mount("none", "/tmp", "tmpfs", 0, "size=1m") < 0)
                return -errno;
        for (size_t i = 0; i < 2; i++)
                if (mkdir(directories[i], 0700) < 0 ||
                    mount("none", directories[i], "tmpfs", 0, "size=1m") < 0)
                        return -errno;
        for (size_t i = 2; i < ELEMENTSOF(directories); i++)
                if (mkdir(directories[i], 0700) < 0)
                        return -errno;
        for (size_t i = 0; i < 2; i++) {
                fd = open(i ? "/tmp/a/lower/other" : "/tmp/a/lower/file",
                          O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
                if (fd < 0 || write_all(fd, "x", 1) < 0)
                        return -EIO;
                safe_close(fd);
        }
        return mount("none", "/tmp/merged", "overlay", 0,
                     "lowerdir=/tmp/a/lower,upperdir=/tmp/b/upper,workdir=/tmp/b/work") < 0
                       ? -errno
                       : 0;
}

/* In a mount namespace of its own. */
static void run_in_child(Fixture *f, int (*make)(void), int (*open_there)(FileTable *files)) {
        int status;
        pid_t pid;

        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0)
                _exit(make() < 0 ? MOUNTED_IMPOSSIBLE : open_there(f->files));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == MOUNTED_IMPOSSIBLE ||
            WEXITSTATUS(status) == MOUNTED_SAME_NUMBERS)
                skip();
        assert_int_equal(WEXITSTATUS(status), MOUNTED_OK);
}

static void test_on_overlayfs_mapping_tells_which_file_it_is(void **state) {
        run_in_child(*state, make_overlay, open_on_overlay);
}

/* A file system of user 1000 at /tmp that never answers, not even to be mounted. */
static int make_silent(void) {
        char options[128];
        int fd;

        if (enter_mount_namespace() < 0)
                return -EPERM;
        fd = open("/dev/fuse", O_RDWR | O_CLOEXEC); /* for as long as the process lives */
        if (fd < 0)
                return -errno;
        snprintf(options, sizeof(options),
                 "fd=%d,rootmode=40000,user_id=1000,group_id=1000,allow_other", fd);
        return mount("silent", "/tmp", "fuse", 0, options) < 0 ? -errno : 0;
}

static int open_on(FileTable *files, uint32_t major, uint32_t minor) {
        const FileId id = { major, minor, 2 };
        _cleanup_(file_unrefp) File *file = NULL;
        int r;

        r = file_table_get(files, &id, "/tmp/program", &file);
        return r < 0 ? r : file_open(file, getpid(), 0x1000, 0x2000);
}

static int open_silent(FileTable *files) {
        _cleanup_close_ int root = -EBADF;
        struct statx st;

        (void) alarm(10); /* a call that waits ends the process */
        root = open("/tmp", O_PATH | O_CLOEXEC);
        if (root < 0 || statx(root, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) < 0)
                return MOUNTED_IMPOSSIBLE;
        if (open_on(files, st.stx_dev_major, st.stx_dev_minor) != -EREMOTE)
                return MOUNTED_FAILED;
        /* Nor is a way taken that leads over it, to what lies elsewhere. */
        return open_on(files, 8, 1) == -EREMOTE ? MOUNTED_OK : MOUNTED_FAILED;
}

static void test_who_never_answers_is_not_asked(void **state) {
        run_in_child(*state, make_silent, open_silent);
}

#define OPEN_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                OPEN_TEST(test_our_own_library_is_opened),
                OPEN_TEST(test_a_path_is_enough_where_the_process_is_gone),
                OPEN_TEST(test_a_file_that_was_replaced_is_not_taken_for_the_old_one),
                OPEN_TEST(test_a_deleted_file_is_opened_through_any_of_its_ranges),
                OPEN_TEST(test_a_range_that_holds_another_file_now_is_not_opened),
                OPEN_TEST(test_a_fifo_is_neither_opened_nor_waited_for),
                OPEN_TEST(test_a_lease_is_not_waited_for),
                OPEN_TEST(test_what_is_no_path_is_not_looked_up),
                OPEN_TEST(test_files_of_proc_are_not_opened_to_see_which_they_are),
                OPEN_TEST(test_anonymous_memory_has_nothing_to_open),
                OPEN_TEST(test_the_vdso_is_copied_and_sealed),
                OPEN_TEST(test_links_in_a_container_stay_in_the_container),
                OPEN_TEST(test_on_overlayfs_mapping_tells_which_file_it_is),
                OPEN_TEST(test_who_never_answers_is_not_asked),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
