/* SPDX-License-Identifier: Apache-2.0 */
/* Advice about symbols */

#include "basic/string-util.h"
#include "ctl/symbols-advice.h"
#include "unit-test.h"

static const SymbolsRow library = {
        .file = (char[]){ "/usr/lib/libssl.so.3" },
        .build_id = (char[]){ "abcdef" },
        .frames = 100,
        .named = 10,
};

static void assert_debug_package(const char *package, const char *expected) {
        _cleanup_free_ char *name = symbols_debug_package(package);

        assert_string_equal(name, expected);
}

static void test_debug_packages_have_the_names_of_debian(void **state) {
        assert_debug_package("libc6", "libc6-dbg");
        assert_debug_package("python3.11-minimal", "python3.11-dbg");
        assert_debug_package("libpython3.11", "python3.11-dbg");
        assert_debug_package("postgresql-15", "postgresql-15-dbgsym");
}

static void test_only_what_matters_is_poor(void **state) {
        SymbolsRow rows[] = {
                { .frames = 10000, .named = 10000 },
                { .frames = 100, .named = 94 },
                { .frames = 100, .named = 95 },
                { .frames = 10, .named = 0 },
        };

        assert_false(symbols_row_is_poor(&rows[0], rows, ELEMENTSOF(rows)));
        assert_true(symbols_row_is_poor(&rows[1], rows, ELEMENTSOF(rows)));
        assert_false(symbols_row_is_poor(&rows[2], rows, ELEMENTSOF(rows)));
        assert_false(symbols_row_is_poor(&rows[3], rows, ELEMENTSOF(rows)));
}

static void test_a_file_of_a_package_wants_its_debug_package(void **state) {
        _cleanup_free_ char *advice = symbols_advise(&library, &library, 1, "libssl3", "a.service");

        assert_non_null(strstr(advice, "apt install libssl3-dbgsym"));
        assert_non_null(strstr(advice, "profilerctl symbols fetch a.service"));
}

static void test_a_file_of_nobody_wants_a_debug_file_at_its_place(void **state) {
        _cleanup_free_ char *advice = symbols_advise(&library, &library, 1, NULL, "a.service");

        assert_non_null(strstr(advice, "/usr/lib/debug/.build-id/ab/cdef.debug"));
}

static void test_memory_wants_an_option_of_its_runtime(void **state) {
        const SymbolsRow rows[] = {
                { .file = (char[]){ "//anon" }, .build_id = (char[]){ "" } },
                { .file = (char[]){ "/usr/lib/jvm/x/lib/server/libjvm.so" } },
        };
        _cleanup_free_ char *java = symbols_advise(&rows[0], rows, 2, NULL, "a.service");
        _cleanup_free_ char *unknown = symbols_advise(&rows[0], rows, 1, NULL, "a.service");

        assert_non_null(strstr(java, "PreserveFramePointer"));
        assert_non_null(strstr(unknown, "perf map"));
}

static void test_dpkg_is_asked_for_the_package(void **state) {
        _cleanup_free_ char *package = NULL;

        assert_int_equal(symbols_find_package("/no/such/file", &package), 0);
        if (access("/usr/bin/dpkg-query", X_OK) < 0 || access("/var/lib/dpkg/info", R_OK) < 0)
                skip();
        assert_int_equal(symbols_find_package("/usr/bin/dpkg-query", &package), 1);
        assert_string_equal(package, "dpkg");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_debug_packages_have_the_names_of_debian),
                cmocka_unit_test(test_only_what_matters_is_poor),
                cmocka_unit_test(test_a_file_of_a_package_wants_its_debug_package),
                cmocka_unit_test(test_a_file_of_nobody_wants_a_debug_file_at_its_place),
                cmocka_unit_test(test_memory_wants_an_option_of_its_runtime),
                cmocka_unit_test(test_dpkg_is_asked_for_the_package),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
