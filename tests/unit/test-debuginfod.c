/* SPDX-License-Identifier: Apache-2.0 */
/* Which servers are asked; the asking is in tests/system/test_names.py */

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/debuginfod.h"
#include "index-fixture.h"
#include "unit-test.h"

static void test_the_environment_decides(void **state) {
        _cleanup_free_ char *urls = NULL;

        assert_return_code(setenv("DEBUGINFOD_URLS", "http://a http://b", 1), errno);
        assert_int_equal(debuginfod_find_servers("/nonexistent", &urls), 0);
        assert_string_equal(urls, "http://a http://b");
        assert_return_code(setenv("DEBUGINFOD_URLS", "", 1), errno);
        assert_int_equal(debuginfod_find_servers("/etc/debuginfod", &urls), -ENODATA);
}

static void test_without_it_the_files_of_the_host_do(void **state) {
        _cleanup_free_ char *urls = NULL;
        char *directory = make_directory();

        assert_return_code(unsetenv("DEBUGINFOD_URLS"), errno);
        assert_int_equal(debuginfod_find_servers(directory, &urls), -ENODATA);
        put_text(directory, "a.urls", "http://a\n");
        put_text(directory, "b.urls", "http://b\nhttp://c\n");
        put_text(directory, "c.certs", "http://d\n");
        assert_int_equal(debuginfod_find_servers(directory, &urls), 0);
        assert_string_equal(urls, "http://a http://b http://c");
        remove_directory(directory);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_environment_decides),
                cmocka_unit_test(test_without_it_the_files_of_the_host_do),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
