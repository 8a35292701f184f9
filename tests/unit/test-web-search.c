/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Search */

#include "unit-test.h"
#include "web/web-search.h"

static bool matches(const char *part, const char *name) {
        WebSearch s;

        web_search_init(&s, part);
        return web_search_matches(&s, name);
}

static void test_case_counts_if_a_capital_is_typed(void **state) {
        (void) state;
        assert_true(matches("exec", "ExecInterpExpr"));
        assert_true(matches("Exec", "ExecInterpExpr"));
        assert_false(matches("Exec", "do_exec"));
        assert_true(matches("exec", "do_exec"));
}

static void test_no_character_is_special(void **state) {
        (void) state;
        assert_true(matches("a.b", "xa.by"));
        assert_false(matches("a.b", "aXb"));
        assert_true(matches("(", "f()"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_case_counts_if_a_capital_is_typed),
                cmocka_unit_test(test_no_character_is_special),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
