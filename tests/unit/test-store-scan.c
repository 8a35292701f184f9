/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Scanning the Store */

#include "store-fixture.h"
#include "store/store-scan.h"
#include "unit-test.h"

static int open_root(const char *root) {
        int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void test_foreign_files_are_left_alone_and_not_counted(void **state) {
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        _cleanup_close_ int fd = open_root(*state);
        char name[128];

        put_profile(*state, "a.service", 1, 4096);
        put_file(*state, "a.service", "README", 4096);
        put_file(*state, "a.service", "cpu." BOOT ".2.10.pb.gz.part", 4096);
        put_file(*state, ".", "profile.pb.gz", 4096);
        assert_return_code(mkdirat(fd, "lost+found", 0700), errno);
        assert_return_code(mkdirat(fd, ".hidden", 0700), errno);
        /* Names of ours, but no files of ours. */
        assert_return_code(symlinkat("a.service", fd, "link.service"), errno);
        assert_return_code(symlinkat("/etc/passwd", fd, "passwd.service"), errno);
        assert_return_code(mkdirat(fd, "b.service", 0750), errno);
        assert_return_code(mkdirat(fd, "b.service/cpu." BOOT ".1.1.pb.gz", 0750), errno);
        assert_return_code(
                symlinkat(profile_name(1, name), fd, "a.service/cpu." BOOT ".3.10.pb.gz"), errno);

        assert_return_code(store_index_new(&x), 0);
        assert_return_code(store_refresh(x, fd), 0);
        assert_int_equal(store_index_get_n_files(x), 1);
        assert_int_equal(store_index_get_use_bytes(x), 4096);
        assert_int_equal(count_names(*state, "a.service"), 4);
        assert_int_equal(count_names(*state, "."), 7);
}

static void test_leftovers_and_empty_directories_go(void **state) {
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        _cleanup_close_ int fd = open_root(*state);

        put_profile(*state, "a.service", 1, 10);
        put_file(*state, "a.service", ".#0123456789abcdef", 10);
        put_file(*state, "b.service", ".#0123456789abcdef", 10);

        assert_return_code(store_index_new(&x), 0);
        assert_return_code(store_refresh(x, fd), 0);
        assert_int_equal(count_names(*state, "a.service"), 1);
        assert_int_equal(count_names(*state, "b.service"), -1);
        assert_null(store_index_find(x, "b.service"));
}

static void test_only_what_changed_is_read_again(void **state) {
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        _cleanup_close_ int fd = open_root(*state);
        StoreUnit *u;

        put_profile(*state, "a.service", 1, 10);
        assert_return_code(store_index_new(&x), 0);
        assert_int_equal(store_refresh_unit(x, fd, "a.service", &u, NULL), 1);
        assert_int_equal(store_refresh_unit(x, fd, "a.service", &u, NULL), 0);
        assert_int_equal(store_index_n_files(u), 1);

        usleep(20000); /* a tick of the file system's clock */
        put_profile(*state, "a.service", 2, 10);
        assert_int_equal(store_refresh_unit(x, fd, "a.service", &u, NULL), 1);
        assert_int_equal(store_index_n_files(u), 2);
}

static void test_a_missing_unit_is_said_to_be_missing(void **state) {
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        _cleanup_close_ int fd = open_root(*state);

        assert_return_code(store_index_new(&x), 0);
        assert_int_equal(store_refresh_unit(x, fd, "a.service", NULL, NULL), -ENOENT);
        assert_int_equal(store_open_unit(fd, "a.service"), -ENOENT);
}

static int stop_at_once(const char *name, void *userdata) {
        unsigned *n = userdata;

        (*n)++;
        return -ECANCELED;
}

static void test_a_negative_answer_ends_a_scan(void **state) {
        _cleanup_close_ int fd = open_root(*state);
        unsigned n = 0;

        put_profile(*state, "a.service", 1, 10);
        put_profile(*state, "b.service", 1, 10);
        assert_int_equal(store_scan_names(fd, stop_at_once, &n), -ECANCELED);
        assert_int_equal(n, 1);
}

#define scan_test(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void) {
        const struct CMUnitTest tests[] = {
                scan_test(test_foreign_files_are_left_alone_and_not_counted),
                scan_test(test_leftovers_and_empty_directories_go),
                scan_test(test_only_what_changed_is_read_again),
                scan_test(test_a_missing_unit_is_said_to_be_missing),
                scan_test(test_a_negative_answer_ends_a_scan),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
