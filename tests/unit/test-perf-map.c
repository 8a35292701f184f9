/* SPDX-License-Identifier: Apache-2.0 */
/* Perf maps */

#include "symbol/perf-map.h"
#include "unit-test.h"

static CodeMap *parse(const char *text, size_t expected) {
        CodeMap *m;

        assert_return_code(code_map_new(&m), 0);
        assert_int_equal(perf_map_parse(m, text, strlen(text), 1), expected);
        assert_return_code(code_map_commit(m), 0);
        return m;
}

static void assert_name(const CodeMap *m, uint64_t address, const char *expected) {
        CodeEntry e;

        assert_true(code_map_find(m, address, 1, &e));
        assert_string_equal(e.name, expected);
}

static void test_a_line_is_start_size_and_name(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = NULL;
        static const char text[] = "7f001000 40 JS:~outer file:///a b.js:1:2\n"
                                   "0x00007f0000002000 0x00000040 void Hot::run()\r\n";

        m = parse(text, strlen(text));
        assert_name(m, 0x7f00103f, "JS:~outer file:///a b.js:1:2");
        assert_name(m, 0x7f0000002000, "void Hot::run()");
        assert_int_equal(code_map_size(m), 2);
}

static void test_the_beginning_of_a_line_is_left_for_later(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = parse("1000 10 a\n2000 10 b", 10);

        assert_int_equal(code_map_size(m), 1);
}

static void test_what_is_no_entry_is_passed_over(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = NULL;
        static const char text[] = "\n \nx 10 a\n1000\n1000 10\n1000 10 \n1000 0 a\n-1 10 a\n"
                                   "ffffffffffffffff 10 a\n10000000000000000 10 a\n1000 10 b\n";

        m = parse(text, strlen(text));
        assert_int_equal(code_map_size(m), 1);
        assert_name(m, 0x1000, "b");
}

static void test_a_line_that_is_too_long_is_passed_over(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = NULL;
        char text[PERF_MAP_LINE_MAX + 32] = "1000 10 ";

        memset(text + 8, 'a', PERF_MAP_LINE_MAX);
        strcpy(text + 8 + PERF_MAP_LINE_MAX, "\n2000 10 b\n");
        m = parse(text, strlen(text));
        assert_int_equal(code_map_size(m), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_line_is_start_size_and_name),
                cmocka_unit_test(test_the_beginning_of_a_line_is_left_for_later),
                cmocka_unit_test(test_what_is_no_entry_is_passed_over),
                cmocka_unit_test(test_a_line_that_is_too_long_is_passed_over),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
