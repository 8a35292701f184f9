/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Control Groups */

#include <sys/stat.h>

#include "basic/cgroup-util.h"
#include "unit-test.h"

/* The tests of real cgroups need a cgroup2 tree, as any host of ours has one. */
static const char *need_mount(void) {
        const char *mount;

        if (cgroup_mount_path(&mount) < 0)
                skip();
        return mount;
}

static void test_the_id_is_that_of_the_directory(void **state _unused_) {
        const char *mount = need_mount();
        struct stat st;
        uint64_t id;

        assert_return_code(stat(mount, &st), errno);
        assert_return_code(cgroup_get_id("/", &id), 0);
        assert_int_equal(id, st.st_ino);
        assert_true(cgroup_exists("/"));
}

static void test_a_cgroup_that_is_gone_is_enoent(void **state _unused_) {
        uint64_t id = 1;

        need_mount();
        assert_int_equal(cgroup_get_id("/no-such.slice/no-such.service", &id), -ENOENT);
        assert_int_equal(id, 1);
        assert_false(cgroup_exists("/no-such.slice/no-such.service"));
}

static void test_a_path_cannot_leave_the_tree(void **state _unused_) {
        static const char *const paths[] = {
                "", "a", "..", "/..", "/../..", "/a/../../etc", "/a/.."
        };
        uint64_t id;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                assert_int_equal(cgroup_get_id(paths[i], &id), -EINVAL);
                assert_false(cgroup_exists(paths[i]));
        }
}

static void test_dots_in_names_are_no_steps(void **state _unused_) {
        uint64_t id;

        need_mount();
        assert_int_equal(cgroup_get_id("/..a/b../...", &id), -ENOENT);
}

static void test_an_over_long_path_is_refused(void **state _unused_) {
        char path[8192];
        uint64_t id;

        need_mount();
        memset(path, 'a', sizeof(path));
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        assert_int_equal(cgroup_get_id(path, &id), -ENAMETOOLONG);
        assert_false(cgroup_exists(path));
}

static void test_the_slice_is_the_deepest_above_the_unit(void **state _unused_) {
        static const char *const cases[][2] = {
                { "/system.slice/nginx.service", "system.slice" },
                { "/a.slice/a-b.slice/x.service", "a-b.slice" },
                { "/user.slice/user-1.slice/user@1.service/app.slice/y.service", "app.slice" },
                { "/user.slice/user-1.slice/user@1.service/init.scope", "user-1.slice" },
                { "/system.slice", "-.slice" },
                { "/a.slice/a-b.slice", "a.slice" },
                { "/init.scope", "-.slice" },
                { "/.slice/x.service", "-.slice" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *slice = cgroup_get_slice(cases[i][0]);

                assert_string_equal(slice, cases[i][1]);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_id_is_that_of_the_directory),
                cmocka_unit_test(test_a_cgroup_that_is_gone_is_enoent),
                cmocka_unit_test(test_a_path_cannot_leave_the_tree),
                cmocka_unit_test(test_dots_in_names_are_no_steps),
                cmocka_unit_test(test_an_over_long_path_is_refused),
                cmocka_unit_test(test_the_slice_is_the_deepest_above_the_unit),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
