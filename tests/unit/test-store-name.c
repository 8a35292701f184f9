/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Names in the Store */

#include "store/store-name.h"
#include "unit-test.h"

#define BOOT "0123456789abcdef0123456789abcdef"

static void test_a_name_has_all_its_parts(void **state) {
        StoreEntry e = {
                .type = (char *) "cpu",
                .start_usec = UINT64_C(1700000000123456),
                .duration_usec = 60000000,
        };
        _cleanup_free_ char *name = NULL;

        assert_return_code(sd_id128_from_string(BOOT, &e.boot_id), 0);
        name = store_format_name(&e);
        assert_string_equal(name, "cpu." BOOT ".1700000000123456.60000000.pb.gz");
}

static void test_a_name_is_read_as_it_was_written(void **state) {
        const char *name = "off-cpu_2." BOOT ".18446744073709551614.1.pb.gz";
        _cleanup_(store_entry_done) StoreEntry e = {};
        _cleanup_free_ char *again = NULL;

        assert_return_code(store_parse_name(name, &e), 0);
        assert_string_equal(e.type, "off-cpu_2");
        assert_int_equal(e.start_usec, UINT64_MAX - 1);
        assert_int_equal(e.duration_usec, 1);
        assert_null(e.unit);
        assert_null(e.path);
        again = store_format_name(&e);
        assert_string_equal(again, name);
}

static void test_other_names_are_not_ours(void **state) {
        static const char *const names[] = {
                "",
                ".",
                "cpu",
                "cpu.",
                ".#0123456789abcdef",
                "." BOOT ".1.1.pb.gz",
                "c/u." BOOT ".1.1.pb.gz",
                "c\xc3\xbc." BOOT ".1.1.pb.gz",
                "cpu.0123.1.1.pb.gz",
                "cpu.0123456789ABCDEF0123456789abcdef.1.1.pb.gz",
                "cpu.01234567-89ab-cdef-0123-456789abcdef.1.1.pb.gz",
                "cpu." BOOT "0.1.1.pb.gz",
                "cpu." BOOT ".1.pb.gz",
                "cpu." BOOT ".01.1.pb.gz",
                "cpu." BOOT ".-1.1.pb.gz",
                "cpu." BOOT ". 1.1.pb.gz",
                "cpu." BOOT ".1..pb.gz",
                "cpu." BOOT ".1.1.pb",
                "cpu." BOOT ".1.1.pb.gz.tmp",
                "cpu." BOOT ".1.1.1.pb.gz",
                "cpu." BOOT ".18446744073709551616.1.pb.gz",
                "cpu." BOOT ".99999999999999999999.1.pb.gz",
                "cpu." BOOT ".18446744073709551615.1.pb.gz", /* ends after the end of time */
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa." BOOT
                ".1.1.pb.gz", /* 65 characters */
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                StoreEntry e = { .start_usec = 77 };

                assert_int_equal(store_parse_name(names[i], &e), -EINVAL);
                assert_int_equal(e.start_usec, 77);
        }
}

static void test_zero_is_a_number(void **state) {
        _cleanup_(store_entry_done) StoreEntry e = {};

        assert_return_code(store_parse_name("cpu." BOOT ".0.0.pb.gz", &e), 0);
        assert_int_equal(e.start_usec, 0);
        assert_int_equal(e.duration_usec, 0);
}

static void test_a_unit_cannot_leave_its_directory(void **state) {
        static const struct {
                const char *unit, *directory;
        } cases[] = {
                { "nginx.service", "nginx.service" },
                { "dev-disk-by\\x2dlabel-a.swap", "dev-disk-by\\x2dlabel-a.swap" },
                { "../etc", "\\x2e.\\x2fetc" },
                { ".", "\\x2e" },
                { "/", "\\x2f" },
                { "a/b.c", "a\\x2fb.c" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *directory = store_unit_directory(cases[i].unit);

                assert_string_equal(directory, cases[i].directory);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_name_has_all_its_parts),
                cmocka_unit_test(test_a_name_is_read_as_it_was_written),
                cmocka_unit_test(test_other_names_are_not_ours),
                cmocka_unit_test(test_zero_is_a_number),
                cmocka_unit_test(test_a_unit_cannot_leave_its_directory),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
