/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Store */

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "basic/string-util.h"
#include "store-fixture.h"
#include "unit-test.h"

enum { FILE_BYTES = 4096, DISK_BYTES = 256 << 10 };

static const StoreLimits unlimited = { UINT64_MAX, 0, USEC_INFINITY };

static StoreEntry entry_of(const char *unit, usec_t start) {
        StoreEntry e = {
                .unit = (char *) unit,
                .type = (char *) "cpu",
                .start_usec = start,
                .duration_usec = 10,
        };

        assert_return_code(sd_id128_from_string(BOOT, &e.boot_id), 0);
        return e;
}

static int put(Store *s, const char *unit, usec_t start, size_t size) {
        _cleanup_free_ char *data = calloc(1, size + 1);
        StoreEntry e = entry_of(unit, start);

        assert_non_null(data);
        return store_write(s, &e, data, size, NULL);
}

static void test_a_profile_lies_where_its_name_says(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        _cleanup_free_ char *directory = NULL, *path = NULL, *data = NULL;
        StoreEntry e = entry_of("nginx.service", 1700000000000000);
        struct stat st;
        size_t size;

        (void) umask(0);
        assert_true(asprintf(&directory, "%s/store", (const char *) *state) > 0);
        assert_return_code(store_open(&s, directory, &unlimited), 0);
        assert_return_code(store_write(s, &e, "profile", 7, &path), 0);
        assert_string_equal(path, "nginx.service/cpu." BOOT ".1700000000000000.10.pb.gz");

        assert_return_code(read_full_file_at(store_get_fd(s), path, 100, &data, &size), 0);
        assert_int_equal(size, 7);
        assert_memory_equal(data, "profile", 7);

        assert_return_code(fstat(store_get_fd(s), &st), errno);
        assert_int_equal(st.st_mode & 07777, 0750);
        assert_return_code(fstatat(store_get_fd(s), "nginx.service", &st, 0), errno);
        assert_int_equal(st.st_mode & 07777, 0750);
        assert_return_code(fstatat(store_get_fd(s), path, &st, 0), errno);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(store_get_use_bytes(s), st.st_blocks * 512);
}

static void test_a_taken_name_moves_the_start(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry e = entry_of("a.service", 100);

        assert_return_code(store_open(&s, *state, &unlimited), 0);
        put_profile(*state, "a.service", 101, 3);
        for (usec_t i = 0; i < 3; i++)
                assert_return_code(store_write(s, &e, "x", 1, NULL), 0);
        assert_true(has_profile(*state, "a.service", 100));
        assert_true(has_profile(*state, "a.service", 102));
        assert_true(has_profile(*state, "a.service", 103));
        assert_int_equal(count_names(*state, "a.service"), 4);
}

static void test_an_entry_without_a_proper_name_is_refused(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry e;

        assert_return_code(store_open(&s, *state, &unlimited), 0);
        e = entry_of("", 1);
        assert_int_equal(store_write(s, &e, "x", 1, NULL), -EINVAL);
        e = entry_of("a.service", 1);
        e.type = (char *) "../cpu";
        assert_int_equal(store_write(s, &e, "x", 1, NULL), -EINVAL);
        e = entry_of("a.service", UINT64_MAX - 5);
        assert_int_equal(store_write(s, &e, "x", 1, NULL), -EINVAL);
        assert_int_equal(count_names(*state, "."), 0);
}

static void test_a_store_needs_its_parent(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/a/b", (const char *) *state) > 0);
        assert_int_equal(store_open(&s, path, &unlimited), -ENOENT);
        assert_int_equal(store_open_reader(&s, path), -ENOENT);
        assert_null(s);
}

static void test_max_use_holds_after_every_write(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreLimits limits = unlimited;
        StoreVacuum done;

        limits.max_use_bytes = 8 * FILE_BYTES;
        assert_return_code(store_open(&s, *state, &limits), 0);
        assert_return_code(put(s, "quiet.service", 1, FILE_BYTES), 0);
        for (usec_t i = 2; i < 40; i++) {
                assert_return_code(put(s, "busy.service", i, FILE_BYTES), 0);
                assert_true(store_get_use_bytes(s) <= limits.max_use_bytes);
        }

        assert_true(has_profile(*state, "quiet.service", 1));
        assert_int_equal(count_names(*state, "busy.service"), 7);
        assert_true(has_profile(*state, "busy.service", 39));
        store_get_vacuumed(s, &done);
        assert_int_equal(done.n_removed, 31);

        assert_int_equal(put(s, "busy.service", 50, 9 * FILE_BYTES), -EFBIG);
        assert_int_equal(count_names(*state, "busy.service"), 7);
}

static void test_smaller_limits_hold_at_the_next_vacuum(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreLimits limits = unlimited;
        StoreVacuum done;

        assert_return_code(store_open(&s, *state, &limits), 0);
        for (usec_t i = 1; i <= 4; i++)
                assert_return_code(put(s, "a.service", i, FILE_BYTES), 0);
        limits.max_use_bytes = 2 * FILE_BYTES;
        store_set_limits(s, &limits);
        assert_return_code(store_vacuum(s, &done), 0);
        assert_int_equal(done.n_removed, 2);
        assert_int_equal(done.bytes_removed, 2 * FILE_BYTES);

        limits.max_retention_usec = 1;
        store_set_limits(s, &limits);
        assert_return_code(store_vacuum(s, NULL), 0);
        assert_int_equal(count_names(*state, "a.service"), -1);
        assert_int_equal(store_get_use_bytes(s), 0);
}

static void test_space_that_cannot_be_kept_free_refuses_new_units(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreLimits limits = unlimited;

        assert_return_code(store_open(&s, *state, &limits), 0);
        assert_return_code(put(s, "a.service", 1, FILE_BYTES), 0);
        assert_return_code(put(s, "a.service", 2, FILE_BYTES), 0);
        limits.keep_free_bytes = UINT64_MAX / 2;
        store_set_limits(s, &limits);

        assert_int_equal(put(s, "b.service", 3, FILE_BYTES), -ENOSPC);
        assert_int_equal(count_names(*state, "b.service"), -1);
        assert_return_code(put(s, "a.service", 4, FILE_BYTES), 0);
        assert_int_equal(count_names(*state, "a.service"), 1);
        assert_true(has_profile(*state, "a.service", 4));
}

static void test_a_store_opened_again_knows_what_is_there(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        uint64_t use;

        assert_return_code(store_open(&s, *state, &unlimited), 0);
        for (usec_t i = 1; i <= 5; i++)
                assert_return_code(put(s, i % 2 ? "a.service" : "b.service", i, 5000), 0);
        use = store_get_use_bytes(s);
        s = store_free(s);

        put_file(*state, "a.service", ".#0123456789abcdef", FILE_BYTES);
        assert_return_code(store_open(&s, *state, &unlimited), 0);
        assert_int_equal(store_get_use_bytes(s), use);
        assert_int_equal(count_names(*state, "a.service"), 3);
}

static void test_files_removed_by_others_are_no_error(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreLimits limits = { 2 * FILE_BYTES, 0, USEC_INFINITY };
        _cleanup_free_ char *path = NULL;

        assert_return_code(store_open(&s, *state, &limits), 0);
        assert_return_code(put(s, "a.service", 1, FILE_BYTES), 0);
        assert_return_code(put(s, "a.service", 2, FILE_BYTES), 0);
        assert_true(asprintf(&path, "%s/a.service", (const char *) *state) > 0);
        assert_return_code(remove_tree(path), 0);

        assert_return_code(put(s, "a.service", 3, FILE_BYTES), 0);
        assert_int_equal(store_get_use_bytes(s), FILE_BYTES);
        assert_return_code(store_vacuum(s, NULL), 0);
        assert_true(has_profile(*state, "a.service", 3));
}

/* The process may write half of it: nobody is to see that half. */
static void test_a_write_that_fails_leaves_nothing(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        struct rlimit before, limit;
        int r;

        assert_return_code(store_open(&s, *state, &unlimited), 0);
        assert_return_code(getrlimit(RLIMIT_FSIZE, &before), errno);
        limit = (struct rlimit){ FILE_BYTES, before.rlim_max };
        (void) signal(SIGXFSZ, SIG_IGN);
        assert_return_code(setrlimit(RLIMIT_FSIZE, &limit), errno);
        r = put(s, "a.service", 1, 2 * FILE_BYTES);
        assert_return_code(setrlimit(RLIMIT_FSIZE, &before), errno);

        assert_int_equal(r, -EFBIG);
        assert_int_equal(count_names(*state, "."), 0);
        assert_int_equal(store_get_use_bytes(s), 0);
        assert_return_code(put(s, "a.service", 1, 2 * FILE_BYTES), 0);
}

static int write_string(const char *path, const char *s) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd < 0 ? -errno : write_all(fd, s, strlen(s));
}

/* As root, or as the root of a user namespace, where the host allows that to users. */
static int mount_small_disk(const char *where) {
        char map[64];
        uid_t uid = geteuid();
        gid_t gid = getegid();
        int r;

        if (unshare(CLONE_NEWNS) < 0) {
                if (unshare(CLONE_NEWNS | CLONE_NEWUSER) < 0)
                        return -errno;
                (void) write_string("/proc/self/setgroups", "deny");
                snprintf(map, sizeof(map), "0 %u 1", gid);
                r = write_string("/proc/self/gid_map", map);
                if (r < 0)
                        return r;
                snprintf(map, sizeof(map), "0 %u 1", uid);
                r = write_string("/proc/self/uid_map", map);
                if (r < 0)
                        return r;
        }
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        snprintf(map, sizeof(map), "size=%d", DISK_BYTES);
        return mount("test", where, "tmpfs", MS_NOSUID | MS_NODEV, map) < 0 ? -errno : 0;
}

/* The last test: it does not leave the namespaces that it enters. */
static void test_a_full_disk_takes_the_oldest(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        const usec_t n = 2 * DISK_BYTES / FILE_BYTES;
        StoreVacuum done;
        int r;

        r = mount_small_disk(*state);
        if (r < 0) {
                print_message("# no small disk can be mounted: %s\n", strerror(-r));
                skip();
        }

        assert_return_code(store_open(&s, *state, &unlimited), 0);
        for (usec_t i = 1; i <= n; i++)
                assert_return_code(put(s, "a.service", i, FILE_BYTES), 0);
        assert_false(has_profile(*state, "a.service", 1));
        assert_true(has_profile(*state, "a.service", n));
        assert_true(count_names(*state, "a.service") > (int) n / 4);

        /* What fits on no disk is refused, once all has been tried. */
        assert_int_equal(put(s, "b.service", 1, 2 * DISK_BYTES), -ENOSPC);
        store_get_vacuumed(s, &done);
        assert_int_equal(done.n_removed, n);
        assert_int_equal(count_names(*state, "."), 0);
        assert_return_code(put(s, "b.service", 2, FILE_BYTES), 0);

        s = store_free(s);
        assert_return_code(umount(*state), errno);
}

#define store_test(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void) {
        const struct CMUnitTest tests[] = {
                store_test(test_a_profile_lies_where_its_name_says),
                store_test(test_a_taken_name_moves_the_start),
                store_test(test_an_entry_without_a_proper_name_is_refused),
                store_test(test_a_store_needs_its_parent),
                store_test(test_max_use_holds_after_every_write),
                store_test(test_smaller_limits_hold_at_the_next_vacuum),
                store_test(test_space_that_cannot_be_kept_free_refuses_new_units),
                store_test(test_a_store_opened_again_knows_what_is_there),
                store_test(test_files_removed_by_others_are_no_error),
                store_test(test_a_write_that_fails_leaves_nothing),
                store_test(test_a_full_disk_takes_the_oldest),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
