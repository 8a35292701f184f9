/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Unit Objects */

#include "basic/unit-name.h"
#include "bus/unit-object.h"
#include "unit-test.h"

static void test_names_are_accepted_as_systemd_does(void **state _unused_) {
        char longest[UNIT_NAME_MAX + 2];

        assert_true(unit_object_name_is_valid("nginx.service"));
        assert_true(unit_object_name_is_valid("web@1.service"));
        assert_true(unit_object_name_is_valid("-.slice"));
        assert_true(unit_object_name_is_valid("dev-disk-by\\x2duuid.swap"));
        assert_true(unit_object_name_is_valid("a:b_c.d.timer"));
        assert_false(unit_object_name_is_valid(""));
        assert_false(unit_object_name_is_valid(".service"));
        assert_false(unit_object_name_is_valid("nginx"));
        assert_false(unit_object_name_is_valid("nginx.conf"));
        assert_false(unit_object_name_is_valid("a b.service"));
        assert_false(unit_object_name_is_valid("a/b.service"));
        assert_false(unit_object_name_is_valid("@1.service"));
        assert_false(unit_object_name_is_valid("web@.service"));

        memset(longest, 'a', sizeof(longest));
        strcpy(longest + UNIT_NAME_MAX - strlen(".mount"), ".mount");
        assert_true(unit_object_name_is_valid(longest));
        memset(longest, 'a', sizeof(longest));
        strcpy(longest + UNIT_NAME_MAX + 1 - strlen(".mount"), ".mount");
        assert_false(unit_object_name_is_valid(longest));
}

static void test_only_types_that_run_processes_have_an_interface(void **state _unused_) {
        assert_string_equal(unit_object_get_interface("a.service"),
                            "org.freedesktop.systemd1.Service");
        assert_string_equal(unit_object_get_interface("a.b.scope"),
                            "org.freedesktop.systemd1.Scope");
        assert_string_equal(unit_object_get_interface("-.slice"), "org.freedesktop.systemd1.Slice");
        assert_null(unit_object_get_interface("a.timer"));
        assert_null(unit_object_get_interface("a.service.target"));
        assert_null(unit_object_get_interface(""));
}

static void test_paths_are_decoded_as_systemd_encodes_them(void **state _unused_) {
        _cleanup_free_ char *name = NULL, *path = NULL;

        assert_int_equal(unit_object_encode("foo@bar-1.service", &path), 1);
        assert_string_equal(path, "/org/freedesktop/systemd1/unit/foo_40bar_2d1_2eservice");
        assert_int_equal(unit_object_decode(path, &name), 1);
        assert_string_equal(name, "foo@bar-1.service");
}

static void test_other_paths_are_no_units(void **state _unused_) {
        static const char *const paths[] = {
                "/",
                "/org/freedesktop/systemd1/unit",
                "/org/freedesktop/systemd1/job/17",
                "/org/freedesktop/systemd1/unit/a/b",
                "/org/freedesktop/systemd1/unit/_2f_2e_2e_2eservice", /* "/...service" */
                "/org/freedesktop/systemd1/unit/self",
        };
        char *name = NULL;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                assert_int_equal(unit_object_decode(paths[i], &name), 0);
        assert_null(name);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_are_accepted_as_systemd_does),
                cmocka_unit_test(test_only_types_that_run_processes_have_an_interface),
                cmocka_unit_test(test_paths_are_decoded_as_systemd_encodes_them),
                cmocka_unit_test(test_other_paths_are_no_units),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
