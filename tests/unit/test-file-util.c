/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Files */

#include "unit-test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "remove-tree.h"

typedef struct Fixture {
        char path[32];
        int fd;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(Fixture));

        assert_non_null(f);
        strcpy(f->path, "/tmp/test-file-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->fd >= 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        safe_close(f->fd);
        assert_int_equal(remove_tree(f->path), 0);
        free(f);
        return 0;
}

static void assert_contents(const Fixture *f, const char *name, const char *expected) {
        _cleanup_free_ char *data = NULL;
        size_t size;

        assert_int_equal(read_full_file_at(f->fd, name, 100, &data, &size), 0);
        assert_int_equal(size, strlen(expected));
        assert_string_equal(data, expected);
}

static bool exists(const Fixture *f, const char *name) {
        return faccessat(f->fd, name, F_OK, 0) == 0;
}

static void test_a_file_is_read_up_to_the_limit(void **state) {
        Fixture *f = *state;
        char *data = NULL;
        size_t size;

        assert_int_equal(write_file_atomic(f->fd, "a", "12345", 5, 0600), 0);
        assert_int_equal(read_full_file_at(f->fd, "a", 4, &data, &size), -E2BIG);
        assert_null(data);
        assert_int_equal(read_full_file_at(f->fd, "a", 5, &data, NULL), 0);
        assert_string_equal(data, "12345");
        free(data);
}

static void test_what_is_no_file_is_told_apart(void **state) {
        Fixture *f = *state;
        char *data = NULL;

        assert_int_equal(read_full_file_at(f->fd, "a", 5, &data, NULL), -ENOENT);
        assert_int_equal(read_full_file_at(f->fd, ".", 5, &data, NULL), -EISDIR);
        assert_null(data);
}

/* Files of /proc have no size. */
static void test_a_pipe_is_read_to_its_end(void **state) {
        _cleanup_free_ char *written = calloc(1, 10000), *data = NULL;
        _cleanup_close_ int in = -EBADF;
        size_t size;
        int fds[2];

        assert_non_null(written);
        assert_return_code(pipe2(fds, O_CLOEXEC), errno);
        in = fds[0];
        memset(written, 'x', 10000);
        assert_int_equal(write_all(fds[1], written, 10000), 0);
        close(fds[1]);
        assert_int_equal(read_full_fd(in, 10000, &data, &size), 0);
        assert_int_equal(size, 10000);
        assert_int_equal(data[10000], '\0');
        assert_memory_equal(data, written, 10000);
}

static void test_an_empty_file_is_an_empty_string(void **state) {
        Fixture *f = *state;

        assert_int_equal(write_file_atomic(f->fd, "a", "", 0, 0600), 0);
        assert_contents(f, "a", "");
}

static void test_a_written_file_has_its_mode(void **state) {
        Fixture *f = *state;
        struct stat st;

        umask(0);
        assert_int_equal(write_file_atomic(f->fd, "a", "1", 1, 0640), 0);
        assert_int_equal(fstatat(f->fd, "a", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
}

static void test_a_name_that_is_taken_stays_as_it_was(void **state) {
        Fixture *f = *state;

        assert_int_equal(write_file_atomic(f->fd, "a", "old", 3, 0600), 0);
        assert_int_equal(write_file_atomic(f->fd, "a", "new", 3, 0600), -EEXIST);
        assert_contents(f, "a", "old");
}

static void test_a_file_has_no_name_before_it_is_linked(void **state) {
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int fd = -EBADF;
        Fixture *f = *state;

        fd = open_tmpfile(f->fd, 0600, &name);
        assert_true(fd >= 0);
        assert_false(exists(f, "a"));
        assert_int_equal(write_all(fd, "text", 4), 0);
        assert_int_equal(link_tmpfile(fd, f->fd, name, "a"), 0);
        assert_contents(f, "a", "text");
}

/* As open_tmpfile() does where the file system has no O_TMPFILE. */
static void test_a_hidden_name_is_replaced_by_the_real_one(void **state) {
        _cleanup_close_ int fd = -EBADF;
        Fixture *f = *state;

        fd = openat(f->fd, "b", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(link_tmpfile(fd, f->fd, "b", "a"), 0);
        assert_true(exists(f, "a"));
        assert_false(exists(f, "b"));

        assert_int_equal(write_file_atomic(f->fd, "b", "2", 1, 0600), 0);
        assert_int_equal(link_tmpfile(fd, f->fd, "b", "a"), -EEXIST);
        assert_true(exists(f, "b"));
}

static void test_a_failed_write_is_an_error(void **state) {
        _cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

        assert_true(full >= 0);
        assert_int_equal(write_all(full, "1", 1), -ENOSPC);
        assert_int_equal(write_all(full, "", 0), 0);
}

static void test_a_directory_is_made_once(void **state) {
        Fixture *f = *state;

        for (int i = 0; i < 2; i++) {
                int fd = mkdir_open(f->fd, "a", 0700);

                assert_true(fd >= 0);
                close(fd);
        }
}

/* Who may write to the directory must not lead us elsewhere. */
static void test_a_link_is_no_directory(void **state) {
        Fixture *f = *state;

        assert_int_equal(symlinkat("/tmp", f->fd, "a"), 0);
        assert_int_equal(mkdir_open(f->fd, "a", 0700), -ENOTDIR);
        assert_int_equal(write_file_atomic(f->fd, "b", "1", 1, 0600), 0);
        assert_int_equal(mkdir_open(f->fd, "b", 0700), -ENOTDIR);
}

/* The way without openat2() refuses links, so none is used here. */
static void test_a_regular_file_is_opened_in_a_root(void **state) {
        _cleanup_close_ int fd = -EBADF;
        Fixture *f = *state;

        assert_return_code(mkdirat(f->fd, "a", 0700), errno);
        assert_return_code(mkfifoat(f->fd, "a/pipe", 0600), errno);
        assert_int_equal(write_file_atomic(f->fd, "b", "1", 1, 0600), 0);
        assert_return_code(symlinkat("/etc/passwd", f->fd, "a/out"), errno);
        fd = open_regular_in_root(f->fd, "b");
        assert_return_code(fd, -fd);
        assert_int_equal(open_regular_in_root(f->fd, "a"), -ENOENT);
        assert_int_equal(open_regular_in_root(f->fd, "a/pipe"), -ENOENT);
        assert_int_equal(open_regular_in_root(f->fd, "c"), -ENOENT);
        assert_true(open_regular_in_root(f->fd, "a/out") < 0);
}

/* What another user is to read must not depend on the unit's UMask=. */
static void test_a_replaced_file_has_its_mode_whatever_the_umask(void **state) {
        Fixture *f = *state;
        struct stat st;
        mode_t old;
        int r;

        old = umask(0027);
        r = replace_file(f->fd, "a", "1", 1, 0644);
        (void) umask(old);
        assert_return_code(r, -r);
        assert_return_code(fstatat(f->fd, "a", &st, 0), errno);
        assert_int_equal(st.st_mode & 07777, 0644);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_file_is_read_up_to_the_limit, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_what_is_no_file_is_told_apart, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_a_pipe_is_read_to_its_end, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_an_empty_file_is_an_empty_string, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_a_written_file_has_its_mode, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_a_name_that_is_taken_stays_as_it_was, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_a_file_has_no_name_before_it_is_linked, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_a_hidden_name_is_replaced_by_the_real_one,
                                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_failed_write_is_an_error, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        test_a_replaced_file_has_its_mode_whatever_the_umask, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_directory_is_made_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_link_is_no_directory, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_regular_file_is_opened_in_a_root, set_up,
                                                tear_down),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
