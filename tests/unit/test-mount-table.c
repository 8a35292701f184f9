/* SPDX-License-Identifier: Apache-2.0 */
/* Mount Table */

#include "process/mount-table.h"
#include "unit-test.h"

static const char table[] =
        "22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard\n"
        "23 22 0:21 / /proc rw,nosuid shared:12 master:3 - proc proc rw\n"
        "24 22 0:40 / /home/a/remote\\040files rw,nosuid shared:7 - fuse.sshfs a@b: "
        "rw,user_id=1000,group_id=1000,allow_other\n"
        "25 22 0:41 / /cvmfs rw - fuse cvmfs ro,user_id=0,group_id=0,allow_other\n"
        "26 22 0:42 / /sys/fs/fuse/connections rw - fusectl fusectl rw\n"
        "27 22 0:43 / /data rw - fuseblk /dev/sdb1 rw,user_id=10,group_id=0\n"
        "not a mount\n"
        "28 22 0:44 / /short rw - fuse.x\n";

static void test_what_a_user_serves_is_told_from_what_root_has_mounted(void **state) {
        assert_int_equal(mount_table_check_device(table, 0, 40), -EREMOTE);
        assert_int_equal(mount_table_check_device(table, 0, 43), -EREMOTE);
        assert_int_equal(mount_table_check_device(table, 0, 44), -EREMOTE); /* nobody says whose */
        assert_int_equal(mount_table_check_device(table, 0, 41), 0);
        assert_int_equal(mount_table_check_device(table, 0, 42), 0);
        assert_int_equal(mount_table_check_device(table, 0, 21), 0);
        assert_int_equal(mount_table_check_device(table, 253, 0), 0);
}

static void test_a_device_without_a_mount_is_not_known(void **state) {
        assert_int_equal(mount_table_check_device(table, 0, 99), -ENOENT);
        assert_int_equal(mount_table_check_device("", 0, 40), -ENOENT);
        assert_int_equal(mount_table_check_device("1 2 0:40", 0, 40), -ENOENT);
}

static void test_a_way_that_leads_over_a_users_mount_is_found(void **state) {
        assert_int_equal(mount_table_check_path(table, "/home/a/remote files/bin/x"), -EREMOTE);
        assert_int_equal(mount_table_check_path(table, "/home/a/remote files"), -EREMOTE);
        assert_int_equal(mount_table_check_path(table, "/home/a/remote filesystem"), 0);
        assert_int_equal(mount_table_check_path(table, "/home/a/x"), 0);
        assert_int_equal(mount_table_check_path(table, "/cvmfs/x"), 0);
        assert_int_equal(mount_table_check_path(table, "/usr/bin/cat"), 0);
}

static void test_a_root_directory_that_a_user_serves_is_under_every_way(void **state) {
        assert_int_equal(mount_table_check_path("1 0 0:9 / / rw - fuse x rw,user_id=7\n", "/bin/x"),
                         -EREMOTE);
}

static void test_our_own_table_is_understood(void **state) {
        _cleanup_free_ char *text = NULL;

        assert_return_code(mount_table_read("/proc/self/mountinfo", &text), 0);
        assert_int_equal(mount_table_check_path(text, "/proc/self"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_a_user_serves_is_told_from_what_root_has_mounted),
                cmocka_unit_test(test_a_device_without_a_mount_is_not_known),
                cmocka_unit_test(test_a_way_that_leads_over_a_users_mount_is_found),
                cmocka_unit_test(test_a_root_directory_that_a_user_serves_is_under_every_way),
                cmocka_unit_test(test_our_own_table_is_understood),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
